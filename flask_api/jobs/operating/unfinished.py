"""The ids of all unfinished jobs, whoever holds them: found where they are held, without an index.

A process or worker holds its jobs in a set; others wait for their time or for somebody to take
them. More than MOST_IDS are not read at once: then chance chooses which, and that is said.
"""

from collections.abc import Sequence
from typing import NamedTuple, cast

from flask_api.jobs.records import keyspace
from shared.redis import RedisClient, RedisGateway

MOST_IDS = 20_000
_MOST_HOLDERS = 1_000


class UnfinishedIds(NamedTuple):
    """The ids, the newest first; how many there are, which is more when only some were read; and
    how many of these wait for their time, and for somebody to take them over."""

    ids: list[str]
    total: int
    delayed: int
    handed_over: int


def read_unfinished(store: RedisGateway) -> UnfinishedIds:
    """Return the ids of all unfinished jobs, MOST_IDS about at most. Raises JobStoreUnavailable."""
    holders = store.read(_holders)
    counts, delayed, orphans = store.read(lambda client: _count(client, holders))
    total = sum(counts) + delayed + orphans
    share = min(1.0, MOST_IDS / total) if total else 1.0
    ids = store.read(lambda client: _ids(client, holders, counts, share))
    return UnfinishedIds(sorted(ids, reverse=True), total, delayed, orphans)


def _holders(client: RedisClient) -> list[str]:
    with client.pipeline(transaction=False) as pipeline:
        pipeline.smembers(keyspace.INSTANCES)
        pipeline.zrange(keyspace.WORKERS, 0, _MOST_HOLDERS)
        instances, workers = pipeline.execute()
    return [*sorted(instances), *workers][:_MOST_HOLDERS]


def _count(client: RedisClient, holders: Sequence[str]) -> tuple[list[int], int, int]:
    with client.pipeline(transaction=False) as pipeline:
        for holder in holders:
            pipeline.scard(keyspace.held(holder))
        pipeline.zcard(keyspace.DELAYED)
        pipeline.scard(keyspace.ORPHANS)
        *counts, delayed, orphans = cast("list[int]", pipeline.execute())
    return counts, delayed, orphans


def _ids(
    client: RedisClient, holders: Sequence[str], counts: Sequence[int], share: float
) -> set[str]:
    """Return all ids or, when they are too many, of each holder its share."""
    most = max(1, int(MOST_IDS * share))
    with client.pipeline(transaction=False) as pipeline:
        for holder, count in zip(holders, counts, strict=True):
            if share == 1.0:
                pipeline.smembers(keyspace.held(holder))
            else:
                pipeline.srandmember(keyspace.held(holder), max(1, int(count * share)))
        pipeline.zrange(keyspace.DELAYED, 0, most - 1)
        pipeline.srandmember(keyspace.ORPHANS, most)
        return {str(each) for found in pipeline.execute() for each in found}
