"""Executors whose attempts run in this process, or are waited for in its threads.

Each slot takes jobs from the queue, begins them, runs them, and ends them in the same round trip
that begins the next: a job costs one round trip to Redis, and very short ones share it.
One that comes alone waits for no other.
"""

import logging
import sys
import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Sequence
from math import inf
from queue import SimpleQueue

from flask_api.jobs.errors import StopReason
from flask_api.jobs.records.job import Attempt, QueuedJob
from flask_api.jobs.workers.executor import Ended, Executor, Host
from flask_api.jobs.workers.outcome import Outcome, describe
from flask_api.jobs.workers.queue import FairQueue

log = logging.getLogger("gatehouse.jobs")
Work = Callable[[], object]

# Very short jobs of which none has begun for so long don't go on well.
_STUCK_S = 0.5
# While very short jobs come one by one, a slot lets some gather for so long: a round trip for each
# costs more than all else about it.
_GATHER_S = 0.0005
_ENOUGH = 8


class SlotExecutor(Executor):
    """Has a thread for each slot that is in use. Thread-safe."""

    def __init__(
        self,
        queue: FairQueue,
        host: Host,
        *,
        slots: int,
        let_gather: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(queue, host, slots=slots)
        self._let_gather = let_gather
        self._threads = SlotThreads(name=f"gatehouse-{self.name}")
        self._changed = threading.Condition()
        self._active = 0
        self._brief = 0  # slots that run very short jobs just now
        self._brief_at = -inf  # when one of them last took some
        self._paused = False

    @abstractmethod
    def run(self, attempt: Attempt) -> Outcome:
        """Run one attempt and return how it ended; blocks its slot until then."""

    def chunk_of(self, task: str) -> int:  # noqa: ARG002  # those who know more say more
        """Return how many jobs of a task one slot begins at a time."""
        return 1

    def is_brief(self, task: str) -> bool:  # noqa: ARG002  # those who know more say more
        """Tell whether jobs of a task are so short that to move one costs more than to run it."""
        return False

    def count_brief(self) -> int:
        """See Executor.count_brief."""
        if time.monotonic() - self._brief_at > _STUCK_S:
            return 0
        brief = frozenset(task for task in self.queue.tasks() if self.is_brief(task))
        return self.queue.count(brief - self.queue.paused)

    def put(self, queued_jobs: Sequence[QueuedJob]) -> None:
        """Queue jobs of one task; free slots begin them.

        But a slot that runs very short jobs begins these too, with its next round trip: another
        thread would take longer to wake up, and need round trips of its own.
        """
        self.queue.put(queued_jobs)
        with self._changed:
            if self._brief and len(self.queue) < self.chunk_of(queued_jobs[0].task):
                return
        self.wake()

    def wake(self) -> None:
        """Say that the queue has jobs: slots that are free begin them."""
        with self._changed:
            wanted = min(self.slots - self._active, len(self.queue))
            if self._paused or wanted <= 0:
                return
            self._active += wanted
        for begun in range(wanted):
            try:
                self._threads.run(self._work)
            except (
                RuntimeError
            ):  # closed, or this machine has no thread: what waits goes on waiting
                with self._changed:
                    self._active -= wanted - begun
                    self._changed.notify_all()
                return

    def seize(self, queued: QueuedJob) -> bool:
        """Take a free slot for a job that is about to be accepted as running.

        Its acceptance begins it too, which saves a round trip before its first line. False: it must
        wait in the queue, as very short jobs do when others run: there they share round trips.
        """
        with self._changed:
            is_free = not self._paused and self._active < self.slots
            shares = self._active > 0 and self.chunk_of(queued.task) > 1
            if not is_free or shares or not self.queue.seize(queued):
                return False
            self._active += 1
            return True

    def begin(self, attempt: Attempt) -> None:
        """Run a job in the slot that was seized for it."""
        try:
            self._threads.run(lambda: self._work([attempt]))
        # closed meanwhile, or there is no thread for it: the job is anybody's again
        except RuntimeError:
            self.release_slot(attempt.job)
            self._take_turn([(attempt, Outcome(stopped=StopReason.SHUTDOWN))], [])

    def release_slot(self, queued: QueuedJob) -> None:
        """Give back a slot that was seized for a job that was not accepted."""
        self.queue.done([queued])
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
        queued_jobs = [attempt.job for attempt in begun]
        is_brief = self._note_brief(queued_jobs, was_brief=False)
        ended = self._run_all(begun)
        self.queue.done(queued_jobs)
        while True:
            if is_brief and 0 < len(self.queue) < _ENOUGH:
                self._let_gather(_GATHER_S)
            queued_jobs = [] if self._paused else self.queue.take(self._chunk_of)
            if not queued_jobs and not ended:
                if self._rest(is_brief=is_brief):
                    return
                continue
            is_brief = self._note_brief(queued_jobs, was_brief=is_brief)
            ended = self._run_all(self._take_turn(ended, queued_jobs))
            self.queue.done(queued_jobs)

    def _note_brief(self, queued_jobs: Sequence[QueuedJob], *, was_brief: bool) -> bool:
        """Count this slot while it runs very short jobs; once it does not, others take what it
        would have."""
        is_brief = bool(queued_jobs) and self._chunk_of(queued_jobs[0].task) > 1
        if is_brief:
            self._brief_at = time.monotonic()
        if not queued_jobs or is_brief is was_brief:
            return was_brief
        with self._changed:
            self._brief += 1 if is_brief else -1
        if was_brief:
            self.wake()
        return is_brief

    def _chunk_of(self, task: str) -> int:
        """One of a task with a limit: those that wait for their turn in a slot would count."""
        chunk = self.chunk_of(task)
        return 1 if chunk > 1 and self.queue.has_limit(task) else chunk

    def _run_all(self, attempts: Sequence[Attempt]) -> list[Ended]:
        return [(attempt, self._run_safely(attempt)) for attempt in attempts]

    def _run_safely(self, attempt: Attempt) -> Outcome:
        try:
            return self.run(attempt)
        except Exception as error:  # ours, not the task's: no child could be started, say
            log.exception("an attempt could not be run", extra={"job_id": attempt.job.job_id})
            return Outcome(error=describe(error), may_retry=True)

    def _take_turn(self, ended: list[Ended], queued_jobs: list[QueuedJob]) -> list[Attempt]:
        try:
            return self._host.turn(ended, queued_jobs, slot=self._threads.number)
        except Exception:
            count = len(ended) + len(queued_jobs)
            log.exception("a slot lost its jobs; they are rescued", extra={"jobs": count})
            return []

    def _rest(self, *, is_brief: bool) -> bool:
        """Give up the slot, unless a job came meanwhile: under the lock that ``wake`` takes."""
        with self._changed:
            if not self._paused and self.queue.has_next():
                return False
            self._active -= 1
            self._brief -= is_brief
            self._changed.notify_all()
            return True


class SlotThreads:
    """Runs works on as many threads as there are works at once: made when they are needed, kept,
    and idle until there is work; with ``most``, no more than so many, and what is more waits for
    them. Thread-safe; ``run`` never blocks.

    What the pool of concurrent.futures does, without a future for each work, which nobody would
    ask and which took about as long as it takes a thread to wake up. And the interpreter does not
    wait for these: a job that never stops must not keep a process alive.
    """

    def __init__(self, *, name: str, most: int = sys.maxsize) -> None:
        self._name = name
        self._most = most
        self._works: SimpleQueue[Work | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._made = 0
        self._busy = 0
        self._is_closed = False
        self._here = threading.local()

    @property
    def number(self) -> int | None:
        """Which of these threads this one is, from 0; None for another."""
        return getattr(self._here, "number", None)

    @property
    def waiting(self) -> int:
        """How many works no thread has begun yet."""
        return self._works.qsize()

    def run(self, work: Work) -> None:
        """Run ``work`` on a thread that is free, or on a new one; where the machine gives no new
        one, on the first that is free again. Raises RuntimeError once closed, or without any."""
        with self._lock:
            if self._is_closed:
                raise RuntimeError("the threads were let go")
            if self._made <= self._busy and self._made < self._most:
                self._start_one()
            self._busy += 1
            self._works.put(work)

    def _start_one(self) -> None:
        name = f"{self._name}_{self._made}"
        try:
            threading.Thread(target=self._serve, args=(self._made,), name=name, daemon=True).start()
        except RuntimeError:
            log.exception("no more threads", extra={"threads": self._made})
            if not self._made:
                raise
        else:
            self._made += 1

    def close(self) -> None:
        """Let each thread end after its work. Idempotent."""
        with self._lock:
            self._is_closed = True
            for _ in range(self._made):
                self._works.put(None)
            self._made = 0

    def _serve(self, number: int) -> None:
        self._here.number = number
        while (work := self._works.get()) is not None:
            try:
                work()
            except Exception:
                log.exception("a slot's work failed")
            with self._lock:
                self._busy -= 1
