"""Where attempts run: the seam, and threads, its default implementation.

An executor has slots. Each slot takes jobs from the queue, begins them, runs them, and ends them in
the same round trip that begins the next: a job costs one round trip to Redis,
and very short ones share it.
"""

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

from flask_api.jobs.records.job import Launch
from flask_api.jobs.workers.attempt import Outcome, describe
from flask_api.jobs.workers.interpreter_watch import InterpreterWatch
from flask_api.jobs.workers.queue import FairQueue
from flask_api.jobs.workers.slot_threads import SlotThreads

log = logging.getLogger("gatehouse.jobs")

# Jobs of a task that takes less than this are begun several at a time, as many as fit in _CHUNK_S.
_SHORT_S = 0.0005
_CHUNK_S = 0.004
_LARGEST_CHUNK = 64

Attempt = tuple[Launch, int]
Ended = tuple[Launch, int, Outcome]
# Write what ended and begin what is next; returns each begun launch with its attempt (0: it must
# not run).
Turn = Callable[[Sequence[Ended], Sequence[Launch]], list[Attempt]]


class Executor(ABC):
    """Runs the jobs of one queue in ``slots`` at once.

    Promises: making one starts nothing; ``wake`` never blocks; a launch is begun at most once here;
    what was begun is ended by ``turn``, whatever happened. Thread-safe.
    """

    name: ClassVar[str]

    def __init__(self, queue: FairQueue, turn: Turn, *, slots: int) -> None:
        self.queue = queue
        self.slots = slots
        self._turn = turn
        self._threads = SlotThreads(name=f"gatehouse-{self.name}")
        self._changed = threading.Condition()
        self._active = 0
        self._paused = False

    @abstractmethod
    def run(self, launch: Launch, attempt: int) -> Outcome:
        """Run one attempt and return how it ended; raises nothing."""

    def wake(self) -> None:
        """Say that the queue has jobs: slots that are free begin them."""
        with self._changed:
            wanted = min(self.slots - self._active, len(self.queue))
            if self._paused or wanted <= 0:
                return
            self._active += wanted
        for _ in range(wanted):
            self._threads.run(self._work)

    def seize(self, launch: Launch) -> bool:
        """Take a free slot for a job that is about to be accepted;
        then :meth:`begin` it, or :meth:`let_go`.

        Its acceptance begins it too, which saves a round trip before its first line. False: it must
        wait in the queue, as very short jobs do when others run: there they share round trips.
        """
        with self._changed:
            most = 1 if self.queue.chunk_of(launch.task) > 1 else self.slots
            if self._paused or self._active >= most or not self.queue.seize(launch):
                return False
            self._active += 1
            return True

    def begin(self, launch: Launch, attempt: int) -> None:
        """Run a job in the slot that was seized for it:
        it is durable, and began when it was accepted."""
        try:
            self._threads.run(lambda: self._work([(launch, attempt)]))
        # closed meanwhile: the job goes to another process with all that is held
        except RuntimeError:
            self.let_go(launch)

    def let_go(self, launch: Launch) -> None:
        """Give back a slot that was seized for a job that was not accepted."""
        self.queue.done([launch])
        with self._changed:
            self._active -= 1
            self._changed.notify_all()
        self.wake()

    def pause(self) -> None:
        """Begin nothing more; what runs goes on."""
        with self._changed:
            self._paused = True

    def wait_until_idle(self, *, deadline_s: float) -> bool:
        """Wait for what runs; True when nothing does any more."""
        with self._changed:
            return self._changed.wait_for(lambda: self._active == 0, timeout=deadline_s)

    def close(self) -> None:
        """Let go of the threads. Idempotent."""
        self._threads.close()

    def _work(self, begun: Sequence[Attempt] = ()) -> None:
        ended = self._run_all(begun)
        self.queue.done([launch for launch, _ in begun])
        while True:
            launches = self._next()
            if not launches and not ended:
                if self._rest():
                    return
                continue
            attempts = self._take_turn(ended, launches)
            ended = self._run_all(attempts)
            self.queue.done(launches)

    def _run_all(self, attempts: Sequence[Attempt]) -> list[Ended]:
        return [
            (launch, abs(attempt), self._run_safely(launch, abs(attempt)))
            for launch, attempt in attempts
        ]

    def _run_safely(self, launch: Launch, attempt: int) -> Outcome:
        try:
            return self.run(launch, attempt)
        except Exception as error:  # ours, not the task's: no child could be started, say
            log.exception("an attempt could not be run", extra={"job_id": launch.job_id})
            return Outcome(error=describe(error), may_retry=True)

    def _take_turn(self, ended: list[Ended], launches: list[Launch]) -> list[Attempt]:
        try:
            return self._turn(ended, launches)
        except Exception:
            log.exception(
                "a slot lost its jobs; they are rescued", extra={"jobs": len(ended) + len(launches)}
            )
            return []

    def _next(self) -> list[Launch]:
        return [] if self._paused else self.queue.take()

    def _rest(self) -> bool:
        """Give up the slot, unless a job came meanwhile: under the lock that ``wake`` takes."""
        with self._changed:
            if not self._paused and self.queue.has_next():
                return False
            self._active -= 1
            self._changed.notify_all()
            return True


class ThreadsExecutor(Executor):
    """Attempts on threads of this process: for tasks that wait for the network or the disk."""

    name: ClassVar[str] = "threads"

    def __init__(
        self,
        queue: FairQueue,
        turn: Turn,
        *,
        slots: int,
        call: Callable[[Launch, int], Outcome],
        watch: InterpreterWatch,
    ) -> None:
        super().__init__(queue, turn, slots=slots)
        self._call = call
        self._watch = watch
        self._duration_s: dict[str, float] = {}
        queue.chunk_of = self._chunk_of

    def run(self, launch: Launch, attempt: int) -> Outcome:
        """Call the task here, and remember how long its jobs take."""
        begun = time.perf_counter()
        self._watch.begin(launch)
        try:
            outcome = self._call(launch, attempt)
        finally:
            self._watch.end()
        taken_s = time.perf_counter() - begun
        known_s = self._duration_s.get(launch.task, taken_s)
        self._duration_s[launch.task] = 0.8 * known_s + 0.2 * max(taken_s, known_s / 8)
        return outcome

    def _chunk_of(self, task: str) -> int:
        """Return how many jobs of a task one slot begins at a time:
        one, unless they are very short."""
        taken_s = self._duration_s.get(task, 1.0)
        return 1 if taken_s > _SHORT_S else min(_LARGEST_CHUNK, int(_CHUNK_S / max(taken_s, 1e-6)))
