"""A worker whose clock is wrong: what is decided by time is decided by Redis' clock."""

import pytest

from flask_api.jobs.engine import JobEngine
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import JobStatus
from tests.integration.engine.engine_bench import EngineBench
from tests.integration.engine.remote.conftest import StartWorker
from tests.integration.engine.worker_process import wait_for_workers


@pytest.mark.parametrize("clock_s", [300, -300])
def test_worker_with_a_wrong_clock_decides_nothing_by_it(
    bench: EngineBench, remote_engine: JobEngine, start_worker: StartWorker, clock_s: int
) -> None:
    """A failed attempt is tried again when it is time, and the outcome begins, ends and expires
    when it does for everybody."""
    start_worker("--slots", "1", clock_s=clock_s)
    wait_for_workers(bench.admin, 1)
    job = bench.run(remote_engine, "child.flaky", {"failures": 1})
    assert (job.status, job.attempt) == (JobStatus.SUCCEEDED, 2)
    assert job.started_at
    assert job.finished_at
    assert job.expires_at
    assert job.submitted_at <= job.started_at <= job.finished_at
    now = float(bench.admin.time()[0])
    assert abs(job.finished_at.timestamp() - now) < 100
    ttl_s = job.expires_at.timestamp() - job.finished_at.timestamp()
    assert ttl_s == pytest.approx(remote_engine.settings.job_ttl_s, abs=1)
    due = bench.admin.zscore(keyspace.EXPIRING, job.id)
    assert due == pytest.approx(job.expires_at.timestamp(), abs=1)
