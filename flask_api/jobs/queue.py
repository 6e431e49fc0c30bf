"""The jobs of one process that wait for a slot: in memory, fair between people, bounded.

Higher priority first; within one, people take turns, so that one person's ten thousand jobs don't hold up another's one;
and a person's tasks take turns, so that a task at its limit doesn't hold up the others.
"""

import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter

from flask_api.jobs.errors import QueueFull
from flask_api.jobs.record import Launch

# What the jobs of one line have in common.
_LINE = attrgetter("priority", "owner_id", "task", "batch")


class _Lane:
    """One person's jobs of one priority, by task and batch: what is taken together is of one of each."""

    def __init__(self) -> None:
        self.tasks: OrderedDict[tuple[str, str], deque[Launch]] = OrderedDict()

    def put(self, kind: tuple[str, str], launches: Iterable[Launch]) -> None:
        waiting = self.tasks.setdefault(kind, deque())
        for launch in launches:
            if launch.attempts:
                waiting.appendleft(launch)  # it was first in line already; what came after it must not make its recovery slow
            else:
                waiting.append(launch)

    def take(self, may_run: Callable[[str], bool], chunk_of: Callable[[str], int]) -> list[Launch]:
        for kind, waiting in self.tasks.items():
            task, _ = kind
            if not may_run(task):
                continue
            taken = [waiting.popleft() for _ in range(min(len(waiting), chunk_of(task)))]
            if waiting:
                self.tasks.move_to_end(kind)
            else:
                del self.tasks[kind]
            return taken
        return []


class FairQueue:
    """Jobs that wait, of one executor. Thread-safe; nothing blocks.

    ``limit`` bounds what waits and runs here; ``per_person`` how many of one person's run at once; ``max_running`` of a task.
    """

    def __init__(
        self,
        *,
        limit: int,
        per_person: int,
        max_running: Callable[[str], int | None] = lambda _: None,
    ) -> None:
        self._limit = limit
        self._per_person = per_person
        self._max_running = max_running
        self.chunk_of: Callable[[str], int] = lambda _: 1
        self._lock = threading.Lock()
        self._levels: dict[int, OrderedDict[str, _Lane]] = {}
        self._waiting = 0
        self._reserved = 0
        self._running = 0
        self._running_of_person: Counter[str] = Counter()
        self._running_of_task: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._waiting

    @property
    def running(self) -> int:
        """How many jobs were taken and not given back."""
        return self._running

    def reserve(self, count: int = 1) -> None:
        """Keep places for jobs about to be accepted, or raise QueueFull: what is accepted later always fits."""
        with self._lock:
            if self._waiting + self._reserved + self._running + count > self._limit:
                raise QueueFull(f"This server holds as many unfinished jobs as it may ({self._limit}); try again later.")
            self._reserved += count

    def seize(self, launch: Launch) -> bool:
        """Count a job as running that is about to be accepted, if nothing waits before it and its person and task may.

        False: it must wait its turn. Give it back with :meth:`done`.
        """
        with self._lock:
            is_free = self._waiting == 0 and self._reserved + self._running < self._limit
            if not (is_free and self._running_of_person[launch.owner_id] < self._per_person and self._may_run(launch.task)):
                return False
            self._count([launch])
            return True

    def release(self, count: int = 1) -> None:
        """Give back places that were reserved."""
        with self._lock:
            self._reserved -= count

    def put(self, launches: Sequence[Launch]) -> None:
        """Add jobs that are durable already: never refused."""
        with self._lock:
            for (priority, owner_id, task, batch), alike in groupby(launches, key=_LINE):
                people = self._levels.setdefault(priority, OrderedDict())
                people.setdefault(owner_id, _Lane()).put((task, batch), alike)
            self._waiting += len(launches)

    def take(self) -> list[Launch]:
        """Return the jobs of one task that go next, empty when none may. Give them back with :meth:`done`."""
        with self._lock:
            for level in sorted(self._levels, reverse=True):
                taken = self._take_from(self._levels[level])
                if not self._levels[level]:
                    del self._levels[level]
                if taken:
                    return taken
        return []

    def has_next(self) -> bool:
        """Tell whether :meth:`take` would return a job now."""
        with self._lock:
            return any(self._has_next(people) for people in self._levels.values())

    def done(self, launches: Sequence[Launch]) -> None:
        """Note that what one :meth:`take` returned no longer runs here; it may have been nothing."""
        if not launches:
            return
        with self._lock:
            self._running -= len(launches)
            first = launches[0]
            for running, name in ((self._running_of_person, first.owner_id), (self._running_of_task, first.task)):
                running[name] -= 1
                if running[name] <= 0:
                    del running[name]

    def clear(self) -> list[Launch]:
        """Forget and return all that waits: it is somebody else's now."""
        with self._lock:
            forgotten = list(self._all())
            self._levels.clear()
            self._waiting = 0
            return forgotten

    def _all(self) -> Iterator[Launch]:
        for people in self._levels.values():
            for lane in people.values():
                for waiting in lane.tasks.values():
                    yield from waiting

    def _take_from(self, people: OrderedDict[str, _Lane]) -> list[Launch]:
        for person in list(people):
            may_begin = self._running_of_person[person] < self._per_person
            taken = people[person].take(self._may_run, self.chunk_of) if may_begin else []
            if not taken:
                continue
            if people[person].tasks:
                people.move_to_end(person)
            else:
                del people[person]
            self._waiting -= len(taken)
            self._count(taken)
            return taken
        return []

    def _count(self, taken: Sequence[Launch]) -> None:
        self._running += len(taken)
        self._running_of_person[taken[0].owner_id] += 1  # they run one after the other, in one slot
        self._running_of_task[taken[0].task] += 1

    def _has_next(self, people: OrderedDict[str, _Lane]) -> bool:
        return any(
            self._running_of_person[person] < self._per_person and any(self._may_run(task) for task, _ in lane.tasks)
            for person, lane in people.items()
        )

    def _may_run(self, task: str) -> bool:
        limit = self._max_running(task)
        return limit is None or self._running_of_task[task] < limit
