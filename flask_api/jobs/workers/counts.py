"""What came of the jobs of one process since it began, for its operator:
by task, of no person and no argument."""

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from flask_api.jobs.history.tally import Tally
from flask_api.jobs.records.job import OUTCOMES, Attempt, JobStatus
from flask_api.jobs.records.job_writer import Ending
from flask_api.jobs.tasks.registry import TaskRegistry
from flask_api.jobs.workers.queue import FairQueue

# A job of a task that was taken out can still be cancelled:
# what Redis says is no name for a number.
UNKNOWN_TASK = "unknown"


class AttemptEnd(StrEnum):
    """How an attempt ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    QUEUED = "queued"  # the job runs again: a retry, a rescue, or a process that stops
    DISCARDED = "discarded"  # the job was another process's by then


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How busy one executor is."""

    executor: str
    slots: int
    queued: int
    running: int


def load_of(executor: str, slots: int, queue: FairQueue) -> Load:
    """Return how busy an executor is by its queue."""
    return Load(executor=executor, slots=slots, queued=len(queue), running=queue.running)


class JobCounts:
    """Counts up, from zero at the start of the process. Thread-safe;
    every name of a task is a registered one."""

    def __init__(self, registry: TaskRegistry) -> None:
        self._tasks = frozenset(task.name for task in registry)
        self._lock = threading.Lock()
        self.tally = Tally()  # of the last hours
        self._accepted: Counter[str] = Counter({task.name: 0 for task in registry})
        self._ended: Counter[tuple[str, str]] = Counter(
            {
                (task.name, status.value): 0
                for task in registry
                for status in JobStatus
                if status in OUTCOMES
            }
        )
        self._attempts: Counter[tuple[str, str]] = Counter(
            {(task.name, end.value): 0 for task in registry for end in AttemptEnd}
        )

    def accept(self, task: str, count: int = 1) -> None:
        """Count jobs that were submitted or retried by their person, and are durable."""
        with self._lock:
            self._accepted[self._known(task)] += count

    def end(self, task: str, status: JobStatus) -> None:
        """Count a job that has its outcome."""
        task = self._known(task)
        with self._lock:
            self._ended[task, status.value] += 1
        self.tally.end(task, {status: 1})

    def end_attempt(
        self, task: str, status: JobStatus, *, kept: bool, attempt: Attempt | None = None
    ) -> None:
        """Count an attempt, and its job too if that has ended with it. ``kept``: it was still this
        process's to end. ``attempt``: how long it took counts, too."""
        self._end(task, {(status, kept): 1}, [attempt] if attempt else [])

    def end_turn(self, task: str, endings: Sequence[Ending], answers: Sequence[int]) -> None:
        """Count attempts of one task that ended together, by what became of each."""
        ends = Counter(
            (ending.status_by(answer), bool(answer))
            for ending, answer in zip(endings, answers, strict=False)
        )
        self._end(task, ends, [ending.attempt for ending in endings])

    def _end(
        self, task: str, ends: Mapping[tuple[JobStatus, bool], int], attempts: Sequence[Attempt]
    ) -> None:
        task = self._known(task)
        outcomes = {
            status: count for (status, kept), count in ends.items() if kept and status in OUTCOMES
        }
        with self._lock:
            for (status, kept), count in ends.items():
                end = status.value if kept else AttemptEnd.DISCARDED.value
                self._attempts[task, end] += count
            for status, count in outcomes.items():
                self._ended[task, status.value] += count
        if outcomes or attempts:
            self.tally.end(task, outcomes, attempts)

    def accepted(self) -> dict[str, int]:
        """Return the accepted jobs by task."""
        with self._lock:
            return dict(self._accepted)

    def ended(self) -> dict[tuple[str, str], int]:
        """Return the ended jobs by task and outcome."""
        with self._lock:
            return dict(self._ended)

    def attempts(self) -> dict[tuple[str, str], int]:
        """Return the ended attempts by task and AttemptEnd."""
        with self._lock:
            return dict(self._attempts)

    def _known(self, task: str) -> str:
        return task if task in self._tasks else UNKNOWN_TASK
