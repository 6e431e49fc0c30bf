"""Submits that come together share a round trip to Redis, and nothing else."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import pytest
from redis.exceptions import ResponseError

from flask_api.jobs.errors import IdempotencyConflict, TooManyUnfinished
from flask_api.jobs.group_commit import GroupCommit
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.acceptance import Acceptances, IdempotencyKey
from flask_api.jobs.records.holdings import Holdings
from flask_api.jobs.records.job_reader import open_job_connections
from flask_api.jobs.submission import Submitted
from shared.errors import JobStoreUnavailable
from tests.contract.job_place import new_job
from tests.integration.engine.engine_bench import EngineBench, new_owner
from tests.waiting import wait_until

T = TypeVar("T")
KEY = IdempotencyKey(key="k", body_digest="a" * 64)
OTHER_BODY = IdempotencyKey(key="k", body_digest="b" * 64)


def _gather(
    bench: EngineBench,
    commits: GroupCommit[Any],
    calls: Sequence[Callable[[], T]],
    *,
    is_outage: bool = False,
) -> list["Future[T]"]:
    """Make the first of these calls wait for Redis, and all the others while it is on its way."""
    with ThreadPoolExecutor(len(calls)) as pool:
        bench.admin.client_pause(20_000, all=False)
        futures = [pool.submit(calls[0])]
        wait_until(lambda: commits._is_writing, timeout_s=5, what="the first is on its way")
        for call in calls[1:]:
            futures.append(pool.submit(call))
            count = len(futures) - 1
            wait_until(partial(_are_waiting, commits, count), timeout_s=5, what="it waits")
        if not is_outage:
            bench.admin.client_unpause()
    bench.admin.client_unpause()
    return futures


def _script_calls(bench: EngineBench) -> int:
    stats: Any = bench.admin.info("commandstats")
    return int(stats["cmdstat_evalsha"]["calls"])


def _are_waiting(commits: GroupCommit[Any], count: int) -> bool:
    return len(commits._waiting) == count


def test_submits_of_one_round_trip_are_decided_each_by_itself(bench: EngineBench) -> None:
    """Accepted, known, in conflict, one too many, and one that can't be written: the others don't
    notice."""
    engine = bench.start(job_person_limit=2, job_heartbeat_s=60, redis_timeout_ms=10_000)
    known = bench.submit(engine, "sample.echo", idempotency=KEY)
    bench.outcome(engine, known)
    crowded, broken = new_owner(), new_owner()
    bench.admin.set(keyspace.opened(broken.id), "no set")

    def submit(**options: Any) -> Callable[[], Submitted]:
        options = {"owner": new_owner(), **options}
        arguments = {"path": bench.path()}
        return lambda: engine.submit("sample.hold", arguments, **options)

    futures = _gather(
        bench,
        engine.batches.acceptances._commits,
        [
            submit(),
            submit(),
            submit(owner=bench.owner, idempotency=KEY),
            submit(owner=bench.owner, idempotency=OTHER_BODY),
            submit(owner=broken),
            *(submit(owner=crowded) for _ in range(3)),
            submit(),
        ],
    )
    accepted = [futures[number].result() for number in (0, 1, 5, 6, 8)]
    assert all(bench.record(each.id)["instance"] == engine.instance for each in accepted)
    assert futures[2].result().id == known
    assert isinstance(futures[3].exception(), IdempotencyConflict)
    assert isinstance(futures[4].exception(), ResponseError)
    assert isinstance(futures[7].exception(), TooManyUnfinished)
    assert [futures[number].result().unfinished for number in (5, 6)] == [1, 2]
    bench.admin.delete(keyspace.opened(broken.id))
    bench.go()
    for each in accepted[1:]:
        bench.wait_for(each.id, "succeeded")


def test_twelve_submits_that_gather_cost_one_round_trip(bench: EngineBench) -> None:
    """One script call for all of them, and each is durable."""
    store = open_job_connections(bench.settings(redis_timeout_ms=10_000))
    acceptances = Acceptances(store, patience_s=30)
    Holdings(store).beat("a", ttl_s=60, register=True)
    jobs = [new_job(bench.owner) for _ in range(13)]
    acceptances.accept(new_job(bench.owner), instance="a", limit=100)  # the script is loaded
    calls = [partial(acceptances.accept, job, instance="a", limit=100) for job in jobs]
    before = _script_calls(bench)
    answers = [each.result() for each in _gather(bench, acceptances._commits, calls)]
    assert _script_calls(bench) - before == 2
    assert [answer.unfinished for answer in answers] == list(range(2, 15))
    assert {each.id for each in jobs} <= set(bench.admin.smembers(keyspace.held("a")))
    assert all(bench.status(each.id) == "queued" for each in jobs)
    store.close()


def test_outage_fails_those_who_gathered_in_time_and_leaves_nothing(bench: EngineBench) -> None:
    """503 for each within the time-outs, and afterwards all is as it was."""
    engine = bench.start(job_heartbeat_s=60)
    owner = new_owner()
    submits = [lambda: engine.submit("sample.echo", {}, owner=new_owner())]
    submits += [lambda: engine.submit("sample.echo", {}, owner=owner)] * 6
    began = time.monotonic()
    futures = _gather(bench, engine.batches.acceptances._commits, submits, is_outage=True)
    assert time.monotonic() - began < 10, "nobody waited for Redis to come back"
    for each in futures:
        with pytest.raises(JobStoreUnavailable):
            each.result()

    def is_accepted() -> bool:
        try:
            engine.submit("sample.echo", {}, owner=owner)
        except JobStoreUnavailable:
            return False
        return True

    wait_until(is_accepted, timeout_s=5, what="submits are accepted again")
    assert bench.admin.zcard(keyspace.owner(owner.id)) == 1, "those who gathered were never sent"
    bench.check_nothing_is_left()
