"""One answer that goes on: a follower's events for as long as its person may see them,
its client is there and we are."""

import math
import threading
import time
from collections.abc import Callable, Iterator

from flask_api.jobs.records.events import Event
from flask_api.streams.access import Access, Verdict
from flask_api.streams.feeds import PersonFeed, Snapshot
from flask_api.streams.follower import Follower
from flask_api.streams.hub import Hub
from flask_api.streams.wire import HEARTBEAT, EndReason, end_frame
from shared.errors import JobStoreUnavailable
from shared.http.parking import Pause, Place

LOOK_EVERY_S = 0.25  # at how things stand, at most
_AGAIN_S = 0.5


class Stream(Pause):
    """What is sent to one client, and its own pause: parked, it is told of events by the hub
    and of the rest by the upkeep. Thread-safe; ``close`` frees what it holds.

    An outage of Redis makes it silent, beside heartbeats; afterwards it goes on where it was.
    """

    def __init__(
        self,
        follower: Follower,
        *,
        hub: Hub,
        access: Access,
        heartbeat_s: float,
        on_close: Callable[["Stream"], None],
    ) -> None:
        super().__init__(until=math.inf)
        self._follower = follower
        self._hub = hub
        self.owner_id = follower.feed.owner_id
        self.access = access
        self._heartbeat_s = heartbeat_s
        self._on_close = on_close
        self._lock = threading.Lock()
        self._place: Place | None = None
        self._is_stopping = False
        self._has_missed = False
        self._sent_at = time.monotonic()
        self._is_open = True
        self._look_at = 0.0

    def answer(self) -> Iterator[bytes | Pause]:
        """Yield what to send, until the end."""
        yield self._follower.opening
        self._sent_at = time.monotonic()
        while True:
            yield from self._caught_up()
            if reason := self._reason_to_end():
                yield end_frame(reason)
                return
            yield self

    def begin(self, place: Place) -> None:
        """See Pause.begin."""
        with self._lock:
            self._place = place
            self._go_on()

    def hear(self, events: list[Event]) -> None:
        """See Listener.hear."""
        with self._lock:
            if self._has_missed or self.access.verdict is not Verdict.GRANTED:
                self._go_on()  # these come after what was missed
            else:
                self._tell(events)
                self._resume_at_end()

    def look_again(self) -> None:
        """See Listener.look_again."""
        with self._lock:
            self._go_on()

    def keep_up(self, now: float) -> None:
        """Do what is due: a heartbeat, the end, what could not be sent while Redis was away."""
        is_quiet = self.access.verdict is not Verdict.REFUSED and not self._has_missed
        if is_quiet and now - self._sent_at < self._heartbeat_s:
            return
        with self._lock:
            self._go_on()
            if self._place is not None and now - self._sent_at >= self._heartbeat_s:
                self._send(HEARTBEAT)

    def stop(self) -> None:
        """This process stops: end the answer and say so."""
        self._is_stopping = True
        self.look_again()

    def must_look(self, now: float) -> bool:
        """Tell whether it should be found out how things stand."""
        return self._place is not None and self._follower.must_look and now >= self._look_at

    @property
    def feed(self) -> PersonFeed:
        """What it is about; equal for streams that look at the same."""
        return self._follower.feed

    def look(self, snapshot: Snapshot, now: float) -> None:
        """Take note of how things stand."""
        with self._lock:
            self._look_at = now + LOOK_EVERY_S
            if self._place is not None:
                self._send(self._follower.look(snapshot))
                self._resume_at_end()

    def close(self) -> None:
        """Free the place. Idempotent; the server calls it however the answer ended,
        begun or not."""
        with self._lock:
            was_open, self._is_open, self._place = self._is_open, False, None
        if was_open:
            self._on_close(self)

    def _go_on(self) -> None:
        """Send what has come, or let a thread of the server go on where this one may not wait."""
        self._has_missed = self.access.verdict is Verdict.UNKNOWN
        while self._place is not None and self.access.verdict is Verdict.GRANTED:
            events = self._hub.after(self.owner_id, self._follower.position)
            if events is None and self.until == math.inf:
                self._resume()
            self._has_missed = events is None
            if not events:
                break
            self._tell(events)
        self._resume_at_end()

    def _tell(self, events: list[Event]) -> None:
        while self._place is not None and self._follower.position < events[-1].position:
            self._send(self._follower.take(events))

    def _send(self, piece: bytes) -> None:
        """Send a piece; where the client takes no more, the server goes on with the answer."""
        if piece and self._place is not None:
            self._sent_at = time.monotonic()
            if not self._place.send(piece):
                self._place = None

    def _resume_at_end(self) -> None:
        if self._reason_to_end():
            self._resume()

    def _resume(self) -> None:
        place, self._place = self._place, None
        if place is not None:
            place.resume()

    def _caught_up(self) -> Iterator[bytes]:
        """Yield from Redis what is held no longer. In a thread of the server; where Redis is away,
        the pause ends by itself soon, to try again."""
        self.until = math.inf
        while self.access.ask() is Verdict.GRANTED and not self._is_stopping:
            if self._hub.after(self.owner_id, self._follower.position) is not None:
                return
            try:
                piece = self._follower.catch_up()
            except JobStoreUnavailable:
                self.until = time.monotonic() + _AGAIN_S
                return
            if piece:
                yield piece
                self._sent_at = time.monotonic()

    def _reason_to_end(self) -> EndReason | None:
        if self.access.verdict is Verdict.REFUSED:
            return EndReason.REFUSED
        if self._follower.is_finished:
            return EndReason.FINISHED
        return EndReason.STOPPING if self._is_stopping else None
