"""cheroot's threads, of which those that wait for their client are replaced meanwhile."""

import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from cheroot.workers.threadpool import _SHUTDOWNREQUEST, ThreadPool  # type: ignore[attr-defined]

from deploy.servers.slow_clients import LentThreads

# Kept when clients are quick again: slow ones come in crowds.
_SPARE = 8
# So long has a thread to end whose client was cut off.
_LAST_S = 1.0


class CherryPyThreads(ThreadPool):
    """cheroot's threads: as many as are set, and one more for each that waits for its client.
    Thread-safe."""

    _threads: list[Any]
    _queue: "queue.Queue[Any]"
    _spawn_worker: Callable[[], Any]
    _clear_dead_threads: Callable[[], None]

    def __init__(self, server: Any, *, threads: int) -> None:
        super().__init__(server, min=threads)
        self._lock = threading.Lock()
        self._lent = LentThreads()
        self._is_stopping = False
        self.are_stuck = False

    def put(self, obj: Any) -> None:
        """Have a connection's next request answered."""
        super().put(obj)
        self._replace_one()

    @contextmanager
    def lent(self, holder: str | None) -> Iterator[None]:
        """Let another thread work while this one waits for its client; see Lender."""
        try:
            with self._lent.one(holder, replace=self._replace_one):
                yield
        finally:
            with self._lock:
                if not self._is_stopping:
                    self.shrink(self.idle - self.min - _SPARE)

    def stop(self, timeout: float = 5) -> None:
        """End all threads: those that answer still get so many seconds, and a moment more without
        their client. ``are_stuck`` says whether one goes on: cheroot would wait for it for ever."""
        with self._lock:
            self._is_stopping = True
        threads = [each for each in self._threads if each is not threading.current_thread()]
        self._threads.clear()
        for _ in threads:
            self._queue.put(_SHUTDOWNREQUEST)
        left = _alive_after(timeout, threads)
        for thread in left:
            _cut_off(thread.conn)
        self.are_stuck = bool(_alive_after(_LAST_S, left))

    def _replace_one(self) -> None:
        with self._lock:
            self._replace()

    def _replace(self) -> None:
        """Start a thread if a connection waits for one, and those that should be there are not.
        The next wait asks again."""
        self._clear_dead_threads()
        is_missed = (
            len(self._threads) < self.min + self._lent.taken and self._queue.qsize() > self.idle
        )
        if is_missed and not self._is_stopping:
            try:
                self._threads.append(self._spawn_worker())
            except RuntimeError:  # the system lets us have no more
                self._lent.note_shortage()


def _alive_after(seconds: float, threads: Sequence[Any]) -> list[Any]:
    """Wait for their ends, for so long at most together; return those that go on."""
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return [thread for thread in threads if thread.is_alive()]


def _cut_off(conn: Any) -> None:
    """End a connection that is left at the end of a stop."""
    # cheroot ends reading only: a thread stuck in a write would wait on,
    # as long as its client takes a byte now and then.
    if conn is not None:
        with suppress(OSError):
            conn.socket.shutdown(socket.SHUT_RDWR)
