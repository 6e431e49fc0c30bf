"""Clients that send or read slowly, on CherryPy's server: none holds a thread that requests need, and none holds one for ever.

cheroot gives a thread to a connection as soon as it is open, and the thread then waits: for the head, the body, and until its
answer is taken. As many idle connections as there are threads would stop the service. Here a thread that waits for its client
is replaced by another one meanwhile, up to a bound.
"""

import queue
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from cheroot.workers.threadpool import ThreadPool

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

# Further threads for those that wait. Beyond it clients wait for clients, which the patience below bounds.
LENT_MAX = 512
# Kept when clients are quick again: slow ones come in crowds.
_SPARE = 8
# A wait shorter than this needs no other thread.
_GRACE_S = 0.02
# So long a client may keep a thread waiting, all waits together: for a head, and for body and answer...
HEAD_PATIENCE_S = 10.0
PATIENCE_S = 30.0
# ... and a second more for each of so many bytes that went through.
_SLOWEST_BYTES_S = 1024


class Pool(ThreadPool):
    """cheroot's threads: as many as are set, and one more for each that waits for its client. Thread-safe."""

    _threads: list[Any]
    _queue: "queue.Queue[Any]"
    _spawn_worker: Callable[[], Any]
    _clear_dead_threads: Callable[[], None]

    def __init__(self, server: Any, *, threads: int) -> None:
        super().__init__(server, min=threads)
        self._lock = threading.Lock()
        self._lent = 0
        self._is_stopping = False

    def put(self, obj: Any) -> None:
        """Have a connection's next request answered."""
        super().put(obj)
        with self._lock:
            self._replace()

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Let another thread work while this one waits for its client."""
        with self._lock:
            self._lent += 1
            self._replace()
        try:
            yield
        finally:
            with self._lock:
                self._lent -= 1
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
        # cheroot ends reading only: a thread stuck in a write would wait on, as long as its client takes a byte now and then.
        if conn is not None:
            with suppress(OSError):
                conn.socket.shutdown(socket.SHUT_RDWR)

    def _replace(self) -> None:
        """Start a thread if a connection waits for one, and those that should be there are not. The next wait asks again."""
        self._clear_dead_threads()
        is_missed = len(self._threads) < self.min + min(self._lent, LENT_MAX) and self._queue.qsize() > self.idle
        if is_missed and not self._is_stopping:
            self._threads.append(self._spawn_worker())


class ClientSocket:
    """The client's socket, as its reader and writer use it. For one thread at a time."""

    def __init__(self, client: socket.socket, pool: Pool) -> None:
        self._socket = client
        self._pool = pool
        self.begin(HEAD_PATIENCE_S)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def begin(self, patience_s: float) -> None:
        """Be patient anew."""
        self._left_s = patience_s

    def recv_into(self, buffer: "WriteableBuffer") -> int:
        """Read what is there. Raises TimeoutError for a client that sends nothing, or too slowly."""
        self._wait(select.POLLIN)
        return self._moved(self._socket.recv_into(buffer))

    def send(self, data: "ReadableBuffer") -> int:
        """Send what the client takes. Raises TimeoutError for one that takes nothing, or too slowly."""
        self._wait(select.POLLOUT)
        return self._moved(self._socket.send(data))

    def _moved(self, size: int) -> int:
        self._left_s += size / _SLOWEST_BYTES_S
        return size

    def _wait(self, event: int) -> None:
        poller = select.poll()
        poller.register(self._socket, event)
        if poller.poll(_GRACE_S * 1000):
            return
        patience_s = min(self._left_s, self._socket.gettimeout() or self._left_s)
        began = time.monotonic()
        with self._pool.lent():
            is_ready = patience_s > 0 and poller.poll(patience_s * 1000)
        self._left_s -= time.monotonic() - began
        if not is_ready:
            raise TimeoutError("timed out")  # cheroot knows a time-out by these words
