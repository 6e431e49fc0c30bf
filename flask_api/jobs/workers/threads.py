"""Attempts on threads of this process: for tasks that wait for the network or the disk."""

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import ClassVar, Self

from flask_api.jobs.records.job import Attempt
from flask_api.jobs.tasks.registry import TaskRegistry
from flask_api.jobs.workers.executor import Host, queue_for
from flask_api.jobs.workers.interpreter_watch import InterpreterWatch
from flask_api.jobs.workers.outcome import Outcome
from flask_api.jobs.workers.queue import FairQueue
from flask_api.jobs.workers.runner import AttemptRunner
from flask_api.jobs.workers.slots import SlotExecutor
from shared.settings import ApiSettings

# Jobs of a task that takes less than this are begun several at a time, as many as fit in _CHUNK_S.
_SHORT_S = 0.0005
_CHUNK_S = 0.004
_LARGEST_CHUNK = 64
# One that takes less than this is run sooner than moved to another process, and Redis would be
# busier with moving it than with its beginning and its end.
_BRIEF_S = 0.00025
# How long it is believed of a task that it is brief.
_KNOWN_S = 10.0
# A thread that waited for the interpreter or a core says little of its task.
_NOISE_S, _MOST_GROWTH = 0.05, 8


class ThreadsExecutor(SlotExecutor):
    """Calls tasks in its slots' threads.
    ``watch`` knows which run, and notices those that hog the interpreter."""

    name: ClassVar[str] = "threads"

    def __init__(
        self,
        queue: FairQueue,
        host: Host,
        *,
        slots: int,
        runner: AttemptRunner,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(queue, host, slots=slots)
        self._clock = clock
        self.watch = InterpreterWatch()
        self._runner = runner
        self._duration_s: dict[str, float] = {}
        self._known_at: dict[str, float] = {}

    @classmethod
    def make(
        cls, host: Host, registry: TaskRegistry, settings: ApiSettings, runner: AttemptRunner
    ) -> Self:
        """Return one with ``job_threads`` slots."""
        slots = settings.job_threads
        queue = queue_for(registry, settings, slots=slots, per_person=settings.job_running_limit)
        return cls(queue, host, slots=slots, runner=runner)

    def run(self, attempt: Attempt) -> Outcome:
        """Call the task here, and remember how long its jobs take."""
        job_id, task = attempt.job.job_id, attempt.job.task
        begun = self._clock()
        self.watch.begin(attempt.job)
        try:
            outcome = self._runner.run(
                attempt,
                stop_reason=partial(self._host.held.stop_reason, job_id),
                signal=partial(self._host.held.stop, [job_id]),
            )
        finally:
            self.watch.end()
        taken_s = self._clock() - begun
        known_s = self._duration_s.get(task, taken_s)
        if taken_s < _NOISE_S:
            taken_s = min(taken_s, known_s * _MOST_GROWTH)
        self._known_at[task] = begun
        self._duration_s[task] = 0.8 * known_s + 0.2 * max(taken_s, known_s / 8)
        return outcome

    def is_brief(self, task: str) -> bool:
        """See SlotExecutor.is_brief."""
        return self._duration_s.get(task, 1.0) < _BRIEF_S

    def worth_taking(self, task: str) -> int:
        """See Executor.worth_taking: none of a task that is known to be brief, a few where that is
        to be found out."""
        known_at = self._known_at.get(task)
        if known_at is None or (self.is_brief(task) and self._clock() - known_at > _KNOWN_S):
            return _LARGEST_CHUNK
        return 0 if self.is_brief(task) else sys.maxsize

    def chunk_of(self, task: str) -> int:
        """Return how many jobs of a task one slot begins at a time:
        one, unless they are very short."""
        taken_s = self._duration_s.get(task, 1.0)
        return 1 if taken_s > _SHORT_S else min(_LARGEST_CHUNK, int(_CHUNK_S / max(taken_s, 1e-6)))
