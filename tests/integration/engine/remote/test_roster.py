"""What stands about workers in Redis: whatever is written there, and whenever, it harms nobody."""

import json
import time
from collections.abc import Iterator
from typing import Any, NoReturn, cast

import pytest

from flask_api.jobs.engine import JobEngine
from flask_api.jobs.errors import StopReason
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import Attempt, JobStatus, QueuedJob
from flask_api.jobs.records.job_reader import open_job_connections
from flask_api.jobs.records.job_writer import Ending, EndingAnswer, JobWriter
from flask_api.jobs.records.roster import EndNotice, Roster, WorkerKind, WorkerName
from flask_api.jobs.records.usage import quota_of
from flask_api.jobs.workers.outcome import stopped
from flask_api.jobs.workers.remote.executor import RemoteExecutor
from flask_api.jobs.workers.remote.fleet import STRANGERS
from flask_api.jobs.workers.remote.worker import RemoteWorker
from shared.errors import JobStoreUnavailable
from tests.integration.engine.engine_bench import EngineBench
from tests.waiting import wait_until

KIND = WorkerKind("rq", frozenset({"child.echo"}))


@pytest.fixture
def roster(bench: EngineBench) -> Iterator[Roster]:
    """The roster as a worker has it."""
    store = open_job_connections(bench.settings())
    yield Roster(store)
    store.close()


@pytest.fixture
def name(roster: Roster) -> WorkerName:
    """A worker that beats once, offers a slot and does nothing by itself."""
    name = WorkerName.new(KIND, 1)
    roster.beat(name, KIND, free=name.all_slots, register=True)
    return name


def _executor(engine: JobEngine) -> RemoteExecutor:
    found: Any = [each for each in engine._worker.executors if each.name == "rq"]
    return cast(RemoteExecutor, found[0])


def _taken(bench: EngineBench, engine: JobEngine, roster: Roster, name: WorkerName) -> Attempt:
    """Return an attempt that the engine sent and the worker took over."""
    job_id = bench.submit(engine, "child.echo")
    bench.wait_for(job_id, "running", timeout_s=30)
    slot = name.all_slots[0]
    taken = roster.take(name, sender=engine.instance, job_id=job_id, attempt=1, slot=slot)
    assert taken
    return Attempt(QueuedJob(job_id, "child.echo", taken.arguments, taken.owner_id), 1, name.text)


def test_members_that_are_no_workers_stop_nobody(
    bench: EngineBench, remote_engine: JobEngine, roster: Roster, name: WorkerName
) -> None:
    """Whoever may write to Redis may put anything there: attempts are sent all the same, and what
    is no worker is taken off the list when it is silent."""
    now = time.time()
    strange = ["", "x", "a.b.c", f"{'0' * 16}.{'9' * 12}.{'0' * 32}"]
    bench.admin.zadd(keyspace.WORKERS, dict.fromkeys(strange, now))
    bench.admin.zadd(keyspace.idle(KIND.id), dict.fromkeys(("", "x#0", "a.b.c#0"), 0))
    job_id = bench.submit(remote_engine, "child.echo")
    bench.wait_for(job_id, "running", timeout_s=30)
    assert [each.text for each in roster.live(60)] == [name.text]
    bench.admin.zadd(keyspace.WORKERS, dict.fromkeys(strange, now - 60))

    def is_clean() -> bool:
        roster.beat(name, KIND, free=())
        return bench.admin.zrange(keyspace.WORKERS, 0, -1) == [name.text]

    wait_until(is_clean, timeout_s=30, what="what is no worker is gone")


def test_kinds_that_are_none_stop_nobody(
    bench: EngineBench, remote_engine: JobEngine, roster: Roster, name: WorkerName
) -> None:
    """Other workers are sent attempts all the same, and health tells that some can't be read."""
    texts = ["nonsense", "[]", "null", "{}", '{"format": 1}', "[" * 20_000, "x" * 2_000_000]
    wrong = {"format": 1, "carrier": "rq", "tasks": ["child.echo"], "labels": []}
    members: list[dict[str, Any]] = [{"tasks": 1}, {"tasks": [[]]}, {"carrier": {}}]
    texts += [json.dumps({**wrong, **each}) for each in (*members, {"signatures": 1})]
    now = time.time()
    for number, text in enumerate(texts):
        stranger = f"{number:016x}.1.{'0' * 32}"
        bench.admin.set(keyspace.kind(stranger[:16]), text)
        bench.admin.zadd(keyspace.WORKERS, {stranger: now})
    job_id = bench.submit(remote_engine, "child.echo")
    bench.wait_for(job_id, "running", timeout_s=30)
    wait_until(
        lambda: [fleet.strangers for fleet in remote_engine.fleets()] == [len(texts)],
        timeout_s=30,
        what="they are counted",
    )
    assert STRANGERS in "".join(remote_engine.fleets()[0].summary())


def test_slots_are_offered_only_while_their_worker_lives(
    bench: EngineBench, roster: Roster, name: WorkerName
) -> None:
    """One that was freed later would be everybody's first choice, for ever."""
    idle = keyspace.idle(KIND.id)
    roster.withdraw(name)
    roster.give_back(KIND.id, f"{name.text}#0")
    assert bench.admin.zrange(idle, 0, -1) == [f"{name.text}#0"]
    assert bench.admin.ttl(idle) > 0
    roster.leave(name)
    roster.give_back(KIND.id, f"{name.text}#0")
    roster.tell(
        "server", EndNotice("job", 1, "succeeded", 1), kind_id=KIND.id, slot=f"{name.text}#0"
    )
    assert bench.admin.exists(idle) == 0


def test_slot_that_was_taken_a_moment_ago_is_not_offered_again(
    bench: EngineBench, resting_worker: RemoteWorker
) -> None:
    """The attempt is on its way: another one would be sent to a slot that is not there. Who took
    it may have died, so the next beat offers it."""
    name = resting_worker.name
    idle, slots = keyspace.idle(name.kind), sorted(name.all_slots)
    resting_worker._beat(register=True)
    assert sorted(bench.admin.zrange(idle, 0, -1)) == slots
    for _ in range(2):
        bench.admin.zrem(idle, slots[0])
        resting_worker._beat()
        assert bench.admin.zrange(idle, 0, -1) == slots[1:]
        resting_worker._beat()
        assert sorted(bench.admin.zrange(idle, 0, -1)) == slots
    resting_worker.stop(drain_s=0)


def test_slot_that_was_taken_before_an_outage_is_missed_at_two_beats_anew(
    bench: EngineBench, resting_worker: RemoteWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was on its way then has run and ended meanwhile, and the slot is taken again."""
    name = resting_worker.name
    idle, slots = keyspace.idle(name.kind), sorted(name.all_slots)
    resting_worker._beat(register=True)
    bench.admin.zrem(idle, slots[0])
    resting_worker._beat()

    def be_away(*_: object, **__: object) -> NoReturn:
        raise JobStoreUnavailable("Redis does not answer.")

    with monkeypatch.context() as patch:
        patch.setattr(resting_worker._roster, "beat", be_away)
        with pytest.raises(JobStoreUnavailable):
            resting_worker._beat()
    resting_worker._beat()
    assert bench.admin.zrange(idle, 0, -1) == slots[1:]
    resting_worker._beat()
    assert sorted(bench.admin.zrange(idle, 0, -1)) == slots
    resting_worker.stop(drain_s=0)


def test_end_of_an_attempt_is_written_told_and_its_slot_offered_at_once(
    bench: EngineBench, remote_engine: JobEngine, roster: Roster, name: WorkerName
) -> None:
    """What is told is what was written, the second time too: then the attempt was no longer the
    worker's. Of a worker that left, no slot is offered."""
    attempt = _taken(bench, remote_engine, roster, name)
    ending = Ending(attempt, JobStatus.SUCCEEDED, {"result": '"done"'})
    writer = JobWriter(roster._store, quota_of(bench.settings()))
    telling = roster.telling("told", ending, kind_id=KIND.id, slot=name.all_slots[0])
    assert writer.end_and_tell(name.text, ending, telling, ttl_s=60) == EndingAnswer.KEPT
    assert bench.record(attempt.job.job_id)["status"] == "succeeded"
    assert bench.admin.zrange(keyspace.idle(KIND.id), 0, -1) == name.all_slots
    roster.leave(name)
    assert writer.end_and_tell(name.text, ending, telling, ttl_s=60) == EndingAnswer.DISCARDED
    assert bench.admin.exists(keyspace.idle(KIND.id)) == 0
    told = [EndNotice(attempt.job.job_id, 1, "succeeded", answer) for answer in (0, 1)]
    assert roster.wait_for_notices("told", timeout_s=1) == told


def test_result_that_may_not_be_kept_is_told_as_a_failure(
    bench: EngineBench, remote_engine: JobEngine, roster: Roster, name: WorkerName
) -> None:
    """The process that sent the attempt counts it as what it became."""
    attempt = _taken(bench, remote_engine, roster, name)
    large = {"result": f'"{"x" * 5_000}"'}
    ending = Ending(attempt, JobStatus.SUCCEEDED, large)
    writer = JobWriter(roster._store, quota_of(bench.settings())._replace(bytes=1))
    telling = roster.telling("told", ending, kind_id=KIND.id, slot=None)
    assert writer.end_and_tell(name.text, ending, telling, ttl_s=60) == EndingAnswer.OVER_QUOTA
    assert bench.record(attempt.job.job_id)["status"] == "failed"
    told = roster.wait_for_notices("told", timeout_s=1)
    assert told == [EndNotice(attempt.job.job_id, 1, "failed", EndingAnswer.OVER_QUOTA)]


def test_attempt_that_was_taken_as_it_was_taken_back_is_not_forgotten(
    bench: EngineBench, remote_engine: JobEngine, roster: Roster, name: WorkerName
) -> None:
    """The worker took it first: it goes on there, and its end is heard here. What was sent goes
    some time, should nobody ever read it."""
    job_id = _taken_as_it_was_taken_back(bench, remote_engine, roster, name)
    sent = _executor(remote_engine)._sent
    notice = EndNotice(job_id, 1, "succeeded", 1)
    roster.tell(remote_engine.instance, notice, kind_id=KIND.id, slot=None)
    wait_until(lambda: job_id not in sent._sent, timeout_s=10, what="its end is heard")
    assert _executor(remote_engine).queue.running == 0


def test_next_try_is_not_forgotten_with_the_one_that_was_taken_as_it_was_taken_back(
    bench: EngineBench, remote_engine: JobEngine, roster: Roster, name: WorkerName
) -> None:
    """It may come here before the end of the one before is heard: it waits once, and is known."""
    job_id = _taken_as_it_was_taken_back(bench, remote_engine, roster, name)
    queued = QueuedJob(job_id, "child.echo", "{}", bench.owner.id)
    again = Ending(Attempt(queued, 1, name.text), JobStatus.QUEUED, due_at=0.0)
    assert JobWriter(roster._store).turn(name.text, endings=[again]) == [EndingAnswer.KEPT]
    queue, held = _executor(remote_engine).queue, remote_engine._worker.held
    wait_until(lambda: len(queue) or held._returned, timeout_s=10, what="it comes here")
    notice = EndNotice(job_id, 1, "queued", 1)
    roster.tell(remote_engine.instance, notice, kind_id=KIND.id, slot=None)
    sent = _executor(remote_engine)._sent
    wait_until(lambda: job_id not in sent._sent, timeout_s=10, what="its end is heard")
    wait_until(lambda: len(queue) == 1, timeout_s=10, what="the next try waits")
    assert job_id in held.ids()


def _taken_as_it_was_taken_back(
    bench: EngineBench, engine: JobEngine, roster: Roster, name: WorkerName
) -> str:
    """Return a job whose attempt the engine takes back just after the worker took it over."""
    job_id = bench.submit(engine, "child.echo")
    bench.wait_for(job_id, "running", timeout_s=30)
    sent = _executor(engine)._sent
    wait_until(lambda: sent._sent.get(job_id), timeout_s=10)
    wait_until(lambda: bench.admin.ttl(keyspace.sent(name.text)) > 0, timeout_s=10)
    attempt = sent._sent[job_id]
    where = {"sender": engine.instance, "job_id": job_id, "slot": attempt.slot}
    assert roster.take(name, attempt=1, **where)
    policy = engine.registry.get("child.echo").policy
    sent._end_here(attempt, stopped(StopReason.SHUTDOWN, policy))
    assert bench.record(job_id)["instance"] == name.text
    assert sent._sent.get(job_id) is attempt
    return job_id


def test_cancel_that_meets_an_attempt_on_its_way_stops_no_later_one(
    bench: EngineBench, remote_engine: JobEngine, roster: Roster, name: WorkerName
) -> None:
    """The worker that takes it hears of it from the record. Its sender would hear of it for a
    minute more, also when the job was retried elsewhere and has come back."""
    job_id = bench.submit(remote_engine, "child.echo")
    bench.wait_for(job_id, "running", timeout_s=30)
    sender = remote_engine.instance
    remote_engine.cancel(remote_engine.get(job_id, viewer=bench.owner))
    taken = roster.take(name, sender=sender, job_id=job_id, attempt=1, slot=f"{name.text}#0")
    assert taken
    assert taken.is_cancelled
    assert not bench.admin.exists(keyspace.cancels(sender))
