"""Request bodies on CherryPy's server, read piece by piece. cheroot's own readers hold a whole
chunk in memory, as large as its sender says,
and read the whole rest of a body that nobody wanted into memory, too.

What breaks off or is malformed raises OSError or ValueError, which every framework takes for a
client that went away. And the pieces of an answer that is parked between them, on every server.
Source: RFC 9112, 6 and 7.1.
"""

import io
import math
import re
import time
from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from deploy.servers.framing import read_field

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# A client is given so long for a body, and then must have sent so many bytes for each second:
# a trickle holds a thread.
PATIENCE_S = 30.0
SLOWEST_BYTES_S = 1024

_CHUNK_HEAD = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\0\r\n]*)?\r\n")
_LINE_MAX = 8190
_TRAILERS_MAX = 32


class Source(Protocol):
    """The connection, as far as it is read here."""

    def read1(self, size: int, /) -> bytes:
        """Return what is there, at least a byte and at most ``size``; b"" at its end.
        Waits for the socket's time-out."""

    def readline(self, size: int, /) -> bytes:
        """Return a line, cut after ``size`` bytes."""


class RequestBody(io.RawIOBase):
    """A body of at most ``largest`` bytes. Never reads past its end,
    so what follows it stays on the connection."""

    def __init__(
        self, source: Source, *, largest: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._source = source
        self._largest = largest
        self._clock = clock
        self._begun = clock()
        self._received = 0
        self._is_broken = False
        self.is_read = False

    def readable(self) -> bool:
        """Tell io.BufferedReader that this can be read."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Read what is there into ``buffer``; 0 at the end of the body."""
        view = memoryview(buffer).cast("B")
        if self.is_read or not len(view):
            return 0
        piece = self._read_on(len(view))
        view[: len(piece)] = piece
        return len(piece)

    def discard(self, *, at_most: int) -> bool:
        """Read away what nobody wanted, if it is known to be little;
        False when it is not, or is broken."""
        try:
            while not self.is_read and self._rest <= at_most:
                self._read_on(at_most)
        except (OSError, ValueError):
            return False
        return self.is_read

    @property
    def _rest(self) -> float:
        """How many bytes are still to come."""
        return math.inf

    def _read_on(self, size: int) -> bytes:
        if self._is_broken:
            raise ValueError("where the body goes on is unknown")
        self._is_broken = True
        piece = self._next(size)
        self._is_broken = False
        return piece

    @abstractmethod
    def _next(self, size: int) -> bytes:
        """Return the next bytes, at most ``size``; set ``is_read`` with the last."""

    def _take(self, size: int) -> bytes:
        piece = self._source.read1(size)
        if not piece:
            raise ConnectionError("the body ended early")
        self._received += len(piece)
        if self._clock() - self._begun > PATIENCE_S + self._received / SLOWEST_BYTES_S:
            raise TimeoutError("the body came too slowly")
        return piece


class KnownLengthBody(RequestBody):
    """A body with Content-Length."""

    def __init__(
        self, source: Source, length: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(source, largest=length, clock=clock)
        self._left = length
        self.is_read = length == 0

    @property
    def _rest(self) -> int:
        return self._left

    def _next(self, size: int) -> bytes:
        piece = self._take(min(size, self._left))
        self._left -= len(piece)
        self.is_read = self._left == 0
        return piece


class ChunkedBody(RequestBody):
    """A body with Transfer-Encoding: chunked. Trailers are read and ignored."""

    _left = 0

    def _next(self, size: int) -> bytes:
        if self._left == 0:
            self._begin_chunk()
        if self.is_read:
            return b""
        piece = self._take(min(size, self._left))
        self._left -= len(piece)
        if self._left == 0 and self._source.readline(3) != b"\r\n":
            raise ValueError("a chunk is longer than it says")
        return piece

    def _begin_chunk(self) -> None:
        found = _CHUNK_HEAD.fullmatch(self._source.readline(_LINE_MAX))
        if found is None:
            raise ValueError("the head of a chunk is malformed")
        self._left = int(found[1], 16)
        if self._received + self._left > self._largest:
            raise ValueError("the body is too large")
        if self._left == 0:
            self._read_trailers()
            self.is_read = True

    def _read_trailers(self) -> None:
        for _ in range(_TRAILERS_MAX):
            line = self._source.readline(_LINE_MAX)
            if line == b"\r\n":
                return
            read_field(line)  # raises ValueError for what is none, such as the next request
        raise ValueError("the trailers are malformed")


def chunk(data: bytes) -> bytes:
    """Return a piece of a body as HTTP/1.1 sends one whose length is not known
    (RFC 9112, 7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def as_is(data: bytes) -> bytes:
    """Return a piece of a body that ends with its connection."""
    return data
