"""A job is held by one process alone, whatever way it came there; and whose it was by mistake lets
go of it."""

import threading
from typing import Any

import pytest

from flask_api.jobs.engine import JobEngine
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.acceptance import IdempotencyKey
from flask_api.jobs.records.job import Attempt, JobStatus, queued_job_of
from flask_api.jobs.records.job_writer import NO_PLACE, JobWriter
from flask_api.jobs.workers import worker
from shared.errors import JobStoreUnavailable
from shared.job_ids import new_job_id
from tests.integration.engine.engine_bench import TASKS, EngineBench, new_owner, soon
from tests.waiting import wait_until

KEY = IdempotencyKey(key="daily", body_digest="a" * 64)


def holders(bench: EngineBench, job: str, *engines: JobEngine) -> list[JobEngine]:
    """Return which of these processes hold the job."""
    return [each for each in engines if bench.admin.sismember(keyspace.held(each.instance), job)]


def busy(bench: EngineBench, **changes: Any) -> JobEngine:
    """Start a process whose only slot is taken."""
    engine = bench.start(job_threads=1, **changes)
    bench.submit(engine, "sample.hold", {"path": bench.path()}, owner=new_owner())
    return engine


def test_job_that_was_claimed_is_cancelled_and_tried_again_by_one(bench: EngineBench) -> None:
    """Whose time came in another process than accepted it, cancelled while it waits there, and
    tried again in a third."""
    first, second = busy(bench), busy(bench)
    jobs = [
        bench.submit(first, "sample.hold", {"path": bench.path("j")}, start_at=soon(0.2))
        for _ in range(6)
    ]
    wait_until(
        lambda: all(holders(bench, job, first, second) for job in jobs),
        timeout_s=10,
        what="all are claimed",
    )
    third = bench.start(job_threads=8)
    for job in jobs:
        (holder,) = holders(bench, job, first, second)
        wait_until(
            lambda job=job, holder=holder: bench.record(job)["instance"] == holder.instance,  # type: ignore[misc]
            timeout_s=5,
            what="its record names who holds it",
        )
        second.cancel(second.get(job, viewer=bench.owner))
        assert holders(bench, job, first, second) == []
        third.retry(third.get(job, viewer=bench.owner))
        assert holders(bench, job, first, second, third) == [third]


def test_job_that_went_elsewhere_before_it_was_settled_is_let_go(bench: EngineBench) -> None:
    """And one that has ended, or is gone, is not held for ever."""
    claimer, other = bench.start(), busy(bench)
    job = bench.submit(other, "sample.hold", {"path": bench.path("j")})
    ended = bench.run(claimer, "sample.echo").id
    absent = new_job_id()
    held = keyspace.held(claimer.instance)
    bench.admin.sadd(held, job, ended, absent)
    claimer._worker.take_over([job, ended, absent])
    assert bench.admin.smembers(held) == set()
    assert holders(bench, job, claimer, other) == [other]
    assert bench.status(job) == "queued"


def test_job_of_a_dead_process_waits_for_one_that_has_its_task(
    bench: EngineBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever adopts it without the task ends the attempt, and does not keep the job."""
    monkeypatch.setattr(worker, "UNKNOWN_S", 1)
    dead, without = bench.start(), bench.start(task_modules=TASKS[1:])
    path = {"path": bench.path("j")}
    running = bench.submit(dead, "sample.hold", path)
    wait_until(lambda: bench.runs("j"), timeout_s=5, what="it runs")
    waiting = bench.submit(dead, "sample.note", path, start_at=soon(3600))
    bench.admin.zrem(keyspace.DELAYED, waiting)
    bench.admin.sadd(keyspace.held(without.instance), waiting)
    bench.admin.smove(keyspace.held(dead.instance), keyspace.held(without.instance), running)
    without._worker.take_over([running, waiting])  # or its own audit was first, just now
    wait_until(
        lambda: not bench.admin.exists(keyspace.held(without.instance)),
        timeout_s=5,
        what="it keeps none",
    )
    assert bench.status(running) == "queued"
    wait_until(
        lambda: bench.admin.zscore(keyspace.DELAYED, waiting), timeout_s=5, what="it is left"
    )
    bench.go("j")
    bench.admin.zadd(keyspace.DELAYED, {waiting: 1.0})
    assert bench.outcome(dead, waiting, timeout_s=20).status is JobStatus.SUCCEEDED
    assert bench.outcome(dead, running, timeout_s=20).attempt == 2


def test_id_that_was_chosen_is_accepted_once(bench: EngineBench) -> None:
    """Of two processes that look at the same moment, too."""
    engines = [bench.start(), bench.start()]
    both, job, answers = threading.Barrier(2), new_job_id(), []

    def submit(engine: JobEngine) -> None:
        acceptances = engine._submissions._acceptances
        look = acceptances.is_accepted
        acceptances.is_accepted = lambda *a, **k: (look(*a, **k), both.wait(10))[0]  # type: ignore[method-assign]
        answers.append(bench.submit(engine, "sample.hold", {"path": bench.path("j")}, job_id=job))

    threads = [threading.Thread(target=submit, args=(engine,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [job, job]
    assert len(holders(bench, job, *engines)) == 1
    bench.go("j")
    assert bench.outcome(engines[0], job).status is JobStatus.SUCCEEDED
    assert len(bench.runs("j")) == 1


def test_deleted_job_takes_no_key_of_a_newer_one_with_it(bench: EngineBench) -> None:
    """Nor does what is told later make a stream that never ends."""
    engine = bench.start()
    older = bench.run(engine, "sample.echo", idempotency=KEY).id
    bench.admin.delete(keyspace.idempotency(bench.owner.id, KEY.key))  # a day is over
    newer = bench.run(engine, "sample.echo", idempotency=KEY).id
    bench.admin.delete(keyspace.events(bench.owner.id))  # and a month
    engine.delete(engine.get(older, viewer=bench.owner))
    assert bench.submit(engine, "sample.echo", idempotency=KEY) == newer
    assert 0 < int(bench.admin.ttl(keyspace.events(bench.owner.id))) <= 2_592_000
    engine.delete(engine.get(newer, viewer=bench.owner))
    assert bench.submit(engine, "sample.echo", idempotency=KEY) not in (older, newer)


def test_batch_whose_records_were_removed_meanwhile_is_refused(
    bench: EngineBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that was paused for an hour between the two must not answer 202 for it."""
    engine = bench.start()
    batches = engine._submissions._batches
    stage = batches._stage

    def staged_and_swept(batch_id: str, *rest: Any) -> Any:
        answer = stage(batch_id, *rest)
        bench.admin.zadd(keyspace.STAGED, {batch_id: 1.0})
        bench.sweep(engine)
        return answer

    monkeypatch.setattr(batches, "_stage", staged_and_swept)
    with pytest.raises(JobStoreUnavailable):
        engine.submit_batch("sample.echo", [{}, {}], owner=bench.owner)


def test_process_that_goes_on_waiting_keeps_its_place(bench: EngineBench) -> None:
    """It asks again and again for a place of a task: whoever comes later waits behind it."""
    bench.submit(bench.start(), "sample.alone", {"path": bench.path("j")})
    wait_until(lambda: bench.runs("j"), timeout_s=5, what="it runs")
    engine = bench.start()
    job = bench.submit(engine, "sample.alone", {"path": bench.path("j")})
    turns = keyspace.turns("sample.alone")
    wait_until(lambda: bench.admin.zscore(turns, engine.instance), timeout_s=5, what="it waits")
    writer = JobWriter(engine._store, max_running={"sample.alone": 1})
    waiting = Attempt(queued_job_of(engine.get(job, viewer=bench.owner)), 1, engine.instance)
    now = int(bench.admin.time()[0])
    bench.admin.zadd(turns, {engine.instance: now - 6})
    assert writer.turn(engine.instance, beginnings=[waiting.job]) == [NO_PLACE]
    assert now - 5 < float(bench.admin.zscore(turns, engine.instance) or 0) < now - 1


def test_machine_without_threads_loses_no_job(
    bench: EngineBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What finds no thread runs on the first that is free; slots are counted right."""
    engine = bench.start(job_threads=4)
    threads = engine._worker._executors["threads"]
    bench.submit(engine, "sample.hold", {"path": bench.path("j")})
    wait_until(lambda: bench.runs("j"), timeout_s=5, what="it runs")
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name.startswith("gatehouse-threads"):
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    jobs = [bench.submit(engine, "sample.echo") for _ in range(3)]
    bench.go("j")
    assert [bench.outcome(engine, job).status for job in jobs] == [JobStatus.SUCCEEDED] * 3
    wait_until(lambda: threads._active == 0, timeout_s=5, what="all slots are free")  # type: ignore[attr-defined]
    assert threads.queue.running == 0
