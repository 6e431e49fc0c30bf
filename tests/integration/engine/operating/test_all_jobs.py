"""Everybody's jobs without an index: each is found once, whoever holds it and whatever ends."""

import time

import pytest

from flask_api.jobs.engine import JobEngine
from flask_api.jobs.operating import unfinished
from flask_api.jobs.operating.all_jobs import WantedJobs
from flask_api.jobs.operating.audit import LOOK, AuditLog, Deed
from flask_api.jobs.operating.operators import Operators
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import OUTCOMES, JobStatus
from shared.clock import JOBS_CLOCK
from tests.integration.engine.engine_bench import EngineBench, new_owner, soon
from tests.waiting import wait_until


def _operators(engine: JobEngine) -> Operators:
    return Operators(engine._store, engine)


def _walk(operators: Operators, wanted: WantedJobs, limit: int) -> list[str]:
    found: list[str] = []
    cursor: str | None = None
    while True:
        page, _ = operators.jobs.find(wanted, limit=limit, cursor=cursor)
        found += [job.id for job in page.jobs]
        cursor = page.cursor
        if cursor is None:
            return found


def _many(bench: EngineBench, engine: JobEngine) -> tuple[list[str], list[str]]:
    """Have two people with a batch and jobs that ended, and some that wait; return their ids."""
    people = [new_owner(), new_owner()]
    ended = [bench.submit(engine, "sample.echo", owner=people[at % 2]) for at in range(30)]
    batch = engine.submit_batch("sample.echo", [{}] * 150, owner=people[0]).id
    due = soon(600)
    waiting = [
        bench.submit(engine, "sample.echo", owner=people[at % 2], start_at=due) for at in range(25)
    ]
    expired = 30 + 150 + 1  # the batch itself too
    wait_until(lambda: bench.admin.zcard(keyspace.EXPIRING) == expired, timeout_s=20)
    members = bench.admin.lrange(keyspace.members(batch), 0, -1)
    return [*ended, *map(str, members)], waiting


def test_walk_finds_each_job_once_those_that_wait_first(
    bench: EngineBench, engine: JobEngine
) -> None:
    """Of all people, whatever the size of a page; also where many ended at the same moment, and
    where the job at a page's end is deleted before the next is asked for."""
    ended, waiting = _many(bench, engine)
    operators = _operators(engine)
    for limit in (7, 100):
        found = _walk(operators, WantedJobs(), limit)
        assert found[:25] == sorted(waiting, reverse=True)
        assert sorted(found[25:]) == sorted(ended)
    same = {each: time.time() + 50 for each in ended[:120]}
    bench.admin.zadd(keyspace.EXPIRING, same)
    assert sorted(_walk(operators, WantedJobs(statuses=OUTCOMES), 9)) == sorted(ended)
    assert _walk(operators, WantedJobs(statuses=[JobStatus.RUNNING]), 9) == []
    assert _walk(operators, WantedJobs(task="sample.note"), 9) == []
    first, _ = operators.jobs.find(WantedJobs(statuses=OUTCOMES), limit=30)
    bench.admin.zrem(keyspace.EXPIRING, first.jobs[-1].id)
    bench.admin.delete(keyspace.record(first.jobs[-1].id))
    rest: list[str] = []
    cursor = first.cursor
    while cursor:
        page, _ = operators.jobs.find(WantedJobs(statuses=OUTCOMES), limit=30, cursor=cursor)
        rest, cursor = rest + [job.id for job in page.jobs], page.cursor
    assert sorted([*rest, *(job.id for job in first.jobs)]) == sorted(ended)


def test_what_is_too_much_to_read_is_said(
    bench: EngineBench, engine: JobEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search looks at so many jobs and goes on from there; of too many ids chance chooses."""
    _many(bench, engine)
    operators = _operators(engine)
    page, searched = operators.jobs.find(WantedJobs(text="no such word"), limit=5)
    assert (page.jobs, page.cursor, searched.jobs) == ((), None, 205)
    monkeypatch.setattr("flask_api.jobs.operating.all_jobs._MOST_SEARCHED", 100)
    page, searched = operators.jobs.find(WantedJobs(text="no such word"), limit=5)
    assert page.cursor
    assert searched.jobs in (124, 125), "25 that wait, and a hundred that ended, or the batch"
    held = keyspace.held(engine.instance)
    bench.admin.sadd(held, *(f"one more {number}" for number in range(500)))
    monkeypatch.setattr(unfinished, "MOST_IDS", 100)
    found = unfinished.read_unfinished(engine._store)
    assert found.total == 525
    assert 100 <= len(found.ids) <= 130


def test_failures_are_grouped_by_error(bench: EngineBench, engine: JobEngine) -> None:
    """Those that differ in numbers are alike; of two people it is told, not of whom."""
    other = new_owner()
    for number in range(3):
        bench.run(engine, "sample.fail", {"message": f"row {number} of 9 is wrong\nmore"})
    last = bench.submit(engine, "sample.fail", {"message": "row 77 of 99 is wrong"}, owner=other)
    bench.outcome(engine, last, owner=other)
    bench.run(engine, "sample.refuse", {"message": "no"})
    bench.run(engine, "sample.echo")
    found = _operators(engine).failures()
    groups = [(each.task, each.type, each.count, len(each.people)) for each in found.groups]
    assert groups == [("sample.fail", "RuntimeError", 4, 2), ("sample.refuse", "TaskError", 1, 1)]
    assert found.groups[0].message == "row 77 of 99 is wrong"
    assert (found.looked_at, found.others, len(found.groups[0].examples)) == (6, 0, 4)
    assert [each.task for each in _operators(engine).failures(task="sample.refuse").groups] == [
        "sample.refuse"
    ]


def test_overview_tells_what_runs_where(bench: EngineBench, engine: JobEngine) -> None:
    """Each process with its age and load, and what waits longest."""
    other = bench.start(task_modules=("tests.integration.engine.state_tasks",))
    held = [bench.submit(engine, "sample.hold", {"path": bench.path()}) for _ in range(7)]
    wait_until(lambda: len(bench.runs()) == 4, timeout_s=10, what="every slot is taken")

    def waiting() -> int:
        seen = _operators(engine).overview()
        return sum(each.waiting for one in seen.instances for each in one.loads)

    wait_until(lambda: waiting() == 3, timeout_s=5, what="the beats have told")
    seen = _operators(engine).overview()
    assert {each.name for each in seen.instances} == {engine.instance, other.instance}
    assert all(0 <= (each.beat_age_s or 9) < 2 for each in seen.instances)
    queued = [each for each in held if bench.status(each) == "queued"]
    assert seen.oldest["threads"].id == min(queued)
    assert (seen.unfinished.total, seen.unfinished.delayed, seen.workers) == (7, 0, [])
    bench.go()


def test_record_is_bounded_and_never_changed(
    bench: EngineBench, engine: JobEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest go with what came of them; an outcome is written once, and of nothing else; it
    works while Redis takes no more."""
    audit = AuditLog(engine._store)
    deed = Deed(act="cancel", thing="x" * 1000, by="1", username="olga", note="😀" * 300)
    (first,) = audit.begin([deed])
    audit.end({first: "done", "1-1": "done"})
    audit.end({first: "something else"})
    (entry,), cursor = audit.page(limit=1)
    assert (entry.outcome, len(entry.deed.thing), cursor) == ("done", 200, None)
    monkeypatch.setattr("flask_api.jobs.operating.audit.MOST_KEPT", 100)
    bench.admin.config_set("maxmemory", "1mb")
    try:
        for _ in range(3):
            audit.begin([deed] * 50)
    finally:
        bench.admin.config_set("maxmemory", "0")
    assert bench.admin.xlen(keyspace.AUDIT) == 100
    assert bench.admin.hlen(keyspace.AUDIT_OUTCOMES) == 0
    size = bench.admin.memory_usage(keyspace.AUDIT)
    assert size is not None
    assert size < 100 * 3_000, "entries of the longest texts"
    page, cursor = audit.page(limit=10)
    again, _ = audit.page(limit=10, cursor=cursor)
    assert len({each.id for each in (*page, *again)}) == 20


def test_looks_and_deeds_of_one_moment_have_ids_of_their_own(
    bench: EngineBench, engine: JobEngine
) -> None:
    """Each has its own outcome, and none is left out where a page ends."""
    audit = AuditLog(engine._store)
    deeds = [Deed(act=act, thing="job x", by="1", username="olga") for act in ("cancel", LOOK)]
    ahead = f"{int(JOBS_CLOCK.now()) + 3600}000"  # as if the clock had been set back since
    bench.admin.xadd(keyspace.AUDIT, {"deed": deeds[0].text}, f"{ahead}-4")
    bench.admin.xadd(keyspace.AUDIT, {"deed": deeds[0].text}, f"{ahead}-5")
    bench.admin.xadd(keyspace.LOOKS, {"deed": deeds[1].text}, f"{ahead}-3")
    (look,) = audit.begin(deeds[1:])
    (cancel,) = audit.begin(deeds[:1])
    assert (look, cancel) == (f"{ahead}-6", f"{ahead}-7")
    audit.end({look: "done", cancel: "refused: 409"})
    told = {each.deed.act: each.outcome for each in audit.page(limit=2)[0]}
    assert told == {LOOK: "done", "cancel": "refused: 409"}
