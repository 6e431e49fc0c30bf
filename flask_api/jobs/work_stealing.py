"""Work stealing: a process that has nothing to do takes jobs that wait in another one.

A job waits in the memory of the process that accepted it, and only there it would begin. Once a
beat, a process with a free slot and an empty queue looks who has jobs that wait, and takes half of
the longest queue, some hundred at a time. The giver is not asked and not slowed: one atomic script
moves what it holds and has not begun (records/lua/steal.lua), and when its own turn comes to such a
job, the fence says that it is another's. A process that is alone looks at nobody.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from flask_api.jobs.records.holdings import Beat, Holdings
from flask_api.jobs.records.job import QueuedJob
from flask_api.jobs.records.job_reader import JobReader
from flask_api.jobs.workers.worker import Worker
from shared.errors import JobStoreFull
from shared.redis import Store

log = logging.getLogger("gatehouse.jobs")

# So many are looked at together. Of a queue that is longer, chance chooses which.
_AT_ONCE = 500
# At most so many times in one beat, which must not come late.
_PIECES = 20
# One from whom nothing could be taken is left alone for so many beats.
_REST_BEATS = 8


class WorkStealing:
    """Takes waiting jobs for one process. For one thread, that of its beats."""

    def __init__(self, store: Store, worker: Worker, holdings: Holdings) -> None:
        self._reader = JobReader(store)
        self._holdings = holdings
        self._worker = worker
        self._executors = {task.name: task.policy.executor for task in worker.registry}
        self._resting: Counter[str] = Counter()

    def take_some(self, beats: Mapping[str, Beat]) -> int:
        """Take half of the longest queue if an executor here has nothing to do; return how many
        jobs that were. Raises JobStoreUnavailable."""
        self._resting = +(self._resting - Counter(dict.fromkeys(self._resting, 1)))
        waiting = {
            other: beat.waiting for other, beat in beats.items() if other not in self._resting
        }
        giver = max(waiting, key=waiting.__getitem__, default="")
        idle = [each.name for each in self._worker.executors if each.is_idle]
        if not giver or not waiting[giver] or not idle:
            return 0
        try:
            return self._take_half(giver, beats[giver].held, idle)
        except JobStoreFull:
            return 0  # nothing begins before there is room again

    def _take_half(self, giver: str, held: int, idle: Collection[str]) -> int:
        """Take so many that both have as many, if that fits here."""
        most = min(max(1, (held - len(self._worker.held)) // 2), self._worker.places)
        taken = 0
        for _ in range(_PIECES):
            wanted = self._find(giver, most - taken, idle)
            if not wanted:
                self._resting[giver] = _REST_BEATS
                break
            taken += self._take(giver, wanted)  # fewer, when another process was faster
            if taken >= most:
                break
        if taken:
            log.info("took jobs that waited elsewhere", extra={"jobs": taken, "instance": giver})
        return taken

    def _find(self, giver: str, most: int, idle: Collection[str]) -> list[QueuedJob]:
        unfinished = self._reader.find_unfinished(self._holdings.some_of(giver, _AT_ONCE))
        return choose(unfinished, idle, self._executors, most)

    def _take(self, giver: str, wanted: Sequence[QueuedJob]) -> int:
        job_ids = [job.job_id for job in wanted]
        instance = self._worker.held.instance
        taken = frozenset(self._holdings.steal(job_ids, giver=giver, instance=instance))
        self._worker.drop(taken)  # what was taken from here before, and is ours again
        self._worker.put([job for job in wanted if job.job_id in taken])
        return len(taken)


def choose(
    unfinished: Iterable[tuple[QueuedJob, bool]],
    idle: Collection[str],
    executors: Mapping[str, str],
    most: int,
) -> list[QueuedJob]:
    """Return which jobs of another process to take: what waits for an executor that is idle here,
    at most half of what that process has for it.

    ``unfinished``: its jobs, and whether each waits. People take turns; of one person those of the
    highest priority come first, then the oldest.
    """
    of_executor: Counter[str] = Counter()
    waiting: defaultdict[str, list[QueuedJob]] = defaultdict(list)
    for job, waits in unfinished:
        executor = executors.get(job.task, "")
        if executor in idle:
            of_executor[executor] += 1
            if waits:
                waiting[executor].append(job)
    chosen: list[QueuedJob] = []
    for executor, jobs in waiting.items():
        chosen += _in_turns(jobs)[: max(1, of_executor[executor] // 2)]
    return chosen[:most]


def _in_turns(jobs: Sequence[QueuedJob]) -> list[QueuedJob]:
    place: Counter[str] = Counter()
    placed: list[tuple[int, QueuedJob]] = []
    for job in sorted(jobs, key=lambda each: (-each.priority, each.job_id)):
        place[job.owner_id] += 1
        placed.append((place[job.owner_id], job))
    return [job for _, job in sorted(placed, key=lambda each: each[0])]
