"""The seam at which an answer waits without a thread.

An application's iterable yields, among its bytes, a :class:`Pause`: "nothing to say for now". A
server that has said ``environ[PARKING] = True`` then takes its thread back and keeps the connection
on one loop with all others that wait. Meanwhile the holder of the :class:`Place` sends bytes to the
client, or has the server go on with the iterable, in some thread of its own::

    def answer():
        yield b"so far"
        yield pause            # pause.begin(place): from here on no thread is held
        yield b"the rest"      # after place.resume(), or at pause.until

What a server promises:

* ``begin`` is called once for each pause, by a thread that has let go of the iterable.
* the iterable is advanced and closed by one thread at a time, never by the loop.
* no more than ``ROOM_BYTES`` and one piece wait for a client; the answer goes on, in a thread,
  once it has taken them.
* a client that leaves, or takes nothing for ``STALL_S`` seconds while bytes wait for it, loses its
  place: the iterable is closed, and the place does nothing from then on.
* what the client sends meanwhile stays unread until the answer is complete.

What the application promises: ``begin`` and the holder of a place never block the loop; an iterable
that is closed in a pause frees what it holds.

Any other server gets :class:`InThread`: the same iterable, and a thread that waits. How many of
those there may be is for the application to bound.
"""

import select
import socket
import threading
import time
import weakref
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Protocol

PARKING = "gatehouse.parking"
ROOM_BYTES = 65_536
STALL_S = 10.0
# How long one write of a thread may take until the thread is wanted back.
WRITE_TIMEOUT_S = 5.0
_LOOK_EVERY_S = 0.5
# gunicorn's own name for the client's socket.
_SOCKET = "gunicorn.socket"
_GONE = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR | select.POLLNVAL


class Place(Protocol):
    """One parked client. Thread-safe, never blocks; idle once the client is gone or resumed."""

    def send(self, data: bytes) -> bool:
        """Send these bytes as the next piece of the answer's body. False when the client takes no
        more for now: send nothing then, the answer goes on when it does."""

    def resume(self) -> None:
        """Have the server go on with the answer. Only the first call counts."""


class Pause(ABC):
    """An answer that waits, until ``until`` at most (time.monotonic). The base of all kinds."""

    def __init__(self, *, until: float) -> None:
        self.until = until

    @abstractmethod
    def begin(self, place: Place) -> None:
        """Take note of the place; it may be resumed at once."""


class InThread:
    """The bytes of an answer, whose pauses its server's thread waits out. It ends early when the
    client is seen to have left.

    ``close`` is called once, by the server. Should that let go of the answer without a word, as
    werkzeug's does of a client that left with a part unread, :func:`close_forgotten` calls it.
    """

    def __init__(
        self,
        answer: Iterable[bytes | Pause],
        environ: Mapping[str, Any],
        *,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self._pieces = _in_thread(answer, _Client(environ.get(_SOCKET)))
        self._close = close
        # Noted only: a finalizer runs between any two steps, also where a lock is held.
        self._forgotten = weakref.finalize(self, _FORGOTTEN.append, close)
        self._forgotten.atexit = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._pieces)

    def close(self) -> None:
        """Free what the answer holds. Idempotent."""
        if self._forgotten.detach() is not None:
            self._pieces.close()
            self._close()


def close_forgotten() -> None:
    """Free what answers hold that no server has closed, nor will. Call it now and then, in no
    finalizer and no signal's handler."""
    while _FORGOTTEN:
        _FORGOTTEN.popleft()()


_FORGOTTEN: "deque[Callable[[], None]]" = deque()


def _in_thread(answer: Iterable[bytes | Pause], client: "_Client") -> Generator[bytes, None, None]:
    client.bound_writes()
    for item in answer:
        if isinstance(item, bytes):
            yield item
            continue
        place = _ThreadPlace(client)
        item.begin(place)
        yield from place.pieces(until=item.until)
        if client.is_gone:
            return


class _Client:
    """The client's connection, as far as the server shows it. Where it shows none,
    the client is never seen to leave, and the next write finds out."""

    def __init__(self, client: socket.socket | None) -> None:
        self._socket = client

    def bound_writes(self) -> None:
        """Let a write that takes too long raise TimeoutError,
        which the server takes for a broken connection."""
        if self._socket is not None:
            self._socket.settimeout(WRITE_TIMEOUT_S)

    @property
    def is_gone(self) -> bool:
        """Tell whether the client has hung up. Doesn't block."""
        if self._socket is None:
            return False
        poller = select.poll()
        with suppress(ValueError):  # closed here already: as gone as it can be
            poller.register(self._socket, _GONE)
            return bool(poller.poll(0))
        return True


class _ThreadPlace:
    """A place that keeps a thread."""

    def __init__(self, client: _Client) -> None:
        self._client = client
        self._changed = threading.Condition()
        self._pending: list[bytes] = []
        self._is_open = True

    def send(self, data: bytes) -> bool:
        """See Place.send."""
        with self._changed:
            if self._is_open:
                self._pending.append(data)
                self._is_open = sum(map(len, self._pending)) <= ROOM_BYTES
                self._changed.notify()
            return self._is_open

    def resume(self) -> None:
        """See Place.resume."""
        with self._changed:
            self._is_open = False
            self._changed.notify()

    def pieces(self, *, until: float) -> Iterator[bytes]:
        """Yield what is sent, until the answer is to go on or its client has left."""
        is_over = False
        while not is_over:
            left_s = until - time.monotonic()
            with self._changed:
                if not self._pending and self._is_open and left_s > 0:
                    self._changed.wait(min(left_s, _LOOK_EVERY_S))
                sent, self._pending = self._pending, []
                is_over = not self._is_open or time.monotonic() >= until
            if self._client.is_gone:
                return
            yield from sent
