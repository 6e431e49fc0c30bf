"""A job that finds a free slot begins with its acceptance:
one write, and the slot is given back whatever comes of it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flask_api.jobs.engine import JobEngine
from flask_api.jobs.errors import IdempotencyConflict, TooManyUnfinished
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.acceptance import IdempotencyKey
from flask_api.jobs.records.job import JobStatus, QueuedJob
from flask_api.jobs.workers import outcome
from tests.integration.engine.engine_bench import EngineBench
from tests.waiting import wait_until

KEY = IdempotencyKey(key="k", body_digest="a" * 64)
OTHER_BODY = IdempotencyKey(key="k", body_digest="b" * 64)


def _is_idle(engine: JobEngine) -> bool:
    return not engine._worker.held and all(
        each.queue.running == 0 for each in engine._worker._executors.values()
    )


def test_job_with_a_free_slot_is_accepted_as_running(bench: EngineBench) -> None:
    """Its record says so before the submit returns; the next one waits, for there is one slot."""
    engine = bench.start(job_threads=1)
    first = engine.submit("sample.hold", {"path": bench.path()}, owner=bench.owner).job
    second = engine.submit("sample.hold", {"path": bench.path()}, owner=bench.owner).job
    assert first is not None
    assert second is not None
    assert (first.status, first.attempt, first.started_at) == (
        JobStatus.RUNNING,
        1,
        first.submitted_at,
    )
    assert (second.status, second.attempt, second.started_at) == (JobStatus.QUEUED, 0, None)
    record = bench.record(first.id)
    assert (record["status"], record["attempt"], record["instance"]) == (
        "running",
        "1",
        engine.instance,
    )
    bench.go()
    assert [bench.outcome(engine, job.id).attempt for job in (first, second)] == [1, 1]
    bench.check_nothing_is_left()


def test_slot_in_which_a_job_ended_is_kept_however_it_began(bench: EngineBench) -> None:
    """With its acceptance or from the queue, well or not: jobs that ran at once were in different
    ones. While a job runs nothing is said, also not of an attempt before."""
    engine = bench.start(job_threads=3)

    def slots(*ids: str) -> list[int | None]:
        return [holder.slot for holder in engine.jobs.find_holders(ids)]

    at_once = [bench.submit(engine, "sample.hold", {"path": bench.path()}) for _ in range(3)]
    later = bench.submit(engine, "sample.echo")
    assert slots(*at_once) == [None, None, None]
    engine.cancel(engine.get(at_once[2], viewer=bench.owner))
    bench.outcome(engine, at_once[2])
    bench.go()
    for job_id in (*at_once, later):
        bench.outcome(engine, job_id)
    assert set(slots(*at_once)) == {0, 1, 2}
    assert slots(later)[0] in range(3)


def test_refused_submit_gives_its_slot_back(bench: EngineBench) -> None:
    """Known, in conflict, or one too many: the only slot is free afterwards,
    and so are the limits of person and task."""
    engine = bench.start(job_threads=1, job_person_limit=1)
    job_id = bench.submit(engine, "sample.echo", idempotency=KEY)
    bench.outcome(engine, job_id)
    for _ in range(3):
        wait_until(lambda: _is_idle(engine), timeout_s=5, what="the slot is free")
        assert bench.submit(engine, "sample.echo", idempotency=KEY) == job_id
        with pytest.raises(IdempotencyConflict):
            bench.submit(engine, "sample.echo", idempotency=OTHER_BODY)
    delayed = engine.submit(
        "sample.echo", {}, owner=bench.owner, start_at=datetime.now(UTC) + timedelta(hours=1)
    ).id
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


def test_accepted_job_that_nobody_knows_is_taken_up_while_others_are_being_accepted(
    bench: EngineBench,
) -> None:
    """The answer to its acceptance was lost: what is seized and not yet durable must not hide it
    from the audit."""
    engine = bench.start()
    stray = engine.submit(
        "sample.echo",
        {"value": 1},
        owner=bench.owner,
        start_at=datetime.now(UTC) + timedelta(hours=1),
    ).id
    arriving = QueuedJob(
        job_id="arriving", task="sample.echo", arguments="{}", owner_id=bench.owner.id
    )
    assert engine._worker.seize(arriving)
    bench.admin.zrem(keyspace.DELAYED, stray)
    bench.admin.sadd(keyspace.held(engine.instance), stray)
    for _ in range(2):  # two looks, to be sure
        engine._membership._audit()
    assert bench.outcome(engine, stray, timeout_s=2).result == [1]
    engine._worker.release_slot(arriving, may_be_durable=False)
    wait_until(lambda: _is_idle(engine), timeout_s=5, what="the slot is free")


def test_job_retried_elsewhere_is_not_cancelled_when_it_comes_back(bench: EngineBench) -> None:
    """The wish to cancel its former attempt is over, for the process that heard it too."""
    first, second = bench.start(), bench.start()
    job_id = bench.submit(first, "sample.hold", {"path": bench.path()})
    first.cancel(first.get(job_id, viewer=bench.owner))
    job = bench.outcome(first, job_id)
    assert job.status is JobStatus.CANCELLED
    before = len(bench.runs())
    second.retry(job)
    wait_until(lambda: len(bench.runs()) > before, timeout_s=5, what="it runs again")
    bench.stop(second)
    wait_until(
        lambda: len(bench.runs()) > before + 1, timeout_s=5, what="it came back to the first"
    )
    first._membership.tick()  # which reads whose cancel was asked for
    bench.go()
    assert bench.outcome(first, job_id).status is JobStatus.SUCCEEDED


def test_process_that_stops_takes_no_new_name(bench: EngineBench) -> None:
    """A submit that finds out in the middle of a stop that its name is gone must not register one
    that nobody keeps alive."""
    engine = bench.start()
    name, hand_over = engine.instance, engine._membership._holdings.hand_over
    late: list[threading.Thread] = []

    def hand_over_while_a_submit_asks(instance: str) -> int:
        left = hand_over(instance)
        late.append(threading.Thread(target=engine._membership.renew, args=(name,)))
        late[0].start()
        late[0].join(0.5)  # waits, if all is well, until the stop is done
        return left

    engine._membership._holdings.hand_over = hand_over_while_a_submit_asks  # type: ignore[method-assign]
    bench.stop(engine)
    late[0].join()
    assert not bench.admin.exists(keyspace.INSTANCES)


def test_job_behind_one_that_was_thought_short_begins_by_the_next_beat(bench: EngineBench) -> None:
    """A slot that runs very short jobs is left those that come meanwhile: but it may be wrong."""
    engine = bench.start(job_threads=2)
    bench.go("open")
    executor: Any = engine._worker._executor_of["sample.hold"]
    executor._duration_s["sample.hold"] = 1e-5
    held = bench.submit(engine, "sample.hold", {"path": bench.path()})
    wait_until(bench.runs, timeout_s=5, what="it runs")
    other = bench.submit(engine, "sample.hold", {"path": bench.path("open")})
    assert bench.outcome(engine, other, timeout_s=5).attempt == 1
    assert bench.status(held) == "running"
    bench.go()
    bench.outcome(engine, held)


class _Unreachable(ThreadPoolExecutor):
    """A cluster that refuses the first attempt, as one that is just starting does."""

    refused = 0

    def submit(self, *arguments: Any, **named: Any) -> Any:
        """Refuse it once."""
        if not _Unreachable.refused:
            _Unreachable.refused += 1
            raise ConnectionRefusedError("no scheduler yet")
        return super().submit(*arguments, **named)


def unreachable() -> ThreadPoolExecutor:
    """Return such a cluster."""
    return _Unreachable(1)


def test_attempt_that_could_not_begin_costs_the_job_none(
    bench: EngineBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is begun again a while later, as the first that it is."""
    monkeypatch.setattr(outcome, "NOT_BEGUN_S", 0.2)
    engine = bench.start(executors={"threads": f"{__name__}:unreachable"})
    job = bench.run(engine, "sample.echo", {"value": 1})
    assert (job.status, job.attempt, job.attempts) == (JobStatus.SUCCEEDED, 1, [])
    assert _Unreachable.refused == 1
