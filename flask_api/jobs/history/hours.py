"""The history in Redis: a hash for each hour, which is there for 73 hours.

    hour:<hours since 1970>    '<task> <name>' -> a number (.tally.NAMES)

A task that ran in an hour takes up to 2 kB in it: 72 hours of 30 tasks take 4 MB.
"""

from collections.abc import Sequence
from typing import cast

from flask_api.jobs.history.tally import HOUR_S, NAMES, Counted, Tally
from flask_api.jobs.records import keyspace
from shared.clock import JOBS_CLOCK
from shared.errors import StoreUnavailable
from shared.redis import RedisClient, RedisGateway

HOURS_KEPT = 72
Numbers = dict[str, int]  # by name


def write_hours(store: RedisGateway, tally: Tally) -> int:
    """Add what a process counted; return of how many tasks and hours. Raises JobStoreUnavailable:
    they are counted again then, and the next write adds them."""
    taken = tally.take()
    if not taken:
        return 0
    try:
        store.write(lambda client: _add(client, taken))
    except StoreUnavailable:
        tally.put_back(taken)
        raise
    return len(taken)


def read_hours(
    store: RedisGateway, *, now: float | None = None
) -> list[tuple[int, dict[str, Numbers]]]:
    """Return the last 72 hours since 1970 with the numbers of each task, the oldest first, this
    hour too. Raises JobStoreUnavailable."""
    last = int(JOBS_CLOCK.now() if now is None else now) // HOUR_S
    hours = range(last - HOURS_KEPT + 1, last + 1)
    rows = store.read(lambda client: _read(client, hours))
    return [(hour, _by_task(row)) for hour, row in zip(hours, rows, strict=True)]


def _add(client: RedisClient, taken: Counted) -> None:
    with client.pipeline(transaction=False) as pipeline:
        for (hour, task), numbers in taken.items():
            for name, count in zip(NAMES, numbers, strict=True):
                if count:
                    pipeline.hincrby(keyspace.hour(hour), f"{task} {name}", count)
        for hour in {hour for hour, _ in taken}:
            pipeline.expire(keyspace.hour(hour), (HOURS_KEPT + 1) * HOUR_S)
        pipeline.execute()


def _read(client: RedisClient, hours: Sequence[int]) -> list[dict[str, str]]:
    with client.pipeline(transaction=False) as pipeline:
        for hour in hours:
            pipeline.hgetall(keyspace.hour(hour))
        return cast("list[dict[str, str]]", pipeline.execute())


def _by_task(row: dict[str, str]) -> dict[str, Numbers]:
    found: dict[str, Numbers] = {}
    for field, count in row.items():
        task, _, name = field.rpartition(" ")
        found.setdefault(task, {})[name] = int(count)
    return found
