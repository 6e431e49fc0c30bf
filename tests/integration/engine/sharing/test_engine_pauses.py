"""What an operator has paused begins nowhere, waits where it is, and goes on when it is resumed."""

from collections.abc import Iterator

import pytest

from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from flask_api.jobs.engine import JobEngine
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import JobStatus
from flask_api.jobs.records.job_reader import open_job_connections
from flask_api.jobs.records.pauses import PauseStore, WorkPause
from tests.integration.engine.engine_bench import EngineBench, read_words
from tests.waiting import wait_until

PAUSE = WorkPause(by="olga", since="2026-11-29T14:05:00.000Z", note="they ask us to wait")
SEEN_S = 2.0


@pytest.fixture
def pauses(bench: EngineBench) -> Iterator[PauseStore]:
    """What an operator writes to."""
    store = open_job_connections(bench.settings())
    yield PauseStore(store)
    store.close()


def _see(task: str, *engines: JobEngine, paused: bool = True) -> None:
    for engine in engines:
        wait_until(
            lambda engine=engine: (engine.pause_of(task) is not None) is paused,  # type: ignore[misc]  # mypy knows no default of a lambda
            timeout_s=SEEN_S,
            what="every process knows",
        )


def _notes(bench: EngineBench, engine: JobEngine, count: int) -> list[str]:
    words = [{"path": bench.path("notes"), "word": str(each)} for each in range(count)]
    return [bench.submit(engine, "sample.note", each) for each in words]


def test_jobs_of_a_paused_task_wait_and_say_so(bench: EngineBench, pauses: PauseStore) -> None:
    """In every process: what runs goes on, others' tasks too, and submits are taken; a second pause
    changes nothing, and a resume lets all begin."""
    one, other = bench.start(), bench.start()
    running = bench.submit(one, "sample.hold", {"path": bench.path()})
    wait_until(bench.runs, timeout_s=5, what="it runs")
    for task in ("sample.hold", "sample.note"):
        assert pauses.pause("task", task, PAUSE) is True
    assert pauses.pause("task", "sample.note", WorkPause(by="bob", since="")) is False
    _see("sample.note", one, other)
    waiting = _notes(bench, one, 3) + _notes(bench, other, 3)
    assert bench.run(one, "sample.echo").status is JobStatus.SUCCEEDED
    assert bench.run(other, "sample.echo").status is JobStatus.SUCCEEDED
    bench.go()
    assert bench.outcome(one, running).status is JobStatus.SUCCEEDED
    job = one.get(waiting[0], viewer=bench.owner)
    reason = one.waits.find([job])[job.id]
    assert (reason.reason, reason.pause) == ("paused", PAUSE)
    assert one.waiting_for(job.task) == "an operator has paused it"
    assert {bench.status(each) for each in waiting} == {"queued"}
    assert [pauses.resume("task", "sample.note") for _ in range(2)] == [True, False]
    for job_id in waiting:
        assert bench.outcome(one, job_id, timeout_s=5).attempt == 1
    assert len(read_words(bench.path("notes"))) == 6
    assert list(pauses.all().found) == ["task:sample.hold"]


def test_paused_jobs_stay_where_they_are_and_wait_where_they_come(
    bench: EngineBench, pauses: PauseStore
) -> None:
    """An idle process takes none of them, whatever it sees; one that gets them from a process that
    stops, or died, begins none; and a process that begins knows of the pause before its first job."""
    pauses.pause("executor", "threads", PAUSE)
    giver = bench.start(job_threads=1)
    assert giver.pause_of("sample.note") == PAUSE
    jobs = _notes(bench, giver, 6)
    former = giver.instance
    told = keyspace.heartbeat(former)
    wait_until(lambda: "threads 6 0 1 1 6" in str(bench.admin.get(told)), timeout_s=5)
    bench.admin.config_resetstat()
    stats, taker = "cmdstat_srandmember", bench.start()
    assert bench.run(taker, "child.echo", {"value": 1}).attempt == 1, "of another executor"
    assert bench.admin.smembers(keyspace.held(former)) == set(jobs)
    bench.stop(giver)
    theirs = keyspace.held(taker.instance)
    wait_until(lambda: bench.admin.scard(theirs) >= 6, timeout_s=10, what="the other has them")
    assert {bench.status(each) for each in jobs} == {"queued"}
    assert stats not in bench.admin.info("commandstats"), "nobody looked into the other's queue"
    pauses.resume("executor", "threads")
    assert {bench.outcome(taker, each, timeout_s=10).attempt for each in jobs} == {1}


def test_only_what_is_not_paused_is_taken_from_another(
    bench: EngineBench, pauses: PauseStore
) -> None:
    """Of a queue that has both."""
    pauses.pause("task", "sample.note", PAUSE)
    giver = bench.start(job_threads=1)
    held = bench.submit(giver, "sample.hold", {"path": bench.path()})
    wait_until(bench.runs, timeout_s=5, what="the slot is taken")
    jobs = _notes(bench, giver, 6)
    others = [bench.submit(giver, "sample.echo") for _ in range(6)]
    taker = bench.start()
    for job_id in others:
        bench.outcome(taker, job_id, timeout_s=5)
    assert not any(bench.admin.sismember(keyspace.held(taker.instance), each) for each in jobs)
    bench.go()
    bench.outcome(giver, held)


def test_pause_holds_over_a_restart_of_redis_and_for_a_task_that_is_gone(
    bench: EngineBench, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """It is as durable as jobs are; of a task that nobody has, and in words that another version
    wrote, it disturbs nobody and can be resumed."""
    folder, passwords = tmp_path_factory.mktemp("own") / "valkey", new_passwords()
    with EmbeddedValkey(folder, passwords=passwords) as server:
        own = EngineBench(server, bench.folder)
        store = open_job_connections(own.settings())
        PauseStore(store).pause("task", "sample.note", PAUSE)
        PauseStore(store).pause("task", "no.such", PAUSE)
        own.admin.hset(keyspace.PAUSED, "task:of.later", "[1]")
        store.close()
        own.close()
    with EmbeddedValkey(folder, passwords=passwords) as server:
        own = EngineBench(server, bench.folder)
        engine, store = own.start(), open_job_connections(own.settings())
        (job_id,) = _notes(own, engine, 1)
        assert own.run(engine, "sample.echo").status is JobStatus.SUCCEEDED
        assert own.status(job_id) == "queued"
        found = PauseStore(store).all().found
        assert found["task:of.later"] == WorkPause(by="", since="")
        names = [name.removeprefix("task:") for name in found]
        assert [PauseStore(store).resume("task", name) for name in names] == [True] * 3
        own.outcome(engine, job_id, timeout_s=5)
        store.close()
        own.close()
