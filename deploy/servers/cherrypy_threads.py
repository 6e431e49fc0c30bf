"""cheroot's threads, of which those that wait for their client are replaced meanwhile."""

import queue
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from cheroot.workers.threadpool import ThreadPool

from deploy.servers.shares import AddressShares
from deploy.servers.slow_clients import LENT_EACH, LENT_MAX

# Kept when clients are quick again: slow ones come in crowds.
_SPARE = 8


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
        self._lent = AddressShares(total=LENT_MAX, each=LENT_EACH)
        self._is_stopping = False

    def put(self, obj: Any) -> None:
        """Have a connection's next request answered."""
        super().put(obj)
        with self._lock:
            self._replace()

    @contextmanager
    def lent(self, holder: str | None) -> Iterator[None]:
        """Let another thread work while this one waits for its client; see Lender."""
        if not self._lent.take(holder):
            raise TimeoutError("timed out")
        with self._lock:
            self._replace()
        try:
            yield
        finally:
            self._lent.give_back(holder)
            with self._lock:
                if not self._is_stopping:
                    self.shrink(self.idle - self.min - _SPARE)

    def stop(self, timeout: int = 5) -> None:
        """End all threads; see ThreadPool.stop."""
        with self._lock:
            self._is_stopping = True
        super().stop(timeout)

    @staticmethod
    def _force_close(conn: Any) -> None:
        """End a connection that is left at the end of a stop."""
        # cheroot ends reading only: a thread stuck in a write would wait on,
        # as long as its client takes a byte now and then.
        if conn is not None:
            with suppress(OSError):
                conn.socket.shutdown(socket.SHUT_RDWR)

    def _replace(self) -> None:
        """Start a thread if a connection waits for one, and those that should be there are not.
        The next wait asks again."""
        self._clear_dead_threads()
        is_missed = (
            len(self._threads) < self.min + self._lent.taken and self._queue.qsize() > self.idle
        )
        if is_missed and not self._is_stopping:
            self._threads.append(self._spawn_worker())
