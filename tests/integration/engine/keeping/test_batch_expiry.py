"""Jobs of a batch are forgotten with it, not one after the other as they ended."""

from collections.abc import Sequence

import pytest

from flask_api.jobs.batches import Batch
from flask_api.jobs.engine import JobEngine
from flask_api.jobs.errors import JobExpired
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job_reader import JobReader
from tests.contract.recount import check_counters
from tests.integration.engine.engine_bench import EngineBench
from tests.waiting import wait_until

LONG_AGO = "2020-01-01T00:00:00.000Z"


def _let_time_pass(bench: EngineBench, *things: str) -> None:
    bench.admin.zadd(keyspace.EXPIRING, dict.fromkeys(things, 1.0), xx=True)


def _results(engine: JobEngine, batch: Batch, **place: int) -> list[tuple[int, object]]:
    lines = engine.batches.results(batch, in_order=True, after=place.get("after", 0))
    return [(job.position, job.result) for job in iter(lambda: next(lines, None), None) if job]


def _submit(bench: EngineBench, engine: JobEngine, paths: Sequence[str]) -> Batch:
    arguments = [{"path": bench.path(each)} for each in paths]
    batch_id = engine.submit_batch("sample.hold", arguments, owner=bench.owner).id
    return engine.get_batch(batch_id, viewer=bench.owner)


def _wait_for(bench: EngineBench, engine: JobEngine, batch: Batch, done: int) -> Batch:
    def look() -> Batch:
        return engine.get_batch(batch.id, viewer=bench.owner)

    wait_until(lambda: look().done == done, timeout_s=20, what=f"{done} have ended")
    return look()


def test_jobs_of_a_batch_are_forgotten_with_it(bench: EngineBench) -> None:
    """While one still runs, and while the batch is kept, every result is there though its own time
    is over; then all are gone, counted, and 410."""
    engine = bench.start()
    batch = _submit(bench, engine, ("first", "first", "last"))
    bench.go("first")
    batch = _wait_for(bench, engine, batch, 2)
    members = engine.batches.members(batch.id)
    for moment in ("one runs", "all have ended"):
        _let_time_pass(bench, *members)
        for job_id in members[:2]:
            bench.admin.hset(keyspace.record(job_id), "expires_at", LONG_AGO)
        assert bench.sweep(engine) == 0, moment
        assert bench.admin.zcount(keyspace.EXPIRING, "-inf", 1) == 0, moment
        assert _results(engine, batch)[:2] == [(0, 1), (1, 1)], moment
        job = engine.get(members[0], viewer=bench.owner)
        assert job.expires_at == batch.expires_at, moment
        listed = JobReader(engine._store).find_many(members[:2])
        assert [each.expires_at for each in listed] == [batch.expires_at] * 2, moment
        bench.go("last")
        batch = _wait_for(bench, engine, batch, 3)
    scores = {
        bench.admin.zscore(keyspace.EXPIRING, each) for each in (*members[:2], f"batch:{batch.id}")
    }
    assert len(scores) == 1  # not one after the other
    _let_time_pass(bench, *members, f"batch:{batch.id}")
    bench.admin.hset(keyspace.batch(batch.id), "expires_at", LONG_AGO)
    assert bench.sweep(engine) == 3
    with pytest.raises(JobExpired):
        engine.get_batch(batch.id, viewer=bench.owner)
    bench.admin.hset(keyspace.record(members[2]), "expires_at", LONG_AGO)
    for job_id in members:
        with pytest.raises(JobExpired):
            engine.get(job_id, viewer=bench.owner)
    assert not bench.admin.exists(keyspace.EXPIRING)
    check_counters(engine._store, bench.admin, bench.owner.id)


def test_results_that_are_gone_are_410_and_pages_end(bench: EngineBench) -> None:
    """Of a batch of which a former version forgot the first job: nothing stands in its place."""
    engine = bench.start()
    bench.go("any")
    batch = _wait_for(bench, engine, _submit(bench, engine, ("any",) * 3), 3)
    record = keyspace.record(engine.batches.members(batch.id)[1])
    bench.admin.hdel(record, "attempt", "batch", "position", "result", "arguments")
    assert _results(engine, batch) == [(0, 1)]
    with pytest.raises(JobExpired):
        engine.batches.results(batch, in_order=True, after=1)
    assert _results(engine, batch, after=2) == [(2, 1)]
    pages: list[list[str]] = []
    following: int | None = 0
    while following is not None and len(pages) < 5:
        jobs, following = engine.batches.jobs_of(batch, after=following, limit=1)
        pages.append([job.id for job in jobs])
    assert pages == [[each] for each in engine.batches.members(batch.id)]
