"""What ended in the last hours, and how long it waited and ran: added up over processes, bounded."""

import time

import pytest

from flask_api.jobs.engine import JobEngine
from flask_api.jobs.history.hours import HOURS_KEPT, read_hours, write_hours
from flask_api.jobs.history.tally import BOUNDS, HOUR_S, Tally
from flask_api.jobs.operating.operators import Operators
from flask_api.jobs.operating.times import read_times
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import Attempt, JobStatus, QueuedJob
from shared.errors import StoreUnavailable
from shared.job_ids import new_job_id
from tests.integration.engine.engine_bench import EngineBench, soon


def test_each_process_adds_what_it_counted_when_it_stops_at_the_latest(bench: EngineBench) -> None:
    """By outcome; a job that waits for its time waits from then on, and a retry is no new job."""
    one, other = bench.start(), bench.start()
    for engine in (one, other):
        bench.run(engine, "sample.echo")
        bench.run(engine, "sample.fail", {"message": "no"})
    delayed = bench.submit(one, "sample.echo", start_at=soon(0.5))
    bench.outcome(one, delayed)
    one.cancel(one.get(bench.submit(one, "sample.echo", start_at=soon(600)), viewer=bench.owner))
    for engine in (one, other):
        bench.stop(engine)
    reader = bench.start()
    _, times = Operators(reader._store, reader).times()
    by_task = {each.task: each for each in times}
    assert by_task["sample.echo"].ended == (3, 0, 1)
    assert by_task["sample.fail"].ended == (0, 2, 0)
    assert by_task["sample.echo"].waited.count == by_task["sample.echo"].ran.count == 3
    assert sum(by_task["sample.echo"].waited.buckets[:3]) == 3, "nothing waited for ten seconds"
    assert len(by_task["sample.echo"].by_hour) == HOURS_KEPT
    assert sum(each.succeeded for each in by_task["sample.echo"].by_hour[-2:]) == 3


def test_times_are_by_the_clock_of_redis(
    bench: EngineBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that is three hours ahead counts neither waiting nor running that never was, and
    counts it in the hour that it is."""
    engine = bench.start()
    monkeypatch.setattr(time, "time", lambda now=time.time: now() + 3 * HOUR_S)
    bench.run(engine, "sample.echo")
    monkeypatch.undo()
    bench.stop(engine)
    reader = bench.start()
    _, times = Operators(reader._store, reader).times()
    (echo,) = (each for each in times if each.task == "sample.echo")
    assert sum(each.succeeded for each in echo.by_hour[-2:]) == 1
    assert sum(echo.waited.buckets[:3]) == sum(echo.ran.buckets[:3]) == 1


def test_history_is_of_72_hours_and_a_bounded_size(engine: JobEngine, bench: EngineBench) -> None:
    """What is older is not shown and is forgotten; an hour in which 30 tasks ran takes 60 kB."""
    store, now = engine._store, time.time()
    clock = [now - 80 * HOUR_S]
    tally = Tally(clock=lambda: clock[0])
    names = [f"a_long_package.task_{number}" for number in range(30)]
    for moment in (now - 80 * HOUR_S, now - 71 * HOUR_S, now):
        clock[0] = moment
        for name in names:
            for seconds in (0.0, *(bound * 1.5 for bound in BOUNDS)):
                job = QueuedJob(new_job_id(), name, "{}", "ada", due_at=moment - 2 * seconds)
                tally.end(name, {}, [Attempt(job, 1, "one", moment - seconds)])
            for status in (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED):
                tally.end(name, {status: 1})
        write_hours(store, tally)
    begin, times = read_times(store, now=now)
    assert begin == int(now) // HOUR_S * HOUR_S - 71 * HOUR_S
    assert [each.task for each in times] == sorted(names)
    assert times[0].ended == (2, 2, 2)
    assert (times[0].ran.count, times[0].ran.buckets) == (14, (2,) * 7)
    assert (times[0].ran.at_most_s(0.5), times[0].ran.at_most_s(0.95)) == (60.0, None)
    key = keyspace.hour(int(now) // HOUR_S)
    size = bench.admin.memory_usage(key, samples=0)
    assert size is not None
    assert size < 60_000, size
    assert 0 < bench.admin.ttl(key) <= 73 * HOUR_S
    assert write_hours(store, tally) == 0


def test_what_could_not_be_written_is_counted_again(engine: JobEngine, bench: EngineBench) -> None:
    """Once Redis takes it."""
    tally = Tally()
    tally.end("sample.echo", {JobStatus.FAILED: 5})
    key = keyspace.hour(int(time.time()) // HOUR_S)
    bench.admin.config_set("maxmemory", "1")
    try:
        with pytest.raises(StoreUnavailable):
            write_hours(engine._store, tally)
    finally:
        bench.admin.config_set("maxmemory", "0")
    tally.end("sample.echo", {JobStatus.FAILED: 1})
    write_hours(engine._store, tally)
    (_, by_task) = read_hours(engine._store)[-1]
    assert by_task["sample.echo"] == {"f": 6}
    assert bench.admin.exists(key)
