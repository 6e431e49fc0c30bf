"""Where attempts run: the seam between the worker, which holds jobs, and what runs them.

To add an executor: a module with a class of this kind, and its row in
flask_api.jobs.workers.executors. One whose attempts run in this process, or are waited for in its
threads, begins with flask_api.jobs.workers.slots; one that sends them elsewhere begins here.
"""

import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Protocol, Self

from flask_api.jobs.records.beats import ExecutorLoad
from flask_api.jobs.records.job import Attempt, JobStatus, QueuedJob
from flask_api.jobs.tasks.registry import TaskRegistry
from flask_api.jobs.workers.held_jobs import HeldJobs
from flask_api.jobs.workers.outcome import Outcome
from flask_api.jobs.workers.queue import FairQueue, shared_slots
from flask_api.jobs.workers.remote.fleet import FleetReport
from flask_api.jobs.workers.runner import AttemptRunner
from shared.settings import ApiSettings

Ended = tuple[Attempt, Outcome]


class Host(Protocol):
    """The worker, as its executors see it. Thread-safe."""

    def turn(
        self, ended: Sequence[Ended], queued: Sequence[QueuedJob], *, slot: int | None = None
    ) -> list[Attempt]:
        """Write what ended, in which slot of its executor, and begin what is next, in one round
        trip; return the attempts that have begun. Blocks while Redis is away."""

    # What this process holds, under which name, and which of it must stop.
    held: HeldJobs

    def note_end(self, attempt: Attempt, status: JobStatus | None, *, kept: bool) -> None:
        """Hear that an attempt that began here was ended elsewhere; ``status`` None: nobody knows
        how. ``kept``: whoever ended it still held it."""


class Executor(ABC):
    """Runs the jobs of one queue, ``slots`` at once.

    Promises: making one starts nothing; ``wake`` never blocks; a job is begun at most once here;
    what was begun is ended by the host's ``turn``, whatever happened. Thread-safe.
    """

    name: ClassVar[str]
    fleet: FleetReport | None = None  # how it stands with its workers elsewhere, if it has any

    def __init__(self, queue: FairQueue, host: Host, *, slots: int) -> None:
        self.queue = queue
        self.slots = slots
        self._host = host

    def let_go(self, task: str) -> None:
        """Let jobs of a task that were held back ask again whether they may run."""
        if self.queue.let_go(task):
            self.wake()

    @property
    def load(self) -> ExecutorLoad:
        """How busy it is, as the other processes hear it."""
        queue = self.queue
        return ExecutorLoad(
            self.name,
            len(queue),
            queue.running,
            self.slots,
            len(queue.people()),
            queue.count_paused(),
            self.count_brief(),
        )

    def worth_taking(self, task: str) -> int:  # noqa: ARG002  # those who know more say more
        """Return how many jobs of a task that wait in another process are worth taking at once."""
        return sys.maxsize

    def count_brief(self) -> int:
        """Return how many such jobs wait here and go on well: others leave these alone."""
        return 0

    @property
    def is_idle(self) -> bool:
        """Tell whether a slot is free and nothing waits that may take it."""
        return self.queue.running < self.slots and not self.queue.has_next()

    @classmethod
    @abstractmethod
    def make(
        cls, host: Host, registry: TaskRegistry, settings: ApiSettings, runner: AttemptRunner
    ) -> Self:
        """Return one as the settings want it, with a queue of its own. Starts nothing."""

    def put(self, queued_jobs: Sequence[QueuedJob]) -> None:
        """Queue jobs of one task that are durable and held here; free slots begin them."""
        self.queue.put(queued_jobs)
        self.wake()

    def waiting_for(self, task: str) -> str | None:  # noqa: ARG002  # here all can run
        """Return why no job of the task can begin at all just now, None when one can."""
        return None

    @abstractmethod
    def wake(self) -> None:
        """Say that the queue has jobs: slots that are free begin them."""

    @abstractmethod
    def seize(self, queued: QueuedJob) -> bool:
        """Take a free slot for a job that is about to be accepted as running;
        then :meth:`begin` it, or :meth:`release_slot`. False: it must wait in the queue."""

    @abstractmethod
    def begin(self, attempt: Attempt) -> None:
        """Run a job in the slot that was seized for it:
        it is durable, and began when it was accepted."""

    @abstractmethod
    def release_slot(self, queued: QueuedJob) -> None:
        """Give back a slot that was seized for a job that was not accepted."""

    @abstractmethod
    def pause(self) -> None:
        """Begin nothing more; what runs goes on."""

    @abstractmethod
    def wait_until_idle(self, *, deadline_s: float) -> bool:
        """Wait for what runs; True when nothing does any more."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what runs attempts: threads, processes, connections. Idempotent."""


def queue_for(
    registry: TaskRegistry, settings: ApiSettings, *, slots: int, per_person: int
) -> FairQueue:
    """Return an empty queue for so many slots, of which one person takes at most ``per_person``."""
    return FairQueue(
        limit=settings.job_queue_limit,
        per_person=per_person,
        while_shared=shared_slots(slots, settings.job_person_share),
        max_running={task.name: task.policy.max_running for task in registry}.get,
    )
