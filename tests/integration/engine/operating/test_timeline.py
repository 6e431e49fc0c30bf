"""What ran in the last minutes, found without a record of its own, and bounded."""

from datetime import timedelta

import pytest

from flask_api.jobs.engine import JobEngine
from flask_api.jobs.operating import timeline
from flask_api.jobs.operating.operators import Operators
from flask_api.jobs.operating.timeline import RanLately
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import JobStatus, format_time
from shared.clock import JOBS_CLOCK
from tests.integration.engine.engine_bench import EngineBench, new_owner, soon
from tests.integration.engine.sample_tasks import RELEASE


def _timeline(engine: JobEngine, *, minutes: int) -> RanLately:
    return Operators(engine._store, engine).timeline(minutes=minutes)


def test_what_runs_and_ended_lately_is_there_with_its_place(
    bench: EngineBench, engine: JobEngine
) -> None:
    """Of all people, those that run first; what waits, never began or ended before is not. Where
    an earlier attempt ended there is its time."""
    runs = bench.submit(engine, "sample.hang", owner=new_owner())
    bench.wait_for(runs, JobStatus.RUNNING)
    flaky = bench.run(engine, "sample.flaky", {"failures": 2})
    failed = bench.run(engine, "sample.fail", {"message": "secret"}, owner=bench.owner)
    bench.submit(engine, "sample.echo", start_at=soon(600))
    never = bench.submit(engine, "sample.echo", start_at=soon(600))
    engine.cancel(engine.get(never, viewer=bench.owner))
    old = bench.run(engine, "sample.echo")
    long_ago = format_time(JOBS_CLOCK.moment() - timedelta(minutes=11))
    for name in ("started_at", "finished_at"):
        bench.admin.hset(keyspace.record(old.id), name, long_ago)
    found = _timeline(engine, minutes=10)
    RELEASE.set()
    assert found.is_whole
    assert found.end - found.begin == timedelta(minutes=10)
    assert [each.job_id for each in found.attempts] == [runs, failed.id, flaky.id]
    first, _, last = found.attempts
    assert (first.status, first.finished_at, first.failed_at) == (JobStatus.RUNNING, None, ())
    assert {(each.instance, each.executor) for each in found.attempts} == {
        (engine.instance, "threads")
    }
    assert last.number == 3
    assert len(last.failed_at) == 2
    assert all(at <= last.started_at for at in last.failed_at)


def test_only_so_many_are_looked_at_and_it_is_said(
    bench: EngineBench, engine: JobEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what ended those that ended last, of what runs those that are the oldest."""
    ids = [bench.run(engine, "sample.echo").id for _ in range(4)]
    assert _timeline(engine, minutes=1).is_whole
    monkeypatch.setattr(timeline, "MOST_ENDED", 3)
    few = _timeline(engine, minutes=1)
    assert {each.job_id for each in few.attempts} == set(ids[1:])
    assert not few.is_whole
    monkeypatch.setattr(timeline, "MOST_TTLS", 1)
    monkeypatch.setattr(timeline, "MOST_ENDED", 100)
    assert not _timeline(engine, minutes=1).is_whole, "sample.brief is kept another time"
    monkeypatch.setattr(timeline, "MOST_TTLS", 20)
    monkeypatch.setattr(timeline, "MOST_SHOWN", 2)
    few = _timeline(engine, minutes=1)
    assert [each.job_id for each in few.attempts] == ids[:1:-1]
    assert not few.is_whole
    waiting = [bench.submit(engine, "sample.echo", start_at=soon(600)) for _ in range(3)]
    monkeypatch.setattr(timeline, "MOST_SHOWN", 100)
    assert _timeline(engine, minutes=1).is_whole
    monkeypatch.setattr(timeline, "MOST_UNFINISHED", len(waiting) - 1)
    assert not _timeline(engine, minutes=1).is_whole


def test_older_jobs_that_are_kept_longer_hide_nothing(
    bench: EngineBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ended just now is looked for by how long it is kept, not behind all that is kept
    longer."""
    engine = bench.start(job_ttl_s=3600)
    old = [bench.run(engine, "sample.echo").id for _ in range(3)]
    an_hour_ago = format_time(JOBS_CLOCK.moment() - timedelta(hours=1))
    in_days = JOBS_CLOCK.now() + 1_000_000
    for each in old:
        bench.admin.hset(keyspace.record(each), "finished_at", an_hour_ago)
        bench.admin.zadd(keyspace.EXPIRING, {each: in_days})
    last = [bench.run(engine, name).id for name in ("sample.echo", "sample.week")]
    monkeypatch.setattr(timeline, "MOST_ENDED", 3)
    found = _timeline(engine, minutes=10)
    assert {each.job_id for each in found.attempts} == set(last)
    assert found.is_whole
