"""For what a job waits that has not begun, as far as it is known: for its time, until an operator
resumes its task, for a place among the running ones of its task, or for its turn."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import Job, JobStatus
from flask_api.jobs.records.pauses import WorkPause
from flask_api.jobs.tasks.registry import TaskRegistry
from shared.clock import JOBS_CLOCK
from shared.redis import RedisClient, RedisGateway

# Of one person: all their ids are read to count those before one.
MOST_COUNTED = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingReason:
    """For what a job waits. ``until``: its time; ``running`` of at most ``limit`` jobs of its task,
    in all processes; ``ahead``: how many unfinished jobs its owner submitted before it, None for
    who has more unfinished ones than are counted at each look. ``pause``: since when, and why."""

    reason: Literal["start_time", "paused", "task_limit", "turn"]
    ahead: int | None
    until: datetime | None = None
    running: int | None = None
    limit: int | None = None
    pause: WorkPause | None = None


class WaitingReasons:
    """Tells for what jobs wait. Thread-safe; nothing is asked where none of them does.

    Raises JobStoreUnavailable when Redis is away.
    """

    def __init__(
        self,
        store: RedisGateway,
        registry: TaskRegistry,
        pause_of: Callable[[str], WorkPause | None],
    ) -> None:
        self._store = store
        self._pause_of = pause_of
        self._limits = registry.running_limits

    def find(self, jobs: Sequence[Job]) -> dict[str, WaitingReason]:
        """Return for what each job waits, by id, in two round trips; they are one person's. A job
        that doesn't wait is left out."""
        waiting = [job for job in jobs if job.status is JobStatus.QUEUED]
        if not waiting:
            return {}
        owner_id, now = waiting[0].owner.id, JOBS_CLOCK.moment()
        limited = [task for task in {job.task for job in waiting} if task in self._limits]
        unfinished, running = self._store.read(lambda client: _look(client, owner_id, limited))
        counts = dict(zip(limited, running, strict=True))
        if unfinished is None:
            return {job.id: self._reason(job, None, counts, now) for job in waiting}
        places = {job_id: place for place, job_id in enumerate(sorted(unfinished))}
        return {job.id: self._reason(job, places.get(job.id, 0), counts, now) for job in waiting}

    def _reason(
        self, job: Job, ahead: int | None, running: dict[str, int], now: datetime
    ) -> WaitingReason:
        if job.start_at is not None and job.start_at > now:
            return WaitingReason(reason="start_time", ahead=ahead, until=job.start_at)
        if (pause := self._pause_of(job.task)) is not None:
            return WaitingReason(reason="paused", ahead=ahead, pause=pause)
        limit = self._limits.get(job.task)
        if limit is not None and running[job.task] >= limit:
            return WaitingReason(
                reason="task_limit", ahead=ahead, running=running[job.task], limit=limit
            )
        return WaitingReason(reason="turn", ahead=ahead)


def _look(
    client: RedisClient, owner_id: str, tasks: Sequence[str]
) -> tuple[Collection[str] | None, list[int]]:
    opened = keyspace.opened(owner_id)
    with client.pipeline(transaction=False) as pipeline:
        pipeline.scard(opened)
        for task in tasks:
            pipeline.scard(keyspace.running(task))
        unfinished, *running = cast("list[int]", pipeline.execute())
    few = unfinished <= MOST_COUNTED
    return cast("set[str]", client.smembers(opened)) if few else None, running
