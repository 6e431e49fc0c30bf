"""The last 72 hours by task: what ended, how long it waited and ran."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from flask_api.jobs.history.hours import Numbers, read_hours
from flask_api.jobs.history.tally import BOUNDS, HOUR_S
from shared.redis import RedisGateway


class EndedJobs(NamedTuple):
    """Jobs that ended, by outcome."""

    succeeded: int
    failed: int
    cancelled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How long something took: how often, on average, and how many in each bucket of BOUNDS."""

    count: int
    mean_s: float
    buckets: tuple[int, ...]

    def at_most_s(self, share: float) -> float | None:
        """Return a bound below which this share of the times lies: the bucket's; None when it is
        longer than all bounds, or nothing was timed."""
        passed = 0
        for bound, count in zip(BOUNDS, self.buckets, strict=False):
            passed += count
            if self.count and passed >= share * self.count:
                return bound
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskTimes:
    """One task's. ``by_hour``: the oldest first."""

    task: str
    ended: EndedJobs
    waited: Spread
    ran: Spread
    by_hour: list[EndedJobs]


def read_times(store: RedisGateway, *, now: float | None = None) -> tuple[int, list[TaskTimes]]:
    """Return when the first of the hours began, in seconds since 1970, and each task that ended or
    ran in them, the busiest first. Raises JobStoreUnavailable."""
    hours = read_hours(store, now=now)
    tasks = sorted({task for _, by_task in hours for task in by_task})
    found = [_times(task, [by_task.get(task, {}) for _, by_task in hours]) for task in tasks]
    return hours[0][0] * HOUR_S, sorted(found, key=lambda each: (-sum(each.ended), each.task))


def _times(task: str, rows: Sequence[Numbers]) -> TaskTimes:
    total: Counter[str] = Counter()
    for row in rows:
        total.update(row)
    return TaskTimes(
        task=task,
        ended=_ended(total),
        waited=_spread(total, "w"),
        ran=_spread(total, "r"),
        by_hour=[_ended(row) for row in rows],
    )


def _ended(numbers: Mapping[str, int]) -> EndedJobs:
    return EndedJobs(*(numbers.get(name, 0) for name in "sfc"))


def _spread(total: Counter[str], kind: str) -> Spread:
    buckets = tuple(total[f"{kind}{number}"] for number in range(len(BOUNDS) + 1))
    count = sum(buckets)
    mean_s = total[f"{kind}t"] / 1000 / count if count else 0.0
    return Spread(count=count, mean_s=mean_s, buckets=buckets)
