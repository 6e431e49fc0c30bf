"""One answer that goes on: a follower's events for as long as its person may see them,
its client is there and we are."""

import time
from collections.abc import Callable, Iterator

from flask_api.streams.access import Access, Verdict
from flask_api.streams.connection import Connection
from flask_api.streams.follower import Follower
from flask_api.streams.hub import Hub
from flask_api.streams.wire import HEARTBEAT, EndReason, end_frame
from shared.errors import JobStoreUnavailable

_LOOK_EVERY_S = 0.5  # at connection, credential and clock, while nothing happens
_WRITE_BYTES = 65_536
_AT_ONCE = (EndReason.REFUSED, EndReason.STOPPING)


class Stream:
    """What is sent to one client. ``frames`` is for the server's thread;
    ``close`` frees what the stream holds.

    An outage of Redis makes it silent, beside heartbeats; afterwards it goes on where it was.
    """

    def __init__(
        self,
        follower: Follower,
        *,
        hub: Hub,
        access: Access,
        connection: Connection,
        heartbeat_s: float,
        on_close: Callable[[], None],
    ) -> None:
        self._follower = follower
        self._hub = hub
        self._access = access
        self._connection = connection
        self._heartbeat_s = heartbeat_s
        self._on_close = on_close
        self._is_open = True

    def frames(self) -> Iterator[bytes]:
        """Yield what to send, until the end."""
        self._connection.bound_writes()
        yield self._follower.opening
        sent_at = time.monotonic()
        while not self._connection.is_gone:
            if reason := self._reason_to_end():
                yield end_frame(reason)
                return
            piece = self._next_piece()
            if not piece and time.monotonic() - sent_at >= self._heartbeat_s:
                piece = HEARTBEAT
            if piece:
                yield from self._in_writes(piece)
                sent_at = time.monotonic()

    def close(self) -> None:
        """Free the place. Idempotent; the server calls it however the answer ended,
        begun or not."""
        if self._is_open:
            self._is_open = False
            self._follower.close()
            self._on_close()

    def _in_writes(self, piece: bytes) -> Iterator[bytes]:
        """Cut a piece: each write has a time-out,
        and a slow client must not be told for minutes what it may see no more."""
        for start in range(0, len(piece), _WRITE_BYTES):
            if start and self._reason_to_end() in _AT_ONCE:
                return  # in the middle of an event, which its client drops
            yield piece[start : start + _WRITE_BYTES]

    def _reason_to_end(self) -> EndReason | None:
        if self._access.ask() is Verdict.REFUSED:
            return EndReason.REFUSED
        if self._follower.is_finished:
            return EndReason.FINISHED
        return EndReason.STOPPING if self._hub.is_closed else None

    def _next_piece(self) -> bytes:
        if self._access.ask() is Verdict.GRANTED:
            try:
                return self._follower.next_piece(timeout_s=_LOOK_EVERY_S)
            except JobStoreUnavailable:
                pass
        self._hub.pause(_LOOK_EVERY_S)
        return b""
