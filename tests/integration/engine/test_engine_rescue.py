"""Processes die, pause, stop and come back:
no accepted job is lost, and each has one outcome (P1, P3, P4, P5, P12, P17)."""

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from flask_api.jobs.errors import EngineStopped
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.holdings import Holdings
from flask_api.jobs.records.job import JobStatus
from flask_api.jobs.records.job_reader import open_job_connections
from flask_api.jobs.workers import worker
from shared.redis import RedisGateway
from tests.integration.engine.engine_bench import RESCUE_S, EngineBench, read_words
from tests.waiting import wait_until


def instances(bench: EngineBench) -> set[str]:
    """Return the names of the processes that take part."""
    return set(bench.admin.smembers(keyspace.INSTANCES))  # type: ignore[arg-type]  # not an asynchronous client


@pytest.mark.parametrize("prefix", ["sample", "child"])
def test_killed_process_is_rescued(bench: EngineBench, prefix: str) -> None:
    """kill -9: what ran runs again elsewhere, an attempt spent; what waited runs as it was;
    nobody else's work is touched."""
    child, other = bench.start_process(), bench.start()
    mine = bench.submit(other, "sample.hold", {"path": bench.path("mine")})
    running = child.submit(f"{prefix}.hold", [{"path": bench.path()}] * 2, owner=bench.owner)
    wait_until(lambda: len(bench.runs()) == 2, timeout_s=20, what="both run")
    waiting = child.submit("sample.alone", [{"path": bench.path("alone")}] * 3, owner=bench.owner)
    child.kill()
    held = keyspace.held(other.instance)
    wait_until(lambda: bench.admin.scard(held) == 6, timeout_s=10, what="all are taken over")
    # threads begin at once; a busy machine takes a while to start children
    soon_s = {"sample": 2, "child": 30}[prefix]
    wait_until(lambda: len(bench.runs()) == 4, timeout_s=soon_s, what="both run again")
    for name in ("go", "alone", "mine"):
        bench.go(name)
    for job_id in running:
        job = bench.outcome(other, job_id)
        assert (job.status, job.result, job.attempt) == (JobStatus.SUCCEEDED, 2, 2)
        assert [each["error"]["type"] for each in job.attempts] == ["WorkerLost"]
    assert [bench.outcome(other, job_id).status for job_id in waiting] == [JobStatus.SUCCEEDED] * 3
    assert (bench.outcome(other, mine).attempt, bench.runs("mine")) == (1, ["1"])
    assert len(instances(bench)) == 1
    bench.check_nothing_is_left()


def test_process_that_takes_over_thousands_of_jobs_is_not_taken_for_dead(
    bench: EngineBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its heart beats meanwhile: else the next one would have these and its own to take over, and
    take even longer."""
    child = bench.start_process()
    child.submit("sample.hang", [{}] * 300, owner=bench.owner)
    child.kill()
    bench.admin.delete(*map(keyspace.heartbeat, instances(bench)))  # or some are stolen first
    monkeypatch.setattr(worker, "_AT_ONCE", 1)  # it takes long, on whatever machine
    engine = bench.start()
    held, heartbeat = engine._worker.held, keyspace.heartbeat(engine.instance)
    wait_until(lambda: len(held) > 10, timeout_s=RESCUE_S, what="it takes over")
    bench.admin.delete(heartbeat)
    wait_until(lambda: bench.admin.exists(heartbeat), timeout_s=30, what="it beats")
    assert len(held) < 200
    wait_until(lambda: len(held) == 300, timeout_s=30, what="all are taken over")


def test_jobs_of_a_killed_process_wait_for_the_next_start(bench: EngineBench) -> None:
    """With nobody there to adopt, the next start does."""
    child = bench.start_process()
    (job_id,) = child.submit("sample.hold", [{"path": bench.path()}], owner=bench.owner)
    wait_until(bench.runs, timeout_s=5, what="it runs")
    child.kill()
    bench.go()
    engine = bench.start()
    assert bench.outcome(engine, job_id, timeout_s=RESCUE_S).result == 2


def test_paused_process_spoils_no_outcome_and_comes_back(bench: EngineBench) -> None:
    """P4: SIGSTOP past the heartbeat, rescue, SIGCONT: what it writes late changes nothing;
    it takes part again, renamed."""
    child = bench.start_process()
    (former,) = instances(bench)
    jobs = child.submit("sample.hold", [{"path": bench.path()}] * 3, owner=bench.owner)
    wait_until(lambda: len(bench.runs()) == 3, timeout_s=5, what="all run")
    child.send_signal(signal.SIGSTOP)
    other = bench.start()
    wait_until(lambda: len(bench.runs()) == 6, timeout_s=RESCUE_S, what="all run again")
    child.send_signal(signal.SIGCONT)
    wait_until(lambda: len(instances(bench)) == 2, timeout_s=5, what="it is back")
    assert former not in instances(bench)
    assert {bench.status(job_id) for job_id in jobs} == {"running"}
    bench.go()
    for job_id in jobs:
        job = bench.outcome(other, job_id)
        assert (job.status, job.result) == (JobStatus.SUCCEEDED, 2)
    (again,) = child.submit("sample.echo", [{"value": "back"}], owner=bench.owner)
    assert bench.outcome(other, again).result == ["back"]
    bench.check_nothing_is_left()


def test_one_of_many_adopters_gets_all(bench: EngineBench) -> None:
    """Adoption is one step: the whole set for one, nothing for the others,
    and nothing while the heartbeat is there."""
    settings = bench.settings()
    stores = [open_job_connections(settings) for _ in range(8)]
    holdings = [Holdings(store) for store in stores]
    holdings[0].beat("dead", ttl_s=60, register=True)
    for number, each in enumerate(holdings):
        each.beat(f"adopter{number}", ttl_s=60, register=True)
    bench.admin.sadd(keyspace.held("dead"), *(f"job{number}" for number in range(2000)))
    assert holdings[0].adopt("dead", instance="adopter0") == []
    bench.admin.delete(keyspace.heartbeat("dead"))
    together = threading.Barrier(8)

    def adopt(number: int) -> int:
        together.wait(timeout=10)
        return len(holdings[number].adopt("dead", instance=f"adopter{number}"))

    with ThreadPoolExecutor(8) as pool:
        adopted = list(pool.map(adopt, range(8)))
    assert sorted(adopted) == [0] * 7 + [2000]
    assert bench.admin.scard(keyspace.held(f"adopter{adopted.index(2000)}")) == 2000
    assert not bench.admin.exists(keyspace.held("dead"))
    assert holdings[0].beat("dead", ttl_s=60)[0] is False, "the dead can't come back under its name"
    _close(stores)


def _close(stores: list[RedisGateway]) -> None:
    for store in stores:
        store.close()


def test_stopping_process_hands_over_at_once(bench: EngineBench) -> None:
    """What does not end by the deadline and what waited goes on elsewhere within 2 s,
    with no attempt spent."""
    stopping = bench.start(job_threads=2)
    running = [bench.submit(stopping, "sample.hold", {"path": bench.path()}) for _ in range(2)]
    wait_until(lambda: len(bench.runs()) == 2, timeout_s=5, what="both run")
    waiting = [
        bench.submit(stopping, "sample.note", {"path": bench.path("notes"), "word": str(n)})
        for n in range(20)
    ]
    other = bench.start()
    assert bench.stop(stopping, deadline_s=0.1)
    stopped_at = time.monotonic()
    wait_until(lambda: len(bench.runs()) == 4, timeout_s=2, what="both go on")
    for job_id in waiting:
        assert bench.outcome(other, job_id).attempt == 1
    assert time.monotonic() - stopped_at < 2
    assert sorted(map(int, read_words(bench.path("notes")))) == list(range(20))
    bench.go()
    for job_id in running:
        job = bench.outcome(other, job_id)
        assert (job.status, job.attempt, job.attempts) == (JobStatus.SUCCEEDED, 1, [])
    with pytest.raises(EngineStopped):
        bench.submit(stopping, "sample.echo")
    bench.check_nothing_is_left()


def test_stopping_process_lets_jobs_finish_in_time(bench: EngineBench) -> None:
    """A job that ends within the deadline is not moved,
    and the stop does not wait for longer than that."""
    stopping = bench.start()
    other = bench.start()
    job_id = bench.submit(stopping, "sample.steps", {"count": 10, "step_s": 0.05})
    bench.wait_for(job_id, "running")
    began = time.monotonic()
    assert bench.stop(stopping, deadline_s=20)
    assert time.monotonic() - began < 5
    job = bench.outcome(other, job_id, timeout_s=1)
    assert (job.status, job.attempt) == (JobStatus.SUCCEEDED, 1)


def test_stopping_process_takes_nothing_new(bench: EngineBench) -> None:
    """While one job holds up its stop, jobs whose time comes are begun by the others;
    its own waiting ones, too."""
    stopping = bench.start(job_threads=1)
    held = bench.submit(stopping, "sample.hold", {"path": bench.path()})
    wait_until(bench.runs, timeout_s=5, what="it runs")
    own = bench.submit(stopping, "sample.echo", {"value": "own"})
    with ThreadPoolExecutor(1) as pool:
        stop = pool.submit(bench.stop, stopping, deadline_s=20)
        wait_until(lambda: not stopping.is_accepting, timeout_s=5, what="the stop has begun")
        other = bench.start()
        late = [
            bench.submit(
                other, "sample.echo", start_at=datetime.now(UTC) + timedelta(seconds=0.1 * number)
            )
            for number in range(1, 16)
        ]
        for job_id in late:
            assert bench.outcome(other, job_id, timeout_s=4).status is JobStatus.SUCCEEDED
        assert bench.outcome(other, own, timeout_s=4).result == ["own"]
        bench.go()
        assert stop.result(10)
    assert bench.outcome(other, held).attempt == 1


def test_handed_over_job_is_resumed_by_the_next_start(bench: EngineBench) -> None:
    """A restart of the only process."""
    first = bench.start()
    job_id = bench.submit(first, "sample.hold", {"path": bench.path()})
    wait_until(bench.runs, timeout_s=5, what="it runs")
    assert bench.stop(first)
    assert bench.record(job_id)["status"] == "queued"
    bench.go()
    second = bench.start()
    job = bench.outcome(second, job_id, timeout_s=3)
    assert (job.status, job.result, job.attempts) == (JobStatus.SUCCEEDED, 1, [])


def test_deaf_job_is_handed_over_and_its_late_word_discarded(bench: EngineBench) -> None:
    """A task that can't be stopped runs again elsewhere;
    what the first one returns afterwards changes nothing."""
    first = bench.start()
    job_id = bench.submit(first, "sample.deaf", {"path": bench.path()})
    wait_until(bench.runs, timeout_s=5, what="it runs")
    assert not bench.stop(first)
    second = bench.start()
    wait_until(lambda: len(bench.runs()) == 2, timeout_s=5, what="it runs again")
    bench.go()
    job = bench.outcome(second, job_id)
    assert (job.status, job.attempt, len(job.attempts)) == (JobStatus.SUCCEEDED, 2, 1)
    bench.check_nothing_is_left()


def test_poison_job_ends_failed_and_the_others_succeed(bench: EngineBench) -> None:
    """P5: a task that kills its whole server does so as often as it has attempts,
    then it is a failed job with a reason."""
    children = [bench.start_process() for _ in range(2)]
    (poison,) = children[0].submit("sample.crash", [{"path": bench.path()}], owner=bench.owner)
    children[0].wait()
    children[1].wait(RESCUE_S)
    engine = bench.start()
    job = bench.outcome(engine, poison, timeout_s=RESCUE_S)
    assert (job.status, job.attempt, bench.runs()) == (JobStatus.FAILED, 2, ["x", "x"])
    assert job.error is not None
    assert (job.error["type"], job.error["message"]) == (
        "WorkerLost",
        "The process that ran the job died.",
    )
    assert bench.run(engine, "sample.echo").status is JobStatus.SUCCEEDED
    bench.check_nothing_is_left()


def test_submit_after_being_taken_for_dead_is_accepted_under_a_new_name(bench: EngineBench) -> None:
    """Many requests find that out at once: each is accepted once,
    and the process has one new name."""
    engine = bench.start(job_threads=8)
    (former,) = instances(bench)
    bench.admin.srem(keyspace.INSTANCES, former)
    bench.admin.delete(keyspace.heartbeat(former), keyspace.held(former))
    together = threading.Barrier(8)

    def submit(number: int) -> str:
        together.wait(timeout=10)
        return bench.submit(
            engine, "sample.note", {"path": bench.path("notes"), "word": str(number)}
        )

    with ThreadPoolExecutor(8) as pool:
        jobs = list(pool.map(submit, range(8)))
    for job_id in jobs:
        assert bench.outcome(engine, job_id, timeout_s=3).attempt == 1
    assert sorted(read_words(bench.path("notes"))) == [str(number) for number in range(8)]
    assert len(instances(bench)) == 1


def test_batch_after_being_taken_for_dead_is_accepted_once(bench: EngineBench) -> None:
    """The second try after the renaming does not list its jobs twice."""
    engine = bench.start()
    (former,) = instances(bench)
    bench.admin.srem(keyspace.INSTANCES, former)
    batch_id = engine.submit_batch(
        "sample.echo", [{"value": number} for number in range(300)], owner=bench.owner
    ).id

    def batch_is_done() -> bool:
        return engine.get_batch(batch_id, viewer=bench.owner).finished_at is not None

    wait_until(batch_is_done, timeout_s=10, what="the batch has ended")
    batch = engine.get_batch(batch_id, viewer=bench.owner)
    assert batch.counts[JobStatus.SUCCEEDED] == 300
    assert bench.admin.llen(keyspace.members(batch_id)) == 300
