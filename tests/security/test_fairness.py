"""One person's jobs, however many and of whatever priority,
hold up another's first one by one job at most.

200 jobs are queued here; ``NIGHTLY_QUEUED=10000`` for the long run (script/nightly).
"""

import os
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import JobStatus
from tests.integration.engine.engine_bench import EngineBench, new_owner
from tests.waiting import wait_until

QUEUED = int(os.environ.get("NIGHTLY_QUEUED", "200"))
JOB_S = 0.5
SLOTS = 2
HIGH, LOW = 1, -1
ONE_JOB: dict[str, Any] = {"count": 1, "step_s": JOB_S}


@pytest.mark.parametrize("task", ["sample.steps", "child.steps"])
def test_anothers_first_job_begins_within_one_jobs_length(bench: EngineBench, task: str) -> None:
    """All slots run one person's jobs of high priority and the rest of them wait:
    the next slot is the other's."""
    engine = bench.start(job_threads=SLOTS, job_running_limit=SLOTS, job_processes=SLOTS)
    crowd, other = new_owner(), new_owner()
    batch = engine.submit_batch(task, [ONE_JOB] * QUEUED, owner=crowd, priority=HIGH).id
    wait_until(
        lambda: _count(bench, batch, "succeeded") >= SLOTS,
        timeout_s=30,
        what="children have started, where it has some",
    )
    wait_until(
        lambda: _count(bench, batch, "running") == SLOTS,
        timeout_s=10,
        what="one person has every slot",
    )
    first = bench.submit(engine, task, ONE_JOB, owner=other, priority=LOW)
    waited = bench.wait_for(first, JobStatus.RUNNING, timeout_s=20)
    begun = _begun(bench, batch, between=(waited["submitted_at"], waited["started_at"]))
    # What another slot took while the job was being accepted;
    # one slot may take one job in a job's length.
    assert begun <= SLOTS, f"{begun} jobs of the crowd went before it"
    seconds = (
        datetime.fromisoformat(waited["started_at"])
        - datetime.fromisoformat(waited["submitted_at"])
    ).total_seconds()
    print(f"{task}: with {QUEUED} queued it began after {seconds:.2f} s")  # noqa: T201  # for who runs the long one


def test_delayed_jobs_hold_up_nobody(bench: EngineBench) -> None:
    """One person's delayed jobs, or retries, all due before another's:
    that one is no longer claimed last, minutes later."""
    engine = bench.start(job_threads=SLOTS, job_running_limit=SLOTS)
    crowd, other, later = new_owner(), new_owner(), datetime.now(UTC) + timedelta(hours=1)
    theirs = [
        bench.submit(engine, "sample.steps", ONE_JOB, owner=crowd, start_at=later)
        for _ in range(300)
    ]
    first = bench.submit(engine, "sample.steps", ONE_JOB, owner=other, start_at=later)
    now = time.time()
    bench.admin.zadd(keyspace.DELAYED, dict.fromkeys(theirs, now - 2) | {first: now - 1})
    waited = bench.wait_for(first, JobStatus.RUNNING, timeout_s=30)
    records = [bench.record(job) for job in theirs]
    begun = sum(record.get("started_at", "9") < waited["started_at"] for record in records)
    # Claimed four at a time, as many as could begin soon, all of them came before it: 75 had begun.
    assert begun < 40, f"{begun} jobs of the crowd went before it"


def _count(bench: EngineBench, batch: str, status: str) -> int:
    return int(bench.admin.hget(keyspace.batch(batch), status) or 0)


def _begun(bench: EngineBench, batch: str, *, between: tuple[str, str]) -> int:
    earliest, latest = between
    begun = [
        bench.admin.hget(keyspace.record(str(job)), "started_at")
        for job in bench.admin.lrange(keyspace.members(batch), 0, -1)
    ]
    return sum(at is not None and earliest < str(at) < latest for at in begun)
