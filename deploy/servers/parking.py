"""Connections whose answer waits: kept by one thread for all of them, on one epoll.

The servers hand a connection over when its application's answer pauses (shared.http.parking), and
get it back, in some thread of theirs, when the answer goes on or its client has left. Where the
system has no epoll nothing can be parked, and :func:`can_park` says so.
"""

import heapq
import logging
import os
import select
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count

from shared.http.parking import ROOM_BYTES, STALL_S, Pause

log = logging.getLogger("gatehouse.server")

_LONGEST_SLEEP_S = 60.0
_STALL_LOOK_S = 1.0


def can_park() -> bool:
    """Tell whether this system can."""
    return hasattr(select, "epoll")


class ParkedConnection:
    """One connection in a pause of its answer: the Place of shared.http.parking. Thread-safe."""

    def __init__(
        self,
        parking: "Parking",
        client: socket.socket,
        *,
        frame: Callable[[bytes], bytes],
        back: Callable[[], None],
    ) -> None:
        self._parking = parking
        self._client = client
        self._frame = frame
        self._back = back
        self._lock = threading.Lock()
        self.is_parked = False
        self._is_watched = False
        self._unsent = bytearray()
        self.is_full = False  # its client takes no more for now
        self._taken_at = 0.0
        self.is_gone = False
        self.fd = client.fileno()

    @property
    def unsent(self) -> bytes:
        """What is still to be sent before the answer goes on."""
        return bytes(self._unsent)

    def begin(self, pause: Pause) -> None:
        """Park the connection, for a thread that has let go of it and does nothing more with it."""
        self.is_parked = True
        try:
            pause.begin(self)
        except Exception:
            log.exception("a pause could not begin; the answer goes on")
            self.resume()
        # Watched from here on only: before that nobody else closes what the pause belongs to.
        with self._lock:
            if self.is_parked:
                self._is_watched = self._parking.enter(
                    self, until=pause.until, writable=bool(self._unsent)
                )
                if not self._is_watched:
                    self._leave(is_gone=True)

    def send(self, data: bytes) -> bool:
        """See Place.send."""
        with self._lock:
            if not self.is_parked or self.is_full or not data:
                return False
            must_wait = bool(self._unsent)
            self._unsent += self._frame(data)
            if not must_wait:
                self._write()
                self._taken_at = time.monotonic()
                if self._unsent and self._is_watched:
                    self._parking.want(self, writable=True)
            self.is_full = len(self._unsent) > ROOM_BYTES
            return not self.is_full

    def look_at_stall(self, now: float) -> bool:
        """Tell whether bytes wait for the client still; let it go if it takes none for too long.
        For the loop."""
        with self._lock:
            if self.is_parked and self._unsent and now - self._taken_at >= STALL_S:
                self._leave(is_gone=True)
            return self.is_parked and bool(self._unsent)

    def resume(self) -> None:
        """See Place.resume."""
        with self._lock:
            self._leave(is_gone=False)

    def ready(self, events: int) -> None:
        """Take note of what the system says of the connection. For the loop."""
        with self._lock:
            if not self.is_parked:
                return
            if events & ~select.EPOLLOUT:
                # It may have been said of another connection, that had this number until just now.
                if _has_left(self.fd):
                    self._leave(is_gone=True)
                return
            self._write()
            if not self._unsent and self.is_parked:
                self._parking.want(self, writable=False)
                if self.is_full:
                    self._leave(is_gone=False)

    def abandon(self) -> None:
        """Let the connection go as if its client had left. For the loop."""
        with self._lock:
            self._leave(is_gone=True)

    def _write(self) -> None:
        try:
            sent = self._client.send(self._unsent)
        except BlockingIOError:
            return
        except OSError:
            self._leave(is_gone=True)
            return
        del self._unsent[:sent]
        self._taken_at = time.monotonic()

    def _leave(self, *, is_gone: bool) -> None:
        if not self.is_parked:
            return
        self.is_parked = False
        self.is_gone = is_gone
        if self._is_watched:
            self._is_watched = False
            self._parking.leave(self)
        self._back()


class Parking:
    """The parked connections of one process. Thread-safe. Its thread starts with the first one
    and ends at ``stop``; making one opens and starts nothing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parked: dict[int, ParkedConnection] = {}
        self._deadlines: list[tuple[float, int, ParkedConnection]] = []
        self._stalled: dict[ParkedConnection, None] = {}
        self._order = count()
        self._wakes_at = 0.0
        self._thread: threading.Thread | None = None
        self._is_stopping = False

    @property
    def taken(self) -> int:
        """How many are parked."""
        return len(self._parked)

    def enter(self, connection: ParkedConnection, *, until: float, writable: bool) -> bool:
        """Take a connection in, until it leaves; ``writable``: bytes wait for it already.
        False when this process stops, or can have no thread for it."""
        with self._lock:
            if self._is_stopping or (self._thread is None and not self._start()):
                return False
            self._parked[connection.fd] = connection
            if until < float("inf"):
                self._note_deadline(until, connection)
            # Not for reading: what a client sends meanwhile stays in the kernel until its turn.
            self._poll.register(connection.fd, select.EPOLLRDHUP)
            is_sooner = until < self._wakes_at
        if writable:
            self.want(connection, writable=True)
        elif is_sooner:
            self._wake()
        return True

    def _note_deadline(self, until: float, connection: ParkedConnection) -> None:
        """Remember when a connection's pause ends. Those that have left are forgotten when they are
        most: clients that come and go at once would fill memory until their time was over."""
        if len(self._deadlines) > 100 + 2 * len(self._parked):
            self._deadlines = [each for each in self._deadlines if each[2].is_parked]
            heapq.heapify(self._deadlines)
        heapq.heappush(self._deadlines, (until, next(self._order), connection))

    def want(self, connection: ParkedConnection, *, writable: bool) -> None:
        """Wake up when the connection takes bytes again, or no longer."""
        events = select.EPOLLRDHUP | (select.EPOLLOUT if writable else 0)
        self._poll.modify(connection.fd, events)
        if writable:
            self._stalled[connection] = None
            self._wake()

    def leave(self, connection: ParkedConnection) -> None:
        """Let a connection go."""
        with self._lock:
            self._parked.pop(connection.fd, None)
        with suppress(OSError, ValueError):  # closed here already
            self._poll.unregister(connection.fd)

    def await_empty(self, *, within_s: float) -> None:
        """Wait until none is parked any more whose client takes what it is sent, for so long at
        most: the application was told to end them."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            if all(connection.is_full for connection in list(self._parked.values())):
                return
            time.sleep(0.01)

    def stop(self) -> None:
        """Let all go that are left, as if their clients had, and end the thread. Idempotent."""
        with self._lock:
            self._is_stopping = True
            thread, self._thread = self._thread, None
        if thread is not None:
            self._wake()
            thread.join()
            # Not by the thread: it may have ended before it is woken,
            # and by then the bell's number may be another file's.
            self._close()

    def _close(self) -> None:
        self._poll.close()
        os.close(self._alarm)
        os.close(self._bell)

    def _start(self) -> bool:
        self._poll = select.epoll()
        self._alarm, self._bell = os.pipe()
        os.set_blocking(self._alarm, False)
        os.set_blocking(self._bell, False)
        self._poll.register(self._alarm, select.EPOLLIN)
        thread = threading.Thread(target=self._run, name="gatehouse-parked", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            log.exception("a connection can't wait; the next one tries again")
            self._close()
            return False
        self._thread = thread
        return True

    def _wake(self) -> None:
        with suppress(BlockingIOError):  # full: it wakes up anyway
            os.write(self._bell, b"\0")

    def _run(self) -> None:
        while not self._is_stopping:
            try:
                self._turn()
            except Exception:
                log.exception("a turn of parked connections failed; the next goes on")
                time.sleep(0.1)
        for connection in list(self._parked.values()):
            connection.abandon()

    def _turn(self) -> None:
        for fd, events in self._poll.poll(self._sleep_s()):
            if fd == self._alarm:
                os.read(self._alarm, 65_536)
            elif (connection := self._parked.get(fd)) is not None:
                connection.ready(events)
        for connection in self._due():
            connection.resume()
        now = time.monotonic()
        for connection in list(self._stalled):
            if not connection.look_at_stall(now):
                self._stalled.pop(connection, None)

    def _sleep_s(self) -> float:
        with self._lock:
            now = time.monotonic()
            first = self._deadlines[0][0] if self._deadlines else now + _LONGEST_SLEEP_S
            longest_s = _STALL_LOOK_S if self._stalled else _LONGEST_SLEEP_S
            self._wakes_at = min(first, now + longest_s)
            return max(0.0, self._wakes_at - now)

    def _due(self) -> list[ParkedConnection]:
        due: list[ParkedConnection] = []
        with self._lock:
            now = time.monotonic()
            while self._deadlines and self._deadlines[0][0] <= now:
                due.append(heapq.heappop(self._deadlines)[2])
        return due


def _has_left(fd: int) -> bool:
    """Tell whether a connection's client has left now."""
    look = select.poll()
    look.register(fd, select.POLLRDHUP)
    return bool(look.poll(0))
