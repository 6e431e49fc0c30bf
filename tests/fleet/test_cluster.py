"""A Redis Cluster: all of an installation in two slots, whose primary dies, changes and moves."""

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from shared.errors import JobStoreUnavailable
from shared.redis import RedisClient, RedisGateway, Script, build_client
from shared.redis.cluster import with_entry
from shared.redis.trial import find_misconfiguration, find_obstacle
from tests.chaos.house import House
from tests.chaos.processes import tree_of
from tests.fleet.asking import at_work, strike
from tests.fleet.clusters import PREFIX, Cluster

_SET = Script("return redis.call('SET', KEYS[1], ARGV[1])")


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A Cluster for all tests here."""
    with Cluster(tmp_path_factory.mktemp("cluster")) as redis:
        yield redis


def test_slot_that_moves_is_followed(redis: Cluster) -> None:
    """A write that a node refuses because the slot is another's by now is said there, once; reads
    and what runs in a pipeline go on there too. While entries are on their way, it is an outage."""
    entry = "{another}:entry"  # a slot of the third node
    url = with_entry(redis.url("admin", "?replicas=0"), entry)
    client = build_client(url, timeout_s=1, max_connections=2)
    store = RedisGateway(client, unavailable=JobStoreUnavailable)
    try:
        store.run(_SET, [entry], ["before"])
        redis.move(entry, 2, 1)
        store.run(_SET, [entry], ["after"])
        assert store.get(entry) == "after"
        redis.move(entry, 1, 2)
        assert store.get(entry) == "after"
        redis.begin_move(entry, 2, 1)
        with pytest.raises(JobStoreUnavailable):
            store.get(entry)
        redis.end_move(entry, 2, 1)
        assert store.read(lambda each: _in_a_pipeline(each, entry)) == ["after"]
    finally:
        store.close()


def test_primary_without_a_replica_takes_no_writes(redis: Cluster) -> None:
    """Of what must be on a replica: said when it is asked beforehand, and with what to change."""
    entry = "{another}:entry"  # a slot of the third node, which has none
    for query, problem in (("", "no replica has what was written"), ("?replicas=0", "")):
        url = with_entry(redis.url("admin", query), entry)
        client = build_client(url, timeout_s=1, max_connections=2)
        store = RedisGateway(client, unavailable=JobStoreUnavailable)
        with pytest.raises(JobStoreUnavailable) if problem else nullcontext():
            store.require_writes(entry)
        store.close()
        assert problem in find_obstacle(url, timeout_s=1)
        assert bool(problem) == bool(find_obstacle(url, timeout_s=1))
        assert not find_misconfiguration(url, timeout_s=1), "it may come back"


def test_primary_that_dies_or_changes_costs_no_job_and_no_session(
    redis: Cluster, tmp_path: Path
) -> None:
    """Killed, and then changed by the operator, while jobs are accepted and run, here and by RQ:
    each job that was answered with 202 succeeds, and the person is never told to log in."""
    settings: dict[str, Any] = {
        "redis_prefix": PREFIX,
        "site_redis_url": redis.url("django"),
        "api_redis_url": redis.url("gate"),
        "jobs_redis_url": redis.url("worker"),
        "executors": {"chaos.patient": "rq"},
        "job_heartbeat_s": "4",
    }
    with House(tmp_path, servers=1, **settings) as house:
        with at_work(house, longest_ms=2, threads=1, first=50) as (ledger, told):
            strike(ledger, redis.kill_owner, "the kill", more=20)
            told.wait_until_back()
            strike(ledger, redis.fail_over, "the change", more=20)
            told.wait_until_back()
        ran = {int(line.split()[3]) for line in house.effects.read_text().splitlines()}
        assert ran.intersection(tree_of(house.workers[0].pid)), "RQ's worker ran some"


def _in_a_pipeline(client: RedisClient, entry: str) -> list[Any]:
    with client.pipeline(transaction=False) as pipeline:
        pipeline.get(entry)
        return pipeline.execute()
