"""Work stealing: a process that has nothing to do takes jobs that wait in another one.

A job waits in the memory of the process that accepted it, and only there it would begin. Once a
beat, a process with a free slot and an empty queue looks who has jobs that wait, and takes half of
the longest queue, some hundred at a time. And one that works for fewer people than another takes
some jobs of those it has none of: so people take turns in every process, not only where they asked.

The giver is not asked and not slowed: one atomic script moves what it holds and has not begun
(records/lua/steal.lua), and when its own turn comes to such a job, the fence says that it is
another's. A process that is alone looks at nobody. Jobs that are sooner run than moved stay where
they are: their holder's beat says how many of those that wait it runs by itself.
"""

import logging
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from flask_api.jobs.records.beats import Beat
from flask_api.jobs.records.holdings import Holdings
from flask_api.jobs.records.job import QueuedJob
from flask_api.jobs.records.job_reader import JobReader
from flask_api.jobs.workers.executor import Executor
from flask_api.jobs.workers.worker import Worker
from shared.errors import JobStoreFull
from shared.redis import RedisGateway

log = logging.getLogger("gatehouse.jobs")

# So many are looked at together. Of a queue that is longer, chance chooses which.
_AT_ONCE = 500
# At most so many times in one beat, which must not come late.
_PIECES = 20
# Of these so many may hold nothing that is wanted: of thousands of brief jobs, a few are long.
_MOST_FRUITLESS = 5
# One from whom nothing could be taken is left alone for so many beats.
_REST_BEATS = 2


class WorkStealing:
    """Takes waiting jobs for one process. For one thread, that of its beats."""

    def __init__(self, store: RedisGateway, worker: Worker, holdings: Holdings) -> None:
        self._reader = JobReader(store)
        self._holdings = holdings
        self._worker = worker
        self._executor_of = worker.executor_names
        self._resting: Counter[tuple[str, str]] = Counter()

    def take_some(self, beats: Mapping[str, Beat]) -> int:
        """Take what there is a reason to take, for each executor; return how many jobs that were.
        What others took from here is forgotten first. Raises JobStoreUnavailable."""
        if self._worker.was_refused:
            self._worker.was_refused = False
            self.drop_taken()
        self._resting = +(self._resting - Counter(dict.fromkeys(self._resting, 1)))
        try:
            return sum(self._take_for(executor, beats) for executor in self._worker.executors)
        except JobStoreFull:
            return 0  # nothing begins before there is room again

    def drop_taken(self) -> frozenset[str]:
        """Forget what waits here and is another's; return which jobs are this process's. Each would
        else cost a round trip when its turn comes, and may keep our turn from others long."""
        # Before the look: what waits is held by then.
        waiting = {job for each in self._worker.executors for job in each.queue.waiting_ids()}
        ours = self._holdings.all_of(self._worker.held.instance)
        self._worker.drop(waiting - ours)
        return ours

    def _take_for(self, executor: Executor, beats: Mapping[str, Beat]) -> int:
        name, people = executor.name, executor.queue.people()
        others = {each: beat for each, beat in beats.items() if (name, each) not in self._resting}
        if executor.is_idle:
            waiting = {other: beat.waiting(name) for other, beat in others.items()}
            # What waits here though a slot is free has reached its limit: more would wait, too.
            limited = executor.queue.tasks()
            giver = _greatest(waiting)
            if not giver:
                return 0
            worth = _all if beats[giver].wants_help(name) else executor.worth_taking
            return self._take_half(giver, executor, beats, not_too_many(worth, besides=limited))
        more = {other: beat.people(name) - len(people) for other, beat in others.items()}
        giver = _greatest(more)
        return self._take_half(
            giver, executor, beats, lambda job: job.owner_id not in people, leave_one=True
        )

    def _take_half(
        self,
        giver: str,
        executor: Executor,
        beats: Mapping[str, Beat],
        is_wanted: Callable[[QueuedJob], bool],
        *,
        leave_one: bool = False,
    ) -> int:
        """Take so many of those that are wanted that both have as many, if there is room here."""
        if not giver:
            return 0
        most = max(1, (beats[giver].held - executor.queue.running) // 2)
        most, taken, fruitless = min(most, executor.queue.places), 0, 0
        for _ in range(_PIECES):
            some = self._holdings.some_of(giver, _AT_ONCE)
            fitting = [each for each in self._look_at(some) if self._fits(each[0], executor)]
            # Those that run use up nothing of what is wanted.
            waiting = [(job, waits) for job, waits in fitting if waits and is_wanted(job)]
            are_all = len(some) < _AT_ONCE
            if are_all and not taken:  # half of those that are wanted, with those that run
                running = sum(not waits and is_wanted(job) for job, waits in fitting)
                most = min(most, max(1, (len(waiting) + running) // 2))
            wanted = choose(waiting, most - taken, leave_one=leave_one)
            fruitless += not wanted
            if wanted:
                taken += self._take(giver, wanted)  # fewer, when another process was faster
            elif are_all or fruitless >= _MOST_FRUITLESS:
                break
            if taken >= most:
                break
        if taken:
            log.info("took jobs that waited elsewhere", extra={"jobs": taken, "instance": giver})
        else:
            self._resting[executor.name, giver] = _REST_BEATS
        return taken

    def _look_at(self, job_ids: Sequence[str]) -> list[tuple[QueuedJob, bool]]:
        return self._reader.find_unfinished(job_ids, only_to_choose=True)

    def _fits(self, job: QueuedJob, executor: Executor) -> bool:
        return (
            self._executor_of.get(job.task) == executor.name
            and job.task not in executor.queue.paused
        )

    def _take(self, giver: str, wanted: Sequence[QueuedJob]) -> int:
        job_ids = [job.job_id for job in wanted]
        instance = self._worker.held.instance
        taken = frozenset(self._holdings.steal(job_ids, giver=giver, instance=instance))
        self._worker.drop(taken)  # what was taken from here before, and is ours again
        # Arguments may be large: of these only. If they can't be read now, an audit finds them.
        whole = self._reader.find_unfinished([each for each in job_ids if each in taken])
        self._worker.put([job for job, waits in whole if waits])
        return len(taken)


def _all(_: str) -> int:
    return sys.maxsize


def not_too_many(
    worth: Callable[[str], int], *, besides: Collection[str]
) -> Callable[[QueuedJob], bool]:
    """Return what wants as many jobs of each task as are worth taking, and none of some tasks."""
    left = dict.fromkeys(besides, 0)

    def wants(job: QueuedJob) -> bool:
        if job.task not in left:
            left[job.task] = worth(job.task)
        left[job.task] -= 1
        return left[job.task] >= 0

    return wants


def choose(
    unfinished: Iterable[tuple[QueuedJob, bool]], most: int, *, leave_one: bool = False
) -> list[QueuedJob]:
    """Return which of these jobs of another process to take: at most so many of those that wait;
    with ``leave_one`` of nobody the only one.

    People take turns; of one person those of the highest priority come first, then the oldest.
    """
    waiting = [job for job, waits in unfinished if waits]
    place: Counter[str] = Counter()
    placed: list[tuple[int, QueuedJob]] = []
    for job in sorted(waiting, key=lambda each: (-each.priority, each.job_id)):
        place[job.owner_id] += 1
        placed.append((place[job.owner_id], job))
    if leave_one:
        placed = [each for each in placed if place[each[1].owner_id] > 1]
    return [job for _, job in sorted(placed, key=lambda each: each[0])][:most]


def _greatest(numbers: Mapping[str, int]) -> str:
    """Return the name of the greatest number above zero, empty when there is none."""
    name = max(numbers, key=numbers.__getitem__, default="")
    return name if name and numbers[name] > 0 else ""
