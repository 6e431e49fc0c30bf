"""One person's jobs that wait in a queue: in which order they go among themselves."""

from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import chain

from flask_api.jobs.records.job import QueuedJob


class _Lane:
    """The jobs of one batch of a task. Those whose process died lie apart: whatever is put first
    meanwhile, retries by the hundred, stays behind them, and nobody counts how many they are."""

    __slots__ = ("lost", "others")

    def __init__(self) -> None:
        self.lost: deque[QueuedJob] = deque()
        self.others: deque[QueuedJob] = deque()

    def __len__(self) -> int:
        return len(self.lost) + len(self.others)

    def __iter__(self) -> Iterator[QueuedJob]:
        return chain(self.lost, self.others)

    def take(self, most: int) -> list[QueuedJob]:
        """Remove and return the first ones."""
        return [(self.lost or self.others).popleft() for _ in range(min(len(self), most))]


class Lanes:
    """Jobs of one person: higher priority first;
    within one, tasks take turns, and so do the batches of a task. Jobs whose process died are
    before them all, whenever they come: they were first in line already.

    What is taken together is of one task and one batch. Not thread-safe. Finding the next looks at
    each task once, however many batches wait:
    a person's thousands of batches of a task at its limit must not slow down everybody's next job.
    """

    def __init__(self) -> None:
        self._levels: dict[int, OrderedDict[str, OrderedDict[str, _Lane]]] = {}

    def __bool__(self) -> bool:
        return bool(self._levels)

    def __iter__(self) -> Iterator[QueuedJob]:
        for tasks in self._levels.values():
            for batches in tasks.values():
                for lane in batches.values():
                    yield from lane

    def put(self, priority: int, task: str, batch: str, queued_jobs: Iterable[QueuedJob]) -> None:
        """Add jobs of one priority, task and batch. What raises adds none, and no empty lane,
        which nothing could be taken from."""
        lost: list[QueuedJob] = []
        begun: list[QueuedJob] = []
        new: list[QueuedJob] = []
        for queued in queued_jobs:
            (lost if queued.was_lost else begun if queued.attempts else new).append(queued)
        if begun or new:
            lane = self._lane_of(priority, task, batch)
            # these were first in line already; what came after must not make their recovery slow
            lane.others.extendleft(begun)
            lane.others.extend(new)
        for queued in lost:
            self.put_back(queued)

    def tasks(self) -> set[str]:
        """Return the tasks of these jobs."""
        return {task for tasks in self._levels.values() for task in tasks}

    def count(self, tasks: Collection[str]) -> int:
        """Return how many of these jobs are of some of the tasks; looks at no single job."""
        return sum(
            len(lane)
            for level in self._levels.values()
            for task, batches in level.items()
            if task in tasks
            for lane in batches.values()
        )

    def put_back(self, queued: QueuedJob) -> None:
        """Put a job first in its line, behind those that were lost; one that was lost itself before
        all others."""
        lane = self._lane_of(queued.priority, queued.task, queued.batch)
        (lane.lost if queued.was_lost else lane.others).appendleft(queued)
        if queued.was_lost:
            tasks = self._levels[queued.priority]
            tasks[queued.task].move_to_end(queued.batch, last=False)
            tasks.move_to_end(queued.task, last=False)

    def discard(self, job_ids: Collection[str]) -> list[str]:
        """Remove those of these jobs that are here; return their ids."""
        kept = [job for job in self if job.job_id not in job_ids]
        gone = [job.job_id for job in self if job.job_id in job_ids]
        if gone:
            self._levels = {}
            for job in kept:
                lane = self._lane_of(job.priority, job.task, job.batch)
                (lane.lost if job.was_lost else lane.others).append(job)
        return gone

    def find_next(self, may_run: Callable[[str], bool]) -> tuple[int, str] | None:
        """Return priority and task of the job that goes next, None when none may."""
        for priority in (
            self._levels if len(self._levels) == 1 else sorted(self._levels, reverse=True)
        ):
            for task in self._levels[priority]:
                if may_run(task):
                    return priority, task
        return None

    def take(self, priority: int, task: str, most: int) -> list[QueuedJob]:
        """Remove and return up to ``most`` jobs of what :meth:`find_next` returned."""
        tasks = self._levels[priority]
        batches = tasks[task]
        batch, lane = next(iter(batches.items()))
        taken = lane.take(most)
        if lane:
            batches.move_to_end(batch, last=not lane.lost)
        else:
            del batches[batch]
        if batches:
            tasks.move_to_end(task, last=not next(iter(batches.values())).lost)
        else:
            del tasks[task]
        if not tasks:
            del self._levels[priority]
        return taken

    def _lane_of(self, priority: int, task: str, batch: str) -> _Lane:
        batches = self._levels.setdefault(priority, OrderedDict()).setdefault(task, OrderedDict())
        if batch not in batches:
            batches[batch] = _Lane()
        return batches[batch]
