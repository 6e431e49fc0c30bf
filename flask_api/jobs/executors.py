"""Where attempts run: the seam, and threads, its default implementation."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

from flask_api.jobs.attempt import Launch


class Executor(ABC):
    """Runs launches one after the other per slot, several slots at once.

    Promises: ``submit`` never blocks and keeps the order per submitter as far as slots allow; each launch is run at
    most once; making an executor starts nothing, the first ``submit`` may. Thread-safe.
    """

    name: ClassVar[str]

    @abstractmethod
    def submit(self, launch: Launch, *, done: Callable[[Launch], None]) -> None:
        """Run the launch soon, then call ``done`` with it, whatever happened. Raises RuntimeError after shutdown."""

    @abstractmethod
    def shutdown(self, *, deadline_s: float) -> bool:
        """Take no more and wait for what was taken. True when all of it ended within the deadline. Idempotent."""


class ThreadsExecutor(Executor):
    """Attempts on a ``concurrent.futures.ThreadPoolExecutor``: for tasks that wait for the network or the disk."""

    name: ClassVar[str] = "threads"

    def __init__(self, run: Callable[[Launch], None], *, slots: int) -> None:
        self._run = run
        self._pool = ThreadPoolExecutor(max_workers=slots, thread_name_prefix="gatehouse-job")
        self._unfinished = 0
        self._idle = threading.Condition()

    def submit(self, launch: Launch, *, done: Callable[[Launch], None]) -> None:
        """Hand the launch to the pool."""
        with self._idle:
            self._unfinished += 1
        try:
            self._pool.submit(self._run_one, launch, done)
        except RuntimeError:
            self._end_one()
            raise

    def shutdown(self, *, deadline_s: float) -> bool:
        """Close the pool and wait; a thread can't be killed, so what is past the deadline goes on."""
        self._pool.shutdown(wait=False)
        with self._idle:
            return self._idle.wait_for(lambda: self._unfinished == 0, timeout=deadline_s)

    def _run_one(self, launch: Launch, done: Callable[[Launch], None]) -> None:
        try:
            self._run(launch)
        finally:
            try:
                done(launch)
            finally:  # uncounted, it would hold up every shutdown
                self._end_one()

    def _end_one(self) -> None:
        with self._idle:
            self._unfinished -= 1
            self._idle.notify_all()
