"""A job that finds a free slot begins with its acceptance: one write, and the slot is given back whatever comes of it."""

from datetime import UTC, datetime, timedelta

import pytest

from flask_api.jobs.engine import JobEngine
from flask_api.jobs.errors import IdempotencyConflict, TooManyUnfinished
from flask_api.jobs.ledger import IdempotencyKey
from flask_api.jobs.record import JobStatus
from tests.integration.engine_bench import EngineBench
from tests.waiting import wait_until

KEY = IdempotencyKey(key="k", body_digest="a" * 64)
OTHER_BODY = IdempotencyKey(key="k", body_digest="b" * 64)


def _is_idle(engine: JobEngine) -> bool:
    return not engine._crew.known and all(each.queue.running == 0 for each in engine._crew._executors.values())


def test_job_with_a_free_slot_is_accepted_as_running(bench: EngineBench) -> None:
    """Its record says so before the submit returns; the next one waits, for there is one slot."""
    engine = bench.start(job_threads=1)
    first = engine.submit("sample.hold", {"path": bench.path()}, owner=bench.owner).job
    second = engine.submit("sample.hold", {"path": bench.path()}, owner=bench.owner).job
    assert first is not None
    assert second is not None
    assert (first.status, first.attempt, first.started_at) == (JobStatus.RUNNING, 1, first.submitted_at)
    assert (second.status, second.attempt, second.started_at) == (JobStatus.QUEUED, 0, None)
    record = bench.record(first.id)
    assert (record["status"], record["attempt"], record["instance"]) == ("running", "1", engine._crew.instance)
    bench.go()
    assert [bench.outcome(engine, job.id).attempt for job in (first, second)] == [1, 1]
    bench.check_nothing_is_left()


def test_refused_submit_gives_its_slot_back(bench: EngineBench) -> None:
    """Known, in conflict, or one too many: the only slot is free afterwards, and so are the limits of person and task."""
    engine = bench.start(job_threads=1, job_person_limit=1)
    job_id = bench.submit(engine, "sample.echo", idempotency=KEY)
    bench.outcome(engine, job_id)
    for _ in range(3):
        wait_until(lambda: _is_idle(engine), timeout_s=5, what="the slot is free")
        assert bench.submit(engine, "sample.echo", idempotency=KEY) == job_id
        with pytest.raises(IdempotencyConflict):
            bench.submit(engine, "sample.echo", idempotency=OTHER_BODY)
    delayed = engine.submit("sample.echo", {}, owner=bench.owner, start_at=datetime.now(UTC) + timedelta(hours=1)).id
    with pytest.raises(TooManyUnfinished):
        bench.submit(engine, "sample.echo")
    wait_until(lambda: _is_idle(engine), timeout_s=5, what="the slot is free")
    engine.cancel(engine.get(delayed, viewer=bench.owner))
    assert bench.run(engine, "sample.echo").status is JobStatus.SUCCEEDED


def test_slot_on_processes_begins_at_once_too(bench: EngineBench) -> None:
    """The promise is the executor's, not that of threads."""
    engine = bench.start()
    job = engine.submit("child.echo", {"value": 4}, owner=bench.owner).job
    assert job is not None
    assert (job.executor, job.status) == ("processes", JobStatus.RUNNING)
    assert bench.outcome(engine, job.id).result == [4]
