"""A jobs' Redis without memory: nothing new is accepted, nothing that was is lost,
and what frees memory works."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from flask_api.jobs import membership
from flask_api.jobs.engine import JobEngine
from flask_api.jobs.expiry import Sweeper
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import JobStatus
from flask_api.jobs.sharing.share import Terms
from flask_api.jobs.sharing.shares import Shares
from shared.contract.gone import GonePeople
from shared.contract.signing import EntrySigner
from shared.errors import JobStoreFull
from tests.contract.recount import check_counters
from tests.integration.engine.engine_bench import AUDITED_S, EngineBench
from tests.waiting import wait_until


@contextmanager
def _full(bench: EngineBench) -> Iterator[None]:
    """Let Redis have no memory left."""
    bench.admin.config_set("maxmemory", "1mb")
    try:
        yield
    finally:
        bench.admin.config_set("maxmemory", "0")


def _refused(submit: Callable[[], object]) -> None:
    with pytest.raises(JobStoreFull):
        submit()


def test_submit_to_a_full_store_is_refused_and_leaves_nothing(
    bench: EngineBench, engine: JobEngine
) -> None:
    """A job, a batch, a retry, a share: an error that says so, no entry more,
    and the server is not taken for away."""
    failed = bench.run(engine, "sample.fail", {"message": "no"})
    shares = Shares(engine._store, GonePeople(engine._store, EntrySigner(["s" * 40])))
    before = set(bench.admin.scan_iter("gatehouse:jobs:*"))
    with _full(bench):
        _refused(lambda: bench.submit(engine, "sample.echo"))
        _refused(lambda: engine.submit_batch("sample.echo", [{}] * 600, owner=bench.owner))
        _refused(lambda: engine.retry(failed))
        _refused(lambda: shares.make(failed, Terms(), life_s=600))
        assert set(bench.admin.scan_iter("gatehouse:jobs:*")) == before
        assert engine.get(failed.id, viewer=bench.owner).status is JobStatus.FAILED
    assert bench.run(engine, "sample.echo").status is JobStatus.SUCCEEDED
    check_counters(engine._store, bench.admin, bench.owner.id)


def test_cancel_delete_and_sweep_work_in_a_full_store(
    bench: EngineBench, engine: JobEngine
) -> None:
    """All that frees memory: of running and waiting jobs, of ended ones and batches,
    of what is due."""
    jobs = [bench.run(engine, "sample.save", {"name": "a", "size": 3}) for _ in range(2)]
    batch_id = engine.submit_batch("sample.echo", [{}] * 3, owner=bench.owner).id
    wait_until(
        lambda: engine.get_batch(batch_id, viewer=bench.owner).finished_at,
        timeout_s=5,
        what="the batch has ended",
    )
    running = bench.submit(engine, "sample.hold", {"path": bench.path()})
    wait_until(bench.runs, timeout_s=5, what="it runs")
    waiting = [
        bench.submit(engine, "sample.hold", {"path": bench.path()}, start_at=_in_an_hour())
        for _ in range(2)
    ]
    with _full(bench):
        for job_id in (running, *waiting):
            engine.cancel(engine.get(job_id, viewer=bench.owner))
        for job_id in (running, *waiting):
            bench.wait_for(job_id, "cancelled")
            engine.delete(engine.get(job_id, viewer=bench.owner))
        engine.delete(jobs[0])
        engine.delete_batch(engine.get_batch(batch_id, viewer=bench.owner))
        bench.admin.config_set("maxmemory", "0")  # for what the test itself writes
        bench.admin.zadd(keyspace.EXPIRING, {jobs[1].id: 1.0})
        bench.admin.delete(keyspace.SWEEP_TURN)
        bench.admin.config_set("maxmemory", "1mb")
        assert Sweeper(engine._store, engine.files, engine.uploads).sweep() == 1
    assert engine.usage(bench.owner).bytes == 0
    check_counters(engine._store, bench.admin, bench.owner.id)


def test_outcomes_are_stored_in_a_full_store_and_nothing_runs_twice(
    bench: EngineBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ran when the memory ran out ends with its result, once;
    what waited begins when there is room again."""
    monkeypatch.setattr(membership, "_AUDIT_EVERY_S", 0.3)
    engine = bench.start()
    running = [bench.submit(engine, "sample.hold", {"path": bench.path()}) for _ in range(4)]
    wait_until(lambda: len(bench.runs()) == 4, timeout_s=5, what="all slots are busy")
    waiting = [bench.submit(engine, "sample.echo", {"value": number}) for number in range(3)]
    with _full(bench):
        bench.go()
        for job_id in running:
            assert bench.outcome(engine, job_id).result == 1
        # None of these may begin: each would write more.
        assert [bench.status(job_id) for job_id in waiting] == ["queued"] * 3
        assert engine.instance, "its heart goes on beating"
    for number, job_id in enumerate(waiting):
        job = bench.outcome(engine, job_id, timeout_s=AUDITED_S)
        assert (job.result, job.attempt) == ([number], 1)
    assert len(bench.runs()) == 4
    bench.check_nothing_is_left()
    check_counters(engine._store, bench.admin, bench.owner.id)


def test_process_that_stops_in_a_full_store_loses_no_outcome(
    bench: EngineBench, engine: JobEngine
) -> None:
    """Its last outcome is stored, and what did not begin is another's when there is room."""
    running = bench.submit(engine, "sample.hold", {"path": bench.path()})
    wait_until(bench.runs, timeout_s=5, what="it runs")
    with _full(bench):
        bench.go()
        assert bench.stop(engine, deadline_s=5)
        assert bench.status(running) == "succeeded"
    assert bench.runs() == ["1"]


def _in_an_hour() -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)
