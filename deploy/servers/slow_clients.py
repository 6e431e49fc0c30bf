"""Clients that send or read slowly, on every server:
none holds a thread that requests need, and none holds one for ever.

A server gives a thread to a request, and the thread then waits: for the head, the body, and until
its answer is taken. As many slow connections as there are threads would stop the service. Here a
head is read without a thread: a selector wakes up for each piece of it. A thread that waits for a
body, or for a client that reads, is replaced by another one meanwhile,
up to a bound and to a share of it for each address.
"""

import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from deploy.servers.framing import Head, HeadError, HeadReader
from deploy.servers.lingering_close import drain
from deploy.servers.shares import AddressShares

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

# Further threads for those that wait, and how many of them for one address. A wait beyond it ends
# at once, as if it had been too long: it would hold a thread that requests need.
LENT_MAX = 512
LENT_EACH = LENT_MAX // 2
# So long nothing is lent when the system let a process have no further thread: those that it has
# would all wait for slow clients.
SHORT_S = 60.0
# A wait shorter than this needs no other thread.
_GRACE_S = 0.02
# So long a client may keep a connection waiting for a head, and a thread, all waits together,
# for body and answer...
HEAD_PATIENCE_S = 10.0
PATIENCE_S = 30.0
# ... and a second more for each of so many bytes that went through.
_SLOWEST_BYTES_S = 1024
# One wait for a body or for a client that reads nothing.
TIMEOUT_S = 10.0
_PIECE = 16_384

Result = TypeVar("Result")


class Lender(Protocol):
    """A server's threads."""

    def lent(self, holder: str | None, /) -> AbstractContextManager[None]:
        """Let another thread work while this one waits.
        Raises TimeoutError when too many wait already."""


class LentThreads:
    """The threads of a server that wait for their clients. Thread-safe."""

    def __init__(self) -> None:
        self._shares = AddressShares(total=LENT_MAX, each=LENT_EACH)
        self._short_until = 0.0

    @property
    def taken(self) -> int:
        """How many wait."""
        return self._shares.taken

    def note_shortage(self) -> None:
        """Lend none for a while: the system lets us have no further one."""
        self._short_until = time.monotonic() + SHORT_S

    @contextmanager
    def one(self, holder: str | None, *, replace: Callable[[], None]) -> Iterator[None]:
        """Count one as waiting, once ``replace`` has had another one take its place; see Lender."""
        if not self._shares.take(holder):
            raise TimeoutError("timed out")
        try:
            replace()
            if time.monotonic() < self._short_until:
                raise TimeoutError("timed out")
            yield
        finally:
            self._shares.give_back(holder)


class Arrival(Enum):
    """What has come of the next head."""

    PART = "part"  # nothing, or not all: ask again when the socket is readable
    WHOLE = "whole"  # ``head`` or ``refusal`` is set: a thread's turn
    GONE = "gone"  # the client has hung up


class ClientSocket:
    """The client's socket, as its reader and writer use it. For one thread at a time;
    never blocks in the kernel.

    ``holder`` is whose share of threads its waits count to;
    ``closed`` is called once, when it is closed.
    """

    def __init__(
        self,
        client: socket.socket,
        lender: Lender,
        *,
        holder: str | None,
        closed: Callable[[], None] = lambda: None,
    ) -> None:
        client.setblocking(False)
        self._socket = client
        self._lender = lender
        self._holder = holder
        self._closed = closed
        self._ahead = b""
        self.await_head()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    @property
    def plain(self) -> socket.socket:
        """The socket itself, which never blocks."""
        return self._socket

    def await_head(self, ahead: bytes = b"") -> None:
        """Let the next request begin; ``ahead`` is what was read of it already."""
        self._reader = HeadReader()
        self._ahead = ahead + self._ahead
        self._timeout_s: float | None = TIMEOUT_S
        self.head: Head | None = None
        self.refusal: HTTPStatus | None = None
        self.head_by = time.monotonic() + HEAD_PATIENCE_S

    def receive(self) -> Arrival:
        """Read what is there of the next head. Doesn't block, never raises."""
        try:
            self.head = self._reader.feed(self.take_ahead())
            while self.head is None:
                if not (piece := self._socket.recv(_PIECE)):
                    return self._ended()
                self.head = self._reader.feed(piece)
            self._ahead = self._reader.rest
        except BlockingIOError:
            return Arrival.PART
        except HeadError as error:
            self.refusal = error.status
        except (OSError, ValueError):  # reset, or closed by us
            return Arrival.GONE
        return Arrival.WHOLE

    def take_ahead(self) -> bytes:
        """Return what was read beyond the head; the next read goes on after it."""
        ahead, self._ahead = self._ahead, b""
        return ahead

    def say(self, answer: bytes) -> None:
        """Send a short answer if there is room for it; never blocks, never raises."""
        with suppress(OSError):
            self._socket.send(answer)

    def is_late(self, now: float) -> bool:
        """Tell whether the head should have been here by now, on the monotonic clock."""
        return now > self.head_by

    @property
    def has_begun(self) -> bool:
        """Tell whether a part of the head is here: its client is told when it is too late."""
        return self._reader.has_begun

    def begin(self, patience_s: float = PATIENCE_S) -> None:
        """Give the client its whole time again."""
        self._left_s = patience_s

    def setblocking(self, flag: bool) -> None:
        """Wait with the usual bound, or not at all; the socket itself stays as it is."""
        self._timeout_s = TIMEOUT_S if flag else 0.0

    def settimeout(self, timeout_s: float | None) -> None:
        """Bound each wait; None is the usual bound."""
        self._timeout_s = timeout_s

    def gettimeout(self) -> float | None:
        """Return the bound on each wait."""
        return self._timeout_s

    def recv(self, size: int) -> bytes:
        """Read what is there. Raises TimeoutError for a client that sends nothing,
        or too slowly."""
        if self._ahead:
            piece, self._ahead = self._ahead[:size], self._ahead[size:]
            return piece
        piece = self._when_ready(select.POLLIN, lambda: self._socket.recv(size))
        self._left_s += len(piece) / _SLOWEST_BYTES_S
        return piece

    def recv_into(self, buffer: "WriteableBuffer") -> int:
        """Read what is there into ``buffer``; see recv."""
        view = memoryview(buffer).cast("B")
        piece = self.recv(len(view))
        view[: len(piece)] = piece
        return len(piece)

    def send(self, data: "ReadableBuffer") -> int:
        """Send what the client takes. Raises TimeoutError for one that takes nothing,
        or too slowly."""
        size = self._when_ready(select.POLLOUT, lambda: self._socket.send(data))
        self._left_s += size / _SLOWEST_BYTES_S
        return size

    def sendall(self, data: "ReadableBuffer") -> None:
        """Send all of it; see send."""
        view = memoryview(data).cast("B")
        while view:
            view = view[self.send(view) :]

    def linger(self) -> None:
        """Close our side, and read away what the client still sends. Never raises."""
        with suppress(OSError), self._lender.lent(self._holder):
            drain(self._socket)

    def close(self) -> None:
        """Close it."""
        closed, self._closed = self._closed, lambda: None
        closed()
        self._socket.close()

    def _ended(self) -> Arrival:
        if not self._reader.has_begun:
            return Arrival.GONE
        self.refusal = HTTPStatus.BAD_REQUEST  # its writing side may be closed only
        return Arrival.WHOLE

    def _when_ready(self, event: int, act: Callable[[], Result]) -> Result:
        while True:
            with suppress(BlockingIOError):
                return act()
            self._wait(event)

    def _wait(self, event: int) -> None:
        poller = select.poll()
        poller.register(self._socket, event)
        if poller.poll(_GRACE_S * 1000):
            return
        patience_s = self._left_s if self._timeout_s is None else min(self._left_s, self._timeout_s)
        began = time.monotonic()
        is_ready = False
        if patience_s > 0:
            with self._lender.lent(self._holder):
                is_ready = bool(poller.poll(patience_s * 1000))
        self._left_s -= time.monotonic() - began
        if not is_ready:
            raise TimeoutError("timed out")  # cheroot knows a time-out by these words
