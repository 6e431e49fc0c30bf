"""People and tasks share an engine: turns, slots, and limits of what is unfinished or waits."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from flask_api.jobs.engine import JobEngine
from flask_api.jobs.errors import (
    QueueFull,
    TooManyUnfinished,
)
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import JobStatus
from tests.integration.engine.engine_bench import EngineBench, new_owner, soon
from tests.waiting import wait_until


def test_one_persons_two_thousand_jobs_do_not_hold_up_another(bench: EngineBench) -> None:
    """Nor does the flood of one task hold up the same person's urgent one."""
    engine, other = bench.start(job_threads=2), new_owner()
    engine.submit_batch("sample.steps", [{"count": 1, "step_s": 0.02}] * 2000, owner=bench.owner)
    began = time.monotonic()
    job_id = bench.submit(engine, "sample.echo", {"value": "bob"}, owner=other)
    assert bench.outcome(engine, job_id, owner=other).result == ["bob"]
    assert time.monotonic() - began < 2
    assert bench.run(engine, "sample.echo", {"value": "urgent"}, priority=1).result == ["urgent"]
    assert time.monotonic() - began < 4
    unfinished = bench.admin.scard(keyspace.opened(bench.owner.id))
    assert int(str(unfinished)) > 1000


def test_tasks_own_limit_holds_in_a_process(bench: EngineBench) -> None:
    """``max_running`` is kept, and other tasks use the other slots."""
    engine = bench.start()
    alone = [bench.submit(engine, "sample.alone", {"path": bench.path()}) for _ in range(3)]
    wait_until(bench.runs, timeout_s=5, what="one runs")
    assert bench.run(engine, "sample.echo").status is JobStatus.SUCCEEDED
    assert len(bench.runs()) == 1
    bench.go()
    assert [bench.outcome(engine, job_id).result for job_id in alone] == [1, 1, 1]


def test_persons_slots_are_limited(bench: EngineBench) -> None:
    """One person's long jobs leave slots for others."""
    engine, other = bench.start(job_running_limit=3), new_owner()
    for _ in range(8):
        bench.submit(engine, "sample.hold", {"path": bench.path()})
    wait_until(lambda: len(bench.runs()) == 3, timeout_s=5, what="the person's slots are busy")
    job_id = bench.submit(engine, "sample.echo", owner=other)
    assert bench.outcome(engine, job_id, owner=other, timeout_s=2).status is JobStatus.SUCCEEDED
    assert len(bench.runs()) == 3
    bench.go()
    wait_until(lambda: len(bench.runs()) == 8, timeout_s=5, what="all have run")


def test_persons_unfinished_jobs_are_limited_everywhere(bench: EngineBench) -> None:
    """Across engines, delayed ones too; nothing is stored of what was refused;
    an end makes room."""
    first, second = bench.start(job_person_limit=3), bench.start(job_person_limit=3)
    bench.submit(first, "sample.hold", {"path": bench.path()})
    delayed = bench.submit(second, "sample.echo", start_at=soon(600))
    bench.submit(second, "sample.hold", {"path": bench.path()})
    for engine in (first, second):
        with pytest.raises(TooManyUnfinished) as refused:
            bench.submit(engine, "sample.echo")
        assert (refused.value.limit, refused.value.unfinished) == (3, 3)
    assert bench.admin.zcard(keyspace.owner(bench.owner.id)) == 3
    assert bench.submit(first, "sample.echo", owner=new_owner())
    first.cancel(first.get(delayed, viewer=bench.owner))
    bench.go()
    wait_until(
        lambda: not bench.admin.exists(keyspace.opened(bench.owner.id)),
        timeout_s=5,
        what="all have ended",
    )
    assert bench.run(second, "sample.echo").status is JobStatus.SUCCEEDED


def test_full_queue_refuses_and_opens_again(bench: EngineBench) -> None:
    """P15: each executor's queue is bounded; what was refused is not stored."""
    engine = bench.start(job_queue_limit=5, job_threads=1)
    with ThreadPoolExecutor(8) as pool:
        answers = list(filter(None, pool.map(lambda _: _try(bench, engine), range(20))))
    # A place counts twice for a moment while its job is put:
    # at the brim one may be refused too early, never taken too much.
    while (answer := _try(bench, engine)) is not None:
        answers.append(answer)
    assert len(answers) == 5
    assert bench.admin.zcard(keyspace.owner(bench.owner.id)) == 5
    with pytest.raises(QueueFull):
        engine.submit_batch("sample.echo", [{}], owner=bench.owner)
    bench.go()
    for answer in answers:
        bench.outcome(engine, answer)
    assert bench.run(engine, "sample.echo").status is JobStatus.SUCCEEDED
    bench.check_nothing_is_left()


def _try(bench: EngineBench, engine: JobEngine) -> str | None:
    try:
        return bench.submit(engine, "sample.hold", {"path": bench.path()})
    except QueueFull:
        return None
