"""The jobs of one process that wait for a slot: in memory, fair between people, bounded.

People take turns, so that one person's ten thousand jobs don't hold up another's one, whatever
priority they have: that orders a person's own jobs only (flask_api.jobs.workers.lanes).
And while another waits, one person keeps to their share of the slots.
"""

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import groupby
from operator import attrgetter

from flask_api.jobs.errors import QueueFull
from flask_api.jobs.records.job import QueuedJob
from flask_api.jobs.workers.lanes import Lanes

# What the jobs of one line have in common.
_LINE = attrgetter("owner_id", "priority", "task", "batch")


def shared_slots(slots: int, share: float) -> int:
    """Return how many of an executor's slots are one person's while another waits:
    their share, at most all but one."""
    return max(1, min(slots - 1, int(slots * share)))


class FairQueue:
    """Jobs that wait, of one executor. Thread-safe; nothing blocks.

    ``limit`` bounds what waits and runs here; ``per_person`` how many slots one person's jobs take,
    ``while_shared`` how many while somebody else's could begin; ``max_running`` how many a task's,
    here: that all processes together keep to it is known when one would begin (:meth:`hold_back`).
    Whose job goes next: of those who may, the person whose last job began or ended longest ago.
    So nobody stays behind for ever, and a slot of one who had all goes to another who waits.
    """

    def __init__(
        self,
        *,
        limit: int,
        per_person: int,
        while_shared: int,
        max_running: Callable[[str], int | None] = lambda _: None,
    ) -> None:
        self._limit = limit
        self._per_person = per_person
        self._while_shared = while_shared
        self._max_running = max_running
        self._lock = threading.Lock()
        self._people: OrderedDict[str, Lanes] = OrderedDict()
        self._waiting = 0
        self._reserved = 0
        self._running = 0
        self._running_of_person: Counter[str] = Counter()
        self._running_of_task: Counter[str] = Counter()
        self._held_back: set[str] = set()
        self.paused: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return self._waiting

    @property
    def running(self) -> int:
        """How many jobs were taken and not given back."""
        return self._running

    def people(self) -> frozenset[str]:
        """Return whose jobs wait or run here."""
        with self._lock:
            return frozenset(self._people) | frozenset(self._running_of_person)

    @property
    def places(self) -> int:
        """How many more jobs it may hold."""
        return max(0, self._limit - self._waiting - self._reserved - self._running)

    def reserve(self, count: int = 1) -> None:
        """Keep places for jobs about to be accepted, or raise QueueFull:
        what is accepted later always fits."""
        with self._lock:
            if self._waiting + self._reserved + self._running + count > self._limit:
                raise QueueFull(
                    "This server holds as many unfinished jobs as it may "
                    f"({self._limit}); try again later."
                )
            self._reserved += count

    def seize(self, queued: QueuedJob) -> bool:
        """Count a job as running that is about to be accepted,
        if nothing waits before it and its person and task may.

        False: it must wait its turn. Give it back with :meth:`done`.
        """
        with self._lock:
            is_free = self._waiting == 0 and self._reserved + self._running < self._limit
            if not (
                is_free
                and self._running_of_person[queued.owner_id] < self._per_person
                and self._may_run(queued.task)
            ):
                return False
            self._count([queued])
            return True

    def release(self, count: int = 1) -> None:
        """Give back places that were reserved."""
        with self._lock:
            self._reserved -= count

    def put(self, queued_jobs: Sequence[QueuedJob]) -> None:
        """Add jobs that are durable already: never refused."""
        with self._lock:
            for (owner_id, priority, task, batch), alike in groupby(queued_jobs, key=_LINE):
                if owner_id not in self._people:
                    self._people[owner_id] = Lanes()
                self._people[owner_id].put(priority, task, batch, alike)
            self._waiting += len(queued_jobs)

    def share(self, while_shared: int) -> None:
        """Change how many slots one person's jobs take while another waits."""
        self._while_shared = while_shared

    def take(
        self,
        chunk_of: Callable[[str], int] = lambda _: 1,
        *,
        fits: Callable[[str], bool] = lambda _: True,
    ) -> list[QueuedJob]:
        """Return the jobs of one task that go next, as many as ``chunk_of`` says of the task at
        most, empty when none may. Give them back with :meth:`done`. ``fits``: which tasks the slot
        can run."""
        with self._lock:
            found = self._find_next(fits)
            if found is None:
                return []
            person, (priority, task) = found
            taken = self._people[person].take(priority, task, chunk_of(task))
            if self._people[person]:
                self._people.move_to_end(person)
            else:
                del self._people[person]
            self._waiting -= len(taken)
            self._count(taken)
            return taken

    def tasks(self) -> frozenset[str]:
        """Return the tasks of which jobs wait here."""
        with self._lock:
            return frozenset(task for lanes in self._people.values() for task in lanes.tasks())

    def has_limit(self, task: str) -> bool:
        """Tell whether only so many jobs of a task may run at once."""
        return self._max_running(task) is not None

    def hold_back(self, queued: QueuedJob) -> None:
        """Put back a job that was taken and may not run yet, first in line, and none of its task
        before :meth:`let_go`."""
        with self._lock:
            lanes = self._people.setdefault(queued.owner_id, Lanes())
            lanes.put_back(queued)
            self._waiting += 1
            self._held_back.add(queued.task)

    def let_go(self, task: str) -> bool:
        """Let jobs of a task be taken again; tell whether they were held back."""
        with self._lock:
            was_held_back = task in self._held_back
            self._held_back.discard(task)
            return was_held_back

    @property
    def held_back(self) -> list[str]:
        """The tasks of which none may be taken, until :meth:`let_go`."""
        with self._lock:
            return list(self._held_back)

    def has_next(self, fits: Callable[[str], bool] = lambda _: True) -> bool:
        """Tell whether :meth:`take` would return a job now."""
        with self._lock:
            return self._find_next(fits) is not None

    def pause(self, tasks: frozenset[str]) -> None:
        """Let no job of these tasks be taken or seized, and any of the others: what is added is
        kept. ``paused`` tells which they are."""
        with self._lock:
            self.paused = tasks

    def count_paused(self) -> int:
        """Return how many of the jobs that wait are of paused tasks."""
        return self.count(self.paused)

    def count(self, tasks: frozenset[str]) -> int:
        """Return how many of the jobs that wait are of some of the tasks."""
        if not tasks:
            return 0
        with self._lock:
            return sum(lanes.count(tasks) for lanes in self._people.values())

    def done(self, queued_jobs: Sequence[QueuedJob]) -> None:
        """Note that what one :meth:`take` returned no longer runs here;
        it may have been nothing."""
        if not queued_jobs:
            return
        with self._lock:
            self._running -= len(queued_jobs)
            first = queued_jobs[0]
            for running, name in (
                (self._running_of_person, first.owner_id),
                (self._running_of_task, first.task),
            ):
                running[name] -= 1
                if running[name] <= 0:
                    del running[name]
            if first.owner_id in self._people:
                # or of a single slot the one who had it would be the next, too
                self._people.move_to_end(first.owner_id)

    def waiting_ids(self) -> list[str]:
        """Return the ids of all jobs that wait."""
        with self._lock:
            return [queued.job_id for queued in self._all()]

    def discard(self, job_ids: Collection[str]) -> list[str]:
        """Forget those of these jobs that wait; return their ids."""
        with self._lock:
            gone = [job_id for lanes in self._people.values() for job_id in lanes.discard(job_ids)]
            for person in [each for each, lanes in self._people.items() if not lanes]:
                del self._people[person]
            self._waiting -= len(gone)
            return gone

    def clear(self) -> list[QueuedJob]:
        """Forget and return all that waits: it is somebody else's now."""
        with self._lock:
            forgotten = list(self._all())
            self._people.clear()
            self._waiting = 0
            return forgotten

    def _all(self) -> Iterator[QueuedJob]:
        for lanes in self._people.values():
            yield from lanes

    def _find_next(self, fits: Callable[[str], bool]) -> tuple[str, tuple[int, str]] | None:
        """Return whose job goes next, its priority and task;
        one who has their share already only if nobody else may."""
        beyond_share = None
        for person, lanes in self._people.items():
            running = self._running_of_person[person]
            if running >= self._per_person or (beyond_share and running >= self._while_shared):
                continue
            if (line := lanes.find_next(lambda task: fits(task) and self._may_run(task))) is None:
                continue
            if running < self._while_shared:
                return person, line
            beyond_share = person, line
        return beyond_share

    def _count(self, taken: Sequence[QueuedJob]) -> None:
        self._running += len(taken)
        self._running_of_person[taken[0].owner_id] += 1  # they run one after the other, in one slot
        self._running_of_task[taken[0].task] += 1

    def _may_run(self, task: str) -> bool:
        if task in self.paused:
            return False
        limit = self._max_running(task)
        if limit is None:
            return True
        return self._running_of_task[task] < limit and task not in self._held_back
