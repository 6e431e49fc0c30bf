"""``max_running`` holds for all processes together, and who dies or waits keeps no place from others."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from flask_api.jobs.engine import JobEngine
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import Attempt, Job, JobStatus, QueuedJob, queued_job_of
from flask_api.jobs.records.job_writer import NO_PLACE, Ending, JobWriter
from tests.contract.job_place import Place, new_job
from tests.integration.engine.engine_bench import RESCUE_S, EngineBench
from tests.waiting import wait_until

LIMITED = "example.limited"
DONE = JobStatus.SUCCEEDED


@pytest.fixture
def place(bench: EngineBench) -> Iterator[Place]:
    """A store with two instances, and a writer that lets two jobs of a task run."""
    place = Place(bench)
    place.writer = JobWriter(place.connections, max_running={LIMITED: 2})
    yield place
    place.connections.close()


def _accepted(place: Place, count: int, *, instance: str) -> list[QueuedJob]:
    jobs: list[Job] = [new_job(place.bench.owner, task=LIMITED) for _ in range(count)]
    for job in jobs:
        place.add(job, instance=instance)
    return [queued_job_of(job) for job in jobs]


def _end(job: QueuedJob, instance: str, status: JobStatus = DONE) -> Ending:
    return Ending(Attempt(job, 1, instance), status, due_at=0.0)


def _running(bench: EngineBench, task: str = LIMITED) -> set[str]:
    found: Any = bench.admin.smembers(keyspace.running(task))
    return set(found)


def test_as_many_run_as_may_in_all_processes(place: Place) -> None:
    """The third must wait and is as it was, until one of the others has ended, however it ended."""
    ours, theirs = _accepted(place, 2, instance="a"), _accepted(place, 3, instance="b")
    turn = place.writer.turn
    assert turn("a", beginnings=ours[:1]) == [1]
    assert turn("b", beginnings=theirs) == [1, NO_PLACE, NO_PLACE]
    assert turn("b", beginnings=theirs[:1]) == [1], "a lost reply is asked for again"
    assert turn("a", beginnings=ours[1:]) == [NO_PLACE]
    assert _running(place.bench) == {ours[0].job_id, theirs[0].job_id}
    assert place.bench.status(theirs[1].job_id) == "queued"
    assert turn("b", endings=[_end(theirs[0], "b", JobStatus.QUEUED)]) == [1]
    assert turn("a", endings=[_end(ours[0], "a")], beginnings=ours[1:], ttl_s=60) == [1, 1]
    assert _running(place.bench) == {ours[1].job_id}


def test_who_has_waited_a_second_goes_before_who_has_the_place(place: Place) -> None:
    """A process whose jobs end begins the next ones in their place, but not for ever."""
    ours, theirs = _accepted(place, 5, instance="a"), _accepted(place, 1, instance="b")
    turn = place.writer.turn
    assert turn("a", beginnings=ours[:2]) == [1, 1]
    assert turn("b", beginnings=theirs) == [NO_PLACE]
    assert turn("a", endings=[_end(ours[0], "a")], beginnings=ours[2:3], ttl_s=60) == [1, 1]
    began = time.time()
    wait_until(lambda: time.time() > began + 2, timeout_s=5, what="the other has waited")
    ending = [_end(ours[1], "a")]
    assert turn("a", endings=ending, beginnings=ours[3:4], ttl_s=60) == [1, NO_PLACE]
    assert turn("b", beginnings=theirs) == [1]
    assert turn("a", endings=[_end(ours[2], "a")], beginnings=ours[3:4], ttl_s=60) == [1, 1]


def test_place_of_a_process_that_died_while_it_waited_is_free(place: Place) -> None:
    """Its turn counts for five seconds."""
    ours = _accepted(place, 1, instance="a")
    place.bench.admin.zadd(keyspace.turns(LIMITED), {"dead": time.time() - 11, "too": 0})
    assert place.writer.turn("a", beginnings=ours) == [1]


def test_places_of_what_runs_no_more_are_freed(place: Place) -> None:
    """Of jobs that ended while the task had no limit; those that run keep theirs."""
    (job, over) = _accepted(place, 2, instance="a")
    place.writer.turn("a", beginnings=[job])
    place.bench.admin.sadd(keyspace.running(LIMITED), over.job_id, "absent")
    assert place.holdings.free_places(LIMITED) == 2
    assert _running(place.bench) == {job.job_id}
    assert place.holdings.free_places("another") == 0


def test_limited_task_of_many_processes_runs_one_at_a_time(bench: EngineBench) -> None:
    """Each has jobs of it and free slots; other tasks' jobs are not held up; all end."""
    engines: list[JobEngine] = [bench.start() for _ in range(3)]
    jobs = [
        (engine, bench.submit(engine, "sample.alone", {"path": bench.path()}))
        for engine in engines
        for _ in range(3)
    ]
    wait_until(bench.runs, timeout_s=5, what="one runs")
    for engine in engines:
        assert bench.run(engine, "sample.echo").status is DONE
    assert len(bench.runs()) == 1
    assert len(_running(bench, "sample.alone")) == 1
    bench.go()
    for engine, job_id in jobs:
        assert bench.outcome(engine, job_id, timeout_s=15).attempt == 1
    assert not _running(bench, "sample.alone")
    bench.check_nothing_is_left()


def test_place_of_a_killed_process_is_freed_by_adoption(bench: EngineBench) -> None:
    """Its job runs again, and then the one that waited."""
    child = bench.start_process()
    (lost,) = child.submit("sample.alone", [{"path": bench.path()}], owner=bench.owner)
    wait_until(bench.runs, timeout_s=5, what="it runs")
    engine = bench.start()
    waiting = bench.submit(engine, "sample.alone", {"path": bench.path()})
    child.kill()
    bench.go()
    assert bench.outcome(engine, waiting, timeout_s=RESCUE_S).attempt == 1
    assert bench.outcome(engine, lost, timeout_s=RESCUE_S).attempt == 2
    assert not _running(bench, "sample.alone")
