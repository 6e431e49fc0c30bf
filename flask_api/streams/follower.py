"""Follow one feed from a position on: nothing is missed, nothing comes twice,
and it is known when nothing more will come."""

import time

from flask_api.jobs.records.events import Event, EventLog, Position
from flask_api.streams.feeds import PersonFeed, Snapshot
from flask_api.streams.hub import Hub
from flask_api.streams.wire import RETRY_MS, event_frame, frame, to_json
from shared.errors import JobStoreUnavailable

LOOK_EVERY_S = 0.25  # at how things stand, at most


class Follower:
    """One client's place in a feed. For one thread; ``close`` it. ``opening`` is to be sent first.

    Making one and ``next_piece`` raise JobStoreUnavailable while Redis is away;
    ask again, the place is kept.
    """

    def __init__(
        self, feed: PersonFeed, *, hub: Hub, event_log: EventLog, after: Position | None
    ) -> None:
        self._feed = feed
        self._hub = hub
        self._event_log = event_log
        self._ends_at: Position | None = None
        self._farewell = b""
        self._must_look = False
        self._look_at = 0.0
        snapshot = feed.snapshot(event_log)
        if after is not None and event_log.is_whole_after(feed.owner_id, after):
            self._position = after
            self.opening = frame("ready", "{}", retry_ms=RETRY_MS) + self._told_again(snapshot)
        else:
            self.opening = self._begin("ready" if after is None else "reset", snapshot)
        if snapshot.is_over:
            self._ends_at = snapshot.position
        hub.follow(feed.owner_id, tail=snapshot.position)

    @property
    def is_finished(self) -> bool:
        """Tell whether all was said, because the job or batch has ended."""
        return self._ends_at is not None and self._position >= self._ends_at

    def next_piece(self, *, timeout_s: float) -> bytes:
        """Return the next events as they are sent; waits for them, at most ``timeout_s``.
        Empty when there is none."""
        if self._must_look:
            timeout_s = min(timeout_s, max(0.0, self._look_at - time.monotonic()))
        events = self._hub.wait(self._feed.owner_id, self._position, timeout_s=timeout_s)
        if events is None:
            events = self._event_log.after(self._feed.owner_id, self._position)
            if not self._event_log.is_whole_after(self._feed.owner_id, self._position):
                return self._begin("reset", self._feed.snapshot(self._event_log))
        piece = self._take(events)
        if self._must_look and time.monotonic() >= self._look_at:
            piece += self._look()
        return piece + self._farewell if self.is_finished else piece

    def close(self) -> None:
        """Follow no more."""
        self._hub.leave(self._feed.owner_id)

    def _begin(self, kind: str, snapshot: Snapshot) -> bytes:
        """Go on from how things stand now, whatever came before."""
        self._position = snapshot.position
        if snapshot.is_over:
            self._ends_at = snapshot.position
        return frame(kind, "{}", position=snapshot.position, retry_ms=RETRY_MS) + _snapshot_frame(
            snapshot
        )

    def _take(self, events: list[Event]) -> bytes:
        mine = [event for event in events if self._feed.includes(event)]
        self._must_look = self._must_look or any(self._feed.changes(event) for event in mine)
        if events:
            self._position = events[-1].position
        return b"".join(map(event_frame, mine))

    def _look(self) -> bytes:
        """Look how things stand. When all has ended,
        events up to that moment may be still to come."""
        self._look_at = time.monotonic() + LOOK_EVERY_S
        try:
            snapshot = self._feed.snapshot(self._event_log)
        except JobStoreUnavailable:
            return b""  # what was taken must be sent; the look is made up for
        self._must_look = False
        told = self._told_again(snapshot)
        if not snapshot.is_over:
            return told
        self._ends_at, self._farewell = snapshot.position, told
        return b""

    def _told_again(self, snapshot: Snapshot) -> bytes:
        """Without a position: events before it may be still to come."""
        return _snapshot_frame(snapshot) if self._feed.tells_again else b""


def _snapshot_frame(snapshot: Snapshot) -> bytes:
    return frame(snapshot.kind, to_json(snapshot.data)) if snapshot.data else b""
