"""A process that has nothing to do takes what waits in another: once, and as the fence allows."""

import math
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from flask_api.jobs.engine import JobEngine
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.holdings import Holdings
from flask_api.jobs.records.job_reader import open_job_connections
from tests.integration.engine.engine_bench import RESCUE_S, EngineBench, new_owner, read_words
from tests.waiting import wait_until


def _note(bench: EngineBench, engine: JobEngine, count: int) -> list[str]:
    return [
        bench.submit(engine, "sample.note", {"path": bench.path("notes"), "word": str(number)})
        for number in range(count)
    ]


def _calls(bench: EngineBench, command: str) -> int:
    stats: Any = bench.admin.info("commandstats")
    return int(stats.get(f"cmdstat_{command}", {"calls": 0})["calls"])


def _occupy(bench: EngineBench, engine: JobEngine, slots: int) -> list[str]:
    """Let jobs hold every slot for threads until the bench says go."""
    held = [bench.submit(engine, "sample.hold", {"path": bench.path()}) for _ in range(slots)]
    wait_until(lambda: len(bench.runs()) == slots, timeout_s=5, what="all slots are taken")
    return held


def test_idle_process_runs_what_waits_in_another_and_that_forgets_it(bench: EngineBench) -> None:
    """Its only slot is taken for as long as the test wants: the other's idle ones run all, once;
    the queue here is empty afterwards though no turn came."""
    giver = bench.start(job_threads=1, job_queue_limit=21)
    (held,) = _occupy(bench, giver, 1)
    waiting = _note(bench, giver, 20)
    taker = bench.start()
    for job_id in waiting:
        job = bench.outcome(taker, job_id, timeout_s=5)
        assert (job.attempt, job.attempts) == (1, [])
        assert bench.record(job_id)["instance"] == taker.instance
    assert sorted(map(int, read_words(bench.path("notes")))) == list(range(20))
    wait_until(lambda: len(giver._worker.held) == 1, timeout_s=12, what="the giver forgot them")
    assert sum(load.queued for load in giver.loads()) == 0
    assert giver._worker.queue_of("sample.note").places == 20, "there is room for others again"
    bench.go()
    assert bench.outcome(giver, held).attempt == 1
    bench.check_nothing_is_left()


def test_process_that_was_refused_a_job_forgets_all_that_others_took(
    bench: EngineBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its next beat, without an audit: each would cost a turn. A turn that comes to a job that
    was taken is such a refusal."""
    giver = bench.start(job_threads=1)
    monkeypatch.setattr(giver._membership, "_next_audit_at", math.inf)
    (held,) = _occupy(bench, giver, 1)
    waiting = _note(bench, giver, 5)
    taker = bench.start()
    for job_id in waiting:
        bench.outcome(taker, job_id)
    assert len(giver._worker.held) == 6
    giver._worker.was_refused = True
    wait_until(lambda: len(giver._worker.held) == 1, timeout_s=10, what="the giver forgot them")
    monkeypatch.setattr(giver._membership._stealing, "take_some", lambda _: 0)
    (late,) = _note(bench, giver, 1)
    bench.outcome(taker, late)
    assert not giver._worker.was_refused
    bench.go()
    bench.outcome(giver, held)
    wait_until(lambda: giver._worker.was_refused, timeout_s=10, what="a job of its queue is gone")
    bench.check_nothing_is_left()


def test_people_take_turns_in_processes_they_did_not_ask(bench: EngineBench) -> None:
    """Both slots are taken and jobs of one person wait for both: those of another who submitted to
    one process don't all wait for that one; but an only one would begin no sooner elsewhere."""
    one, other = bench.start(job_threads=1), bench.start(job_threads=1)
    crowd = _occupy(bench, one, 1) + [
        bench.submit(each, "sample.hold", {"path": bench.path()}) for each in (other,) * 3
    ]
    wait_until(lambda: len(bench.runs()) == 2, timeout_s=5, what="both slots are taken")
    stay = [bench.submit(one, "sample.hold", {"path": bench.path()}) for _ in range(4)]
    guest, single = new_owner(), new_owner()
    alone = bench.submit(one, "sample.echo", owner=single)
    jobs = [bench.submit(one, "sample.echo", owner=guest) for _ in range(10)]
    theirs = keyspace.held(other.instance)

    def moved() -> list[str]:
        return [each for each in jobs if bench.admin.sismember(theirs, each)]

    wait_until(moved, timeout_s=5, what="some wait in the other process")
    assert len(moved()) <= 5
    assert not any(bench.admin.sismember(theirs, each) for each in (alone, *stay))
    bench.go()
    for job_id in (*crowd, *stay):
        bench.outcome(one, job_id)
    assert all(bench.outcome(one, each, owner=guest).attempt == 1 for each in jobs)
    bench.outcome(one, alone, owner=single)
    bench.check_nothing_is_left()


def test_what_waits_for_a_place_of_its_task_keeps_no_slot_from_others(bench: EngineBench) -> None:
    """A free slot takes what waits elsewhere, but no more of a task that has reached its limit."""
    one, other = bench.start(job_threads=2), bench.start(job_threads=1)
    limited = [bench.submit(one, "sample.alone", {"path": bench.path()}) for _ in range(2)]
    wait_until(bench.runs, timeout_s=5, what="the first runs")
    held = bench.submit(other, "sample.hold", {"path": bench.path()})
    wait_until(lambda: len(bench.runs()) == 2, timeout_s=5, what="the other's slot is taken")
    more = [bench.submit(other, "sample.alone", {"path": bench.path()}) for _ in range(4)]
    free = [bench.submit(other, "sample.echo") for _ in range(4)]
    for job_id in free:
        bench.outcome(one, job_id, timeout_s=5)
        assert bench.record(job_id)["instance"] == one.instance
    assert not any(bench.admin.sismember(keyspace.held(one.instance), each) for each in more)
    bench.go()
    for job_id in (*limited, held, *more):
        assert bench.outcome(one, job_id, timeout_s=15).attempt == 1
    bench.check_nothing_is_left()


def test_process_takes_only_what_it_can_run(bench: EngineBench) -> None:
    """A task that it does not have waits where it is."""
    giver = bench.start(job_threads=1)
    _occupy(bench, giver, 1)
    waiting = [bench.submit(giver, "sample.echo") for _ in range(4)]
    strangers = bench.start(task_modules=("tests.integration.engine.state_tasks",))
    key = keyspace.held(strangers.instance)
    bench.admin.config_resetstat()
    wait_until(lambda: _calls(bench, "srandmember"), timeout_s=5, what="it looked")
    taker = bench.start()
    for job_id in waiting:
        bench.outcome(taker, job_id)
        assert bench.record(job_id)["instance"] == taker.instance
    assert not bench.admin.exists(key)
    bench.go()


def test_taken_job_is_cancelled_where_it_is(bench: EngineBench) -> None:
    """One that waits in the taker by now is cancelled at once, and held by nobody."""
    giver = bench.start(job_threads=1)
    _occupy(bench, giver, 1)
    others = [f"another executor's {number}" for number in range(20)]
    bench.admin.sadd(keyspace.held(giver.instance), *others)
    waiting = [bench.submit(giver, "sample.hold", {"path": bench.path()}) for _ in range(9)]
    taker = bench.start(job_threads=1)
    wait_until(lambda: len(bench.runs()) == 2, timeout_s=5, what="the taker runs one")
    key = keyspace.held(taker.instance)
    assert bench.admin.scard(key) == 5, "half of the ten, whatever else the giver holds"
    bench.admin.srem(keyspace.held(giver.instance), *others)
    taken = [each for each in waiting if bench.admin.sismember(key, each)]
    queued = [each for each in taken if bench.status(each) == "queued"]
    assert len(queued) >= 2
    for job_id in queued:
        giver.cancel(giver.get(job_id, viewer=bench.owner))
        assert bench.status(job_id) == "cancelled"
        assert not bench.admin.sismember(key, job_id)
    bench.go()
    bench.check_nothing_is_left()
    assert len(bench.runs()) == 10 - len(queued)


def test_killed_taker_loses_nothing(bench: EngineBench) -> None:
    """What it took is adopted like all that it holds; the giver may be who adopts."""
    giver = bench.start(job_threads=1)
    (held,) = _occupy(bench, giver, 1)
    waiting = [bench.submit(giver, "sample.hold", {"path": bench.path()}) for _ in range(12)]
    taker = bench.start_process()
    wait_until(lambda: len(bench.runs()) == 5, timeout_s=10, what="the taker runs four")
    taker.kill()
    bench.go()
    for job_id in (held, *waiting):
        job = bench.outcome(giver, job_id, timeout_s=RESCUE_S)
        assert (job.status, job.attempt <= 2) == ("succeeded", True)
    assert len(bench.runs()) == 13 + 4
    bench.check_nothing_is_left()


def test_long_queue_of_one_process_is_worked_off_by_four(bench: EngineBench) -> None:
    """Alone it would take ten seconds: 80 jobs of half a second on four threads."""
    others = [bench.start_process() for _ in range(3)]
    engine = bench.start()
    arguments = [{"count": 1, "step_s": 0.5}] * 80
    began = time.monotonic()
    batch_id = engine.submit_batch("sample.steps", arguments, owner=bench.owner).id
    wait_until(
        lambda: engine.get_batch(batch_id, viewer=bench.owner).done == 80,
        timeout_s=30,
        what="all have ended",
    )
    assert time.monotonic() - began < 8
    members: Any = bench.admin.lrange(keyspace.members(batch_id), 0, -1)
    records = [bench.record(job_id) for job_id in members]
    assert all((each["status"], each["attempt"]) == ("succeeded", "1") for each in records)
    assert len({each["instance"] for each in records}) == 1 + len(others)


def test_each_job_is_taken_once_of_many_who_want_it(bench: EngineBench) -> None:
    """And none by a process that was declared dead, nor one that runs or is not the giver's."""
    stores = [open_job_connections(bench.settings()) for _ in range(8)]
    holdings = [Holdings(store) for store in stores]
    for number, each in enumerate(holdings):
        each.beat(f"taker{number}", ttl_s=60, register=True)
    jobs = [f"job{number}" for number in range(400)]
    for job in jobs:
        bench.admin.hset(keyspace.record(job), "status", "queued")
    bench.admin.hset(keyspace.record("running"), "status", "running")
    bench.admin.hset(keyspace.record("another's"), "status", "queued")
    bench.admin.sadd(keyspace.held("giver"), "running", *jobs)
    wanted = ["running", "another's", *jobs]
    assert holdings[0].steal(wanted, giver="giver", instance="nobody") == []
    together = threading.Barrier(8)

    def steal(number: int) -> list[str]:
        together.wait(timeout=10)
        return holdings[number].steal(wanted, giver="giver", instance=f"taker{number}")

    with ThreadPoolExecutor(8) as pool:
        taken = [job for jobs in pool.map(steal, range(8)) for job in jobs]
    assert sorted(taken) == sorted(jobs)
    assert bench.admin.smembers(keyspace.held("giver")) == {"running"}
    for store in stores:
        store.close()


def test_process_alone_asks_nothing_for_others(bench: EngineBench) -> None:
    """However long its queue: no look at heartbeats, at sets, at records."""
    engine = bench.start(job_threads=1)
    _occupy(bench, engine, 1)
    _note(bench, engine, 20)
    bench.admin.config_resetstat()
    wait_until(lambda: _calls(bench, "set") >= 4, timeout_s=10, what="it beat four times")
    assert [_calls(bench, name) for name in ("mget", "srandmember", "hmget")] == [0, 0, 0]
    paused = _calls(bench, "hgetall")
    assert paused <= _calls(bench, "set"), "what operators paused, with each beat; no record"
    bench.go()


def test_what_is_not_taken_is_not_read(bench: EngineBench) -> None:
    """Two processes in which one person is at their limit look at each other's queue at every
    beat: at its heads only."""
    one, other = (bench.start(job_threads=2, job_running_limit=1) for _ in range(2))
    for _ in range(12):
        large = {"path": bench.path(), "message": "m" * 300_000}
        bench.submit(one, "sample.hold_and_fail", large)
    queues = [each._worker.queue_of("sample.hold_and_fail") for each in (one, other)]
    wait_until(
        lambda: [queue.running for queue in queues] == [1, 1], timeout_s=10, what="both run one"
    )

    def looks() -> int:
        return _calls(bench, "srandmember")

    def read_nothing() -> bool:
        first, before = looks(), bench.sent_bytes()
        wait_until(lambda: looks() >= first + 4, timeout_s=20, what="they look a few times more")
        return bench.sent_bytes() - before < 300_000

    wait_until(read_nothing, timeout_s=20, what="what can move has moved, and nothing else is read")
    bench.go()
