"""Batches: all or none, counts that always add up, results as they come."""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile
from typing import Any

import pytest

from flask_api.jobs.batches import Batch
from flask_api.jobs.engine import JobEngine
from flask_api.jobs.errors import IdempotencyConflict, TooManyUnfinished
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.acceptance import IdempotencyKey
from flask_api.jobs.records.job import Job, JobStatus
from tests.integration.engine.engine_bench import RESCUE_S, EngineBench
from tests.waiting import wait_until

KEY = IdempotencyKey(key="a key", body_digest="a" * 64)
OTHER_BODY = IdempotencyKey(key="a key", body_digest="b" * 64)


def submit(
    bench: EngineBench,
    engine: JobEngine,
    task: str,
    arguments: list[dict[str, Any]],
    **options: Any,
) -> str:
    """Submit a batch of the bench's person; return its id."""
    return engine.submit_batch(task, arguments, owner=bench.owner, **options).id


def get(bench: EngineBench, engine: JobEngine, batch_id: str) -> Batch:
    """Return the batch; its counts must add up at any moment."""
    batch = engine.get_batch(batch_id, viewer=bench.owner)
    assert sum(batch.counts.values()) == batch.total, batch
    assert min(batch.counts.values()) >= 0, batch
    return batch


def wait_for(
    bench: EngineBench, engine: JobEngine, batch_id: str, *, timeout_s: float = 20
) -> Batch:
    """Wait for a batch's end."""
    wait_until(
        lambda: get(bench, engine, batch_id).finished_at,
        timeout_s=timeout_s,
        what="the batch has ended",
    )
    return get(bench, engine, batch_id)


def there_now(engine: JobEngine, batch: Batch, *, in_order: bool, after: int) -> list[Job]:
    """Return the results that a reader gets without waiting."""
    found = takewhile(bool, engine.batches.results(batch, in_order=in_order, after=after))
    return [job for job in found if job is not None]


def test_ten_thousand_jobs_are_accepted_and_done(bench: EngineBench) -> None:
    """Counts add up all the time, on every engine; nothing is left but records."""
    engine, other = bench.start(), bench.start()
    batch_id = submit(bench, engine, "sample.echo", [{"value": number} for number in range(10_000)])
    assert get(bench, other, batch_id).total == 10_000
    batch = wait_for(bench, other, batch_id, timeout_s=40)
    assert batch.counts == {**dict.fromkeys(JobStatus, 0), JobStatus.SUCCEEDED: 10_000}
    assert batch.done == 10_000
    results = there_now(other, batch, in_order=True, after=0)
    assert [job.result for job in results] == [[number] for number in range(10_000)]
    assert not bench.admin.exists(keyspace.STAGED)
    bench.check_nothing_is_left()


@pytest.mark.parametrize("in_order", [True, False])
def test_results_come_while_jobs_end(bench: EngineBench, in_order: bool) -> None:
    """In the order of submission or of completion;
    ``after`` goes on where another reader stopped."""
    engine = bench.start()
    slow_first = [{"path": bench.path(str(number))} for number in range(3)]
    batch_id = submit(bench, engine, "sample.hold", slow_first)
    batch = get(bench, engine, batch_id)
    seen: list[int] = []
    looks = 0
    for job in engine.batches.results(batch, in_order=in_order, after=0):
        if job is None:
            looks += 1
            if looks % 5 == 0 and looks <= 15:
                bench.go(str(3 - looks // 5))  # the last one first
            threading.Event().wait(0.05)
            assert looks < 200
        else:
            assert job.status is JobStatus.SUCCEEDED
            seen.append(job.position)
    assert seen == ([0, 1, 2] if in_order else [2, 1, 0])
    rest = [job.position for job in there_now(engine, batch, in_order=in_order, after=2)]
    assert rest == seen[2:]
    assert (there_now(engine, batch, in_order=in_order, after=3)) == []


def test_mixed_outcomes_and_retries_are_counted(bench: EngineBench) -> None:
    """A job that goes back to the queue is counted there; the history is in the record."""
    engine = bench.start()
    batch_id = submit(
        bench, engine, "sample.flaky", [{"failures": number % 5} for number in range(50)]
    )
    batch = wait_for(bench, engine, batch_id)
    assert (batch.counts[JobStatus.SUCCEEDED], batch.counts[JobStatus.FAILED]) == (30, 20)
    jobs = there_now(engine, batch, in_order=True, after=0)
    assert [job.attempt for job in jobs[:5]] == [1, 2, 3, 3, 3]


def test_cancelled_batch_ends_whole(bench: EngineBench) -> None:
    """What waits at once, what runs at its next checkpoint; what had ended stays;
    asked twice, from elsewhere, is fine."""
    engine, other = bench.start(), bench.start()
    arguments = [{"path": bench.path("first")}] * 4 + [{"path": bench.path()}] * 600
    batch_id = submit(bench, engine, "sample.hold", arguments)
    wait_until(lambda: len(bench.runs("first")) == 4, timeout_s=5, what="the first ones run")
    bench.go("first")
    wait_until(lambda: len(bench.runs()) == 4, timeout_s=5, what="the next ones run")
    other.cancel_batch(get(bench, other, batch_id))
    other.cancel_batch(get(bench, other, batch_id))
    batch = wait_for(bench, other, batch_id)
    assert batch.counts[JobStatus.SUCCEEDED] == 4
    assert batch.counts[JobStatus.CANCELLED] == 600
    assert len(there_now(other, batch, in_order=False, after=0)) == 604
    bench.check_nothing_is_left()


def test_batch_over_the_limit_is_refused_whole(bench: EngineBench) -> None:
    """Nothing of it stays in Redis, and it costs a look."""
    engine = bench.start(job_person_limit=100)
    before = set(bench.admin.keys("gatehouse:jobs:*"))
    bench.admin.config_resetstat()
    with pytest.raises(TooManyUnfinished, match="0 unfinished jobs, and this batch has 101"):
        submit(bench, engine, "sample.echo", [{}] * 101)
    stats: Any = bench.admin.info("commandstats")
    assert "cmdstat_rpush" not in stats, "no record was written only to be removed"
    after = set(bench.admin.keys("gatehouse:jobs:*"))
    assert {name for name in after - before if "sweep" not in str(name)} == set()
    assert wait_for(bench, engine, submit(bench, engine, "sample.echo", [{}] * 100)).done == 100


def test_same_key_is_the_same_batch(bench: EngineBench) -> None:
    """One after the other and at once: one batch; another body is a conflict;
    nothing is left of the copies."""
    engines = [bench.start(), bench.start()]
    together = threading.Barrier(8)
    arguments = [{"value": number} for number in range(50)]

    def submit_it(number: int) -> str:
        together.wait(timeout=10)
        return submit(bench, engines[number % 2], "sample.echo", arguments, idempotency=KEY)

    with ThreadPoolExecutor(8) as pool:
        (batch_id,) = set(pool.map(submit_it, range(8)))
    with pytest.raises(IdempotencyConflict):
        submit(bench, engines[0], "sample.echo", arguments[:5], idempotency=OTHER_BODY)
    assert wait_for(bench, engines[1], batch_id).done == 50
    assert len(list(bench.admin.scan_iter("gatehouse:jobs:record:*", count=1000))) == 50
    assert not bench.admin.exists(keyspace.STAGED)


def test_batch_of_a_killed_process_is_rescued_whole(bench: EngineBench) -> None:
    """Counts add up all the way, and every job has one outcome."""
    child = bench.start_process()
    (first,) = child.submit("sample.echo", [{}], owner=bench.owner)
    engine = bench.start(job_threads=2)
    batch_id = submit(bench, engine, "sample.hold", [{"path": bench.path()}] * 200)
    wait_until(lambda: len(bench.runs()) >= 2, timeout_s=10, what="two run")
    instance = engine.instance
    # As if this process had died: its set is adopted by the other one, which may have taken some of
    # the queue already, and it finds out.
    bench.admin.srem(keyspace.INSTANCES, instance)
    bench.admin.sunionstore(keyspace.ORPHANS, keyspace.held(instance))  # type: ignore[arg-type]  # one set is a set of sets
    bench.admin.delete(keyspace.held(instance))
    bench.go()
    batch = wait_for(bench, engine, batch_id, timeout_s=RESCUE_S)
    assert batch.counts[JobStatus.SUCCEEDED] == 200
    bench.outcome(engine, first)
    bench.check_nothing_is_left()


def test_empty_wait_gives_what_is_there(bench: EngineBench) -> None:
    """Without waiting a reader gets the ended ones only."""
    engine = bench.start()
    batch_id = submit(
        bench, engine, "sample.hold", [{"path": bench.path("a")}, {"path": bench.path("b")}]
    )
    bench.go("b")
    wait_until(lambda: get(bench, engine, batch_id).done == 1, timeout_s=5, what="one has ended")
    batch = get(bench, engine, batch_id)
    assert [job.position for job in there_now(engine, batch, in_order=False, after=0)] == [1]
    assert (there_now(engine, batch, in_order=True, after=0)) == []
    bench.go("a")
    wait_for(bench, engine, batch_id)
