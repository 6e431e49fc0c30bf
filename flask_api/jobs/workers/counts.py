"""What came of the jobs of one process since it began, for its operator:
by task, of no person and no argument."""

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from flask_api.jobs.history.tally import Tally
from flask_api.jobs.records.job import Attempt, JobStatus
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
                if status.is_outcome
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
        with self._lock:
            self._ended[self._known(task), status.value] += 1
        self.tally.end(self._known(task), status)

    def end_attempt(self, attempt: Attempt, status: JobStatus, *, kept: bool) -> None:
        """Count an attempt that ended elsewhere, and how long it took."""
        self.end_attempts(attempt.job.task, status, kept=kept)
        self.tally.time(self._known(attempt.job.task), [attempt])

    def end_attempts(self, task: str, status: JobStatus, count: int = 1, *, kept: bool) -> None:
        """Count attempts, and their jobs too if those have ended with them. ``kept``:
        they were still this process's to end."""
        with self._lock:
            self._attempts[
                self._known(task), status.value if kept else AttemptEnd.DISCARDED.value
            ] += count
            if kept and status.is_outcome:
                self._ended[self._known(task), status.value] += count
        if kept and status.is_outcome:
            self.tally.end(self._known(task), status, count)

    def end_turn(self, task: str, endings: Sequence[Ending], answers: Sequence[int]) -> None:
        """Count attempts of one task that ended together, by what became of each."""
        ends = Counter(
            (ending.status_by(answer), bool(answer))
            for ending, answer in zip(endings, answers, strict=False)
        )
        for (status, kept), count in ends.items():
            self.end_attempts(task, status, count, kept=kept)
        self.tally.time(self._known(task), [ending.attempt for ending in endings])

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
