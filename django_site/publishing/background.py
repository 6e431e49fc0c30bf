"""What runs beside the requests of a server process, each in a thread of its own."""

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable

from django.db import DatabaseError, close_old_connections, connections

from django_site.publishing.database_check import reason_unusable
from shared.errors import SessionStoreUnavailable

# What ends by itself has ended by then, also on a machine that is busy.
STOP_S = 5.0


class RepeatedWork(ABC):
    """A thread that calls :meth:`work` again and again, ``every_s`` seconds after it returned.

    An outage of Redis is waited out: what is to be done is still there afterwards. Any other error
    is logged as ``failure``, with its traceback unless the database can't be used at all, and the
    work is tried again ``after_failure_s`` later.
    """

    name: str
    log: logging.Logger
    failure: str

    def __init__(self, *, every_s: float, after_failure_s: float = 0.0) -> None:
        self.stopping = threading.Event()
        self._every_s = every_s
        self._after_failure_s = after_failure_s
        self._thread: threading.Thread | None = None

    @abstractmethod
    def work(self) -> None:
        """Do what there is to do, and return early when ``stopping`` is set."""

    def start(self) -> None:
        """Start the thread; call it after any fork."""
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def begin_stop(self) -> None:
        """Ask the thread to end; don't wait for it."""
        self.stopping.set()

    def stop(self, *, deadline_s: float = STOP_S) -> None:
        """End the thread and wait for it, but no longer than the deadline: what it asks may hang.
        Idempotent."""
        self.stopping.set()
        if self._thread is not None:
            self._thread.join(deadline_s)
            if self._thread.is_alive():  # a daemon: it ends with the process
                self.log.warning("%s did not end in time", self.name)
                return
            self._thread = None

    def _run(self) -> None:
        try:
            self._repeat()
        finally:
            connections.close_all()  # this thread's own; nobody else would close them

    def _repeat(self) -> None:
        while not self.stopping.wait(self._every_s):
            try:
                self.work()
            except SessionStoreUnavailable:
                continue  # the store's own breaker and the next turn are the retry
            except Exception as error:
                self._log(error)
                self.stopping.wait(self._after_failure_s)
            finally:
                close_old_connections()

    def _log(self, error: Exception) -> None:
        reason = reason_unusable(error) if isinstance(error, DatabaseError) else ""
        if reason:
            self.log.error("%s; the database, see DATABASE_URL: %s", self.failure, reason)
        else:
            self.log.exception(self.failure)


class BackgroundWork:
    """All that runs beside the requests of one server process; call ``start`` after any fork."""

    def __init__(self, *parts: RepeatedWork) -> None:
        self._parts = parts

    def start(self) -> None:
        """Start every part."""
        for part in self._parts:
            part.start()

    def begin_stop(self) -> None:
        """Ask every part to end; wait for none."""
        for part in self._parts:
            part.begin_stop()

    def stop(self, *, deadline_s: float = STOP_S) -> None:
        """End every part and wait for them, for so many seconds together. Idempotent."""
        self.begin_stop()
        ends_at = time.monotonic() + deadline_s
        for part in reversed(self._parts):
            part.stop(deadline_s=max(0.0, ends_at - time.monotonic()))


_parts: list[Callable[[], RepeatedWork]] = []


def run_beside_requests(part: Callable[[], RepeatedWork]) -> None:
    """Let every server process have such a part, which ``part`` makes.
    Apps call this when Django starts. Idempotent."""
    if part not in _parts:
        _parts.append(part)


def create_background() -> BackgroundWork:
    """Return what runs beside the requests of this process. Call it when Django is set up."""
    return BackgroundWork(*(part() for part in _parts))
