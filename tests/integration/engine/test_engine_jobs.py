"""Jobs from submit to end, on several engines: idempotency, delays, retries, cancels, events."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from flask_api.jobs.engine import JobEngine
from flask_api.jobs.errors import (
    IdempotencyConflict,
    IllegalTransition,
    InvalidArguments,
    JobNotFound,
)
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.acceptance import IdempotencyKey
from flask_api.jobs.records.events import EVENTS_KEPT
from flask_api.jobs.records.job import JobStatus
from tests.integration.engine.engine_bench import EngineBench, new_owner, read_words, soon
from tests.waiting import wait_until

KEY = IdempotencyKey(key="a key", body_digest="a" * 64)
OTHER_BODY = IdempotencyKey(key="a key", body_digest="b" * 64)


def test_same_key_and_body_is_the_same_job(bench: EngineBench) -> None:
    """From any engine, after its end too; another body is a conflict,
    another person's key is their own."""
    first, second = bench.start(), bench.start()
    job_id = bench.submit(first, "sample.note", {"path": bench.path("notes")}, idempotency=KEY)
    assert (
        bench.submit(second, "sample.note", {"path": bench.path("notes")}, idempotency=KEY)
        == job_id
    )
    bench.outcome(first, job_id)
    assert (
        bench.submit(first, "sample.note", {"path": bench.path("notes")}, idempotency=KEY) == job_id
    )
    with pytest.raises(IdempotencyConflict):
        bench.submit(second, "sample.note", {"path": bench.path("other")}, idempotency=OTHER_BODY)
    assert bench.submit(second, "sample.echo", idempotency=OTHER_BODY, owner=new_owner()) != job_id
    assert read_words(bench.path("notes")) == [""]
    assert (
        86_000 < int(str(bench.admin.ttl(keyspace.idempotency(bench.owner.id, KEY.key)))) <= 86_400
    )


def test_same_key_at_the_same_moment_is_one_job(bench: EngineBench) -> None:
    """P6: eight submits on two engines: one job, run once, and nothing stored of the others."""
    engines = [bench.start(), bench.start()]
    together = threading.Barrier(8)

    def submit(number: int) -> str:
        together.wait(timeout=10)
        return bench.submit(
            engines[number % 2], "sample.note", {"path": bench.path("notes")}, idempotency=KEY
        )

    with ThreadPoolExecutor(8) as pool:
        jobs = set(pool.map(submit, range(8)))
    (job_id,) = jobs
    bench.outcome(engines[0], job_id)
    assert read_words(bench.path("notes")) == [""]
    assert bench.admin.zcard(keyspace.owner(bench.owner.id)) == 1
    bench.check_nothing_is_left()


def test_delayed_job_starts_at_its_time_even_after_a_restart(bench: EngineBench) -> None:
    """Not before it, soon after it, in whatever process is there by then."""
    first = bench.start()
    due = soon(1.0)
    job_id = bench.submit(first, "sample.note", {"path": bench.path("notes")}, start_at=due)
    assert bench.stop(first)
    second = bench.start()
    assert bench.record(job_id)["status"] == "queued"
    job = bench.outcome(second, job_id)
    assert job.started_at is not None
    assert due <= job.started_at + timedelta(milliseconds=1)
    assert job.started_at < due + timedelta(seconds=2)
    assert job.start_at is not None
    assert abs(job.start_at - due) < timedelta(milliseconds=2)


def test_time_that_is_over_starts_at_once(bench: EngineBench) -> None:
    """A start in the past is no mistake."""
    assert (
        bench.run(bench.start(), "sample.echo", start_at=soon(-3600)).status is JobStatus.SUCCEEDED
    )


def test_ended_job_is_retried_by_hand(bench: EngineBench) -> None:
    """Failed and cancelled ones, with as many attempts as at first;
    what failed before stays in the history."""
    engine, other = bench.start(), bench.start()
    failed = bench.run(engine, "sample.flaky", {"failures": 4})
    assert (failed.status, failed.attempt, len(failed.attempts)) == (JobStatus.FAILED, 3, 3)
    other.retry(failed)
    again = bench.outcome(other, failed.id)
    assert (again.status, again.result, again.attempt, again.error) == (
        JobStatus.SUCCEEDED,
        5,
        5,
        None,
    )
    assert [each["attempt"] for each in again.attempts] == [1, 2, 3, 4]
    cancelled = bench.submit(engine, "sample.echo", start_at=soon(600))
    engine.cancel(engine.get(cancelled, viewer=bench.owner))
    engine.retry(engine.get(cancelled, viewer=bench.owner))
    done = bench.outcome(engine, cancelled)
    assert (done.status, done.cancel_requested) == (JobStatus.SUCCEEDED, False)
    bench.check_nothing_is_left()


def test_job_that_did_not_fail_is_not_retried(bench: EngineBench) -> None:
    """Nor one that waits or runs, nor one job of a batch; nothing changes."""
    engine = bench.start()
    done = bench.run(engine, "sample.echo")
    waiting = engine.get(
        bench.submit(engine, "sample.echo", start_at=soon(600)), viewer=bench.owner
    )
    batch_id = engine.submit_batch("sample.fail", [{"message": "no"}], owner=bench.owner).id
    in_batch = bench.outcome(engine, engine.batches.members(batch_id)[0])
    for job in (done, waiting, in_batch):
        with pytest.raises(IllegalTransition):
            engine.retry(job)
    assert [bench.status(job.id) for job in (done, waiting, in_batch)] == [
        "succeeded",
        "queued",
        "failed",
    ]


@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_job_in_any_state_is_cancelled_or_refused(bench: EngineBench, where: str) -> None:
    """Running, queued, delayed; by the process that holds it or by another;
    an ended one is a conflict."""
    holder = bench.start(job_threads=1)
    asked: JobEngine = holder if where == "here" else bench.start(job_threads=1)
    running = bench.submit(holder, "sample.hold", {"path": bench.path()})
    wait_until(bench.runs, timeout_s=5, what="it runs")
    queued = bench.submit(holder, "sample.note", {"path": bench.path("notes")})
    delayed = bench.submit(holder, "sample.note", {"path": bench.path("notes")}, start_at=soon(0.6))
    for job_id in (queued, delayed):
        asked.cancel(asked.get(job_id, viewer=bench.owner))
        assert bench.status(job_id) == "cancelled"
    asked.cancel(asked.get(running, viewer=bench.owner))
    with suppress(IllegalTransition):  # it may have stopped already
        asked.cancel(asked.get(running, viewer=bench.owner))
    assert bench.outcome(asked, running, timeout_s=3).status is JobStatus.CANCELLED
    for job_id in (running, queued, delayed):
        with pytest.raises(IllegalTransition):
            asked.cancel(asked.get(job_id, viewer=bench.owner))
    wait_until(lambda: not holder._worker.held, timeout_s=5, what="the queue is empty")
    assert bench.run(holder, "sample.echo", start_at=soon(0.6)).status is JobStatus.SUCCEEDED
    assert read_words(bench.path("notes")) == []
    bench.check_nothing_is_left()


def test_events_tell_each_change_in_order(bench: EngineBench) -> None:
    """Begun as it is accepted, progress and lines, a retry, the end:
    in the stream of the owner alone."""
    engine = bench.start()
    job = bench.run(engine, "sample.words", {"folder": str(bench.folder)})
    events = [event for event in _events(bench) if event["job"] == job.id]
    statuses = [event["status"] for event in events if event["event"] == "status"]
    assert statuses == ["running", "succeeded"]
    assert "plain" in str(events)
    assert "half" in str(events) or "done" in str(events)
    flaky = bench.run(engine, "sample.flaky", {"failures": 1})
    statuses = [
        event["status"]
        for event in _events(bench)
        if event["job"] == flaky.id and event["event"] == "status"
    ]
    assert statuses == ["running", "queued", "running", "succeeded"]
    assert bench.admin.keys("gatehouse:jobs:events:*") == [keyspace.events(bench.owner.id)]


def _events(bench: EngineBench) -> list[dict[str, Any]]:
    rows: Any = bench.admin.xrange(keyspace.events(bench.owner.id))
    return [{"job": fields.get("job"), **json.loads(fields["event"])} for _, fields in rows]


def test_events_are_bounded(bench: EngineBench) -> None:
    """However much happens, a person's stream keeps about ten thousand of them."""
    engine = bench.start(job_threads=2)
    for _ in range(3):
        engine.submit_batch("sample.echo", [{}] * 6000, owner=bench.owner)
    wait_until(lambda: not bench.leftovers(), timeout_s=40, what="all have ended")
    assert (
        EVENTS_KEPT * 0.9
        <= int(str(bench.admin.xlen(keyspace.events(bench.owner.id))))
        <= EVENTS_KEPT * 1.1
    )
    assert 0 < int(str(bench.admin.ttl(keyspace.events(bench.owner.id)))) <= 30 * 86_400


def test_wrong_arguments_store_nothing(bench: EngineBench) -> None:
    """Neither of a job nor of a batch; the problem names the set."""
    engine = bench.start()
    before = set(bench.admin.keys("*"))
    with pytest.raises(InvalidArguments):
        bench.submit(engine, "sample.echo", {"count": "x"})
    with pytest.raises(InvalidArguments) as caught:
        engine.submit_batch(
            "sample.echo", [{}, {"count": "x"}, {}, {"other": 1}], owner=bench.owner
        )
    assert [problem.pointer for problem in caught.value.problems] == [
        "/arguments/1/count",
        "/arguments/3/other",
    ]
    assert {
        name for name in set(bench.admin.keys("*")) - before if "heartbeat" not in str(name)
    } == set()


def test_other_peoples_jobs_and_batches_do_not_exist(bench: EngineBench) -> None:
    """By id, whoever asks the engine."""
    engine, other = bench.start(), new_owner()
    job_id = bench.submit(engine, "sample.echo")
    batch_id = engine.submit_batch("sample.echo", [{}], owner=bench.owner).id
    with pytest.raises(JobNotFound):
        engine.get(job_id, viewer=other)
    with pytest.raises(JobNotFound):
        engine.get_batch(batch_id, viewer=other)
    assert engine.get(job_id, viewer=other, sees_all=True).id == job_id
    assert engine.get_batch(batch_id, viewer=other, sees_all=True).id == batch_id


def test_cancelled_job_that_fails_waits_for_no_other_attempt(
    bench: EngineBench, engine: JobEngine
) -> None:
    """Nothing of it runs any more, so it is not queued until its next attempt would be due."""
    job_id = bench.submit(engine, "sample.deaf_fail", {"path": bench.path()})
    wait_until(bench.runs, timeout_s=5, what="the task runs")
    engine.cancel(engine.get(job_id, viewer=bench.owner))
    bench.go()
    assert bench.outcome(engine, job_id, timeout_s=5).status is JobStatus.CANCELLED
