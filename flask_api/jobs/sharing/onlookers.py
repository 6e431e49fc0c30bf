"""Who looks on at a shared job just now: its owner may know, and who looks on is told so.

Each look, and each stream that is followed, notes its person with the time. Who was not noted for
NOW_S seconds looks on no more. One entry of a person for a job, however many pages they have open;
it is no record of who looked on when.
"""

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from flask_api.jobs.records import keyspace
from shared.clock import JOBS_CLOCK
from shared.errors import JobStoreFull, JobStoreUnavailable
from shared.redis import RedisClient, RedisGateway

NOW_S = 12.0
NOTE_EVERY_S = 4.0
NAMES_SHOWN = 50
_KEPT_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Onlooker:
    """One person who looks on at one job."""

    job: str
    id: str
    username: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LookingOn:
    """How many people look on, and the names of the latest NAMES_SHOWN of them, by name."""

    count: int
    people: tuple[str, ...]


class Onlookers:
    """Notes and tells who looks on. Thread-safe; blocks for the store's time-outs at most."""

    def __init__(self, store: RedisGateway) -> None:
        self._store = store

    def note(self, seen: Iterable[Onlooker]) -> None:
        """Note that these people look on. Where Redis can't store it just now, nobody is kept from
        looking."""
        all_seen = set(seen)
        if all_seen:
            with suppress(JobStoreUnavailable, JobStoreFull):
                self._store.write(lambda client: _note(client, all_seen, JOBS_CLOCK.now()))

    def of(self, job_id: str) -> LookingOn:
        """Return who looks on at a job. Raises JobStoreUnavailable."""
        since = JOBS_CLOCK.now() - NOW_S

        def read(client: RedisClient) -> list[object]:
            with client.pipeline(transaction=False) as pipeline:
                pipeline.zcount(keyspace.onlookers(job_id), since, "+inf")
                pipeline.zrevrangebyscore(
                    keyspace.onlookers(job_id), "+inf", since, start=0, num=NAMES_SHOWN
                )
                return cast("list[object]", pipeline.execute())

        count, members = self._store.read(read)
        names = (str(json.loads(member)[1]) for member in cast("list[str]", members))
        return LookingOn(count=cast(int, count), people=tuple(sorted(names)))


def _note(client: RedisClient, seen: Iterable[Onlooker], now: float) -> None:
    with client.pipeline(transaction=False) as pipeline:
        for each in seen:
            entry = keyspace.onlookers(each.job)
            pipeline.zadd(entry, {json.dumps([each.id, each.username]): now})
            pipeline.zremrangebyscore(entry, "-inf", now - _KEPT_S)
            pipeline.expire(entry, _KEPT_S)
        pipeline.execute()
