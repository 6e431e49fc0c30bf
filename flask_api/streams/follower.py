"""Follow one feed from a position on: nothing is missed, nothing comes twice,
and it is known when nothing more will come."""

from flask_api.jobs.records.events import Event, EventLog, Position
from flask_api.streams.feeds import PersonFeed, Snapshot
from flask_api.streams.wire import RETRY_MS, frame, to_json

PIECE_BYTES = 32_768


class Follower:
    """One client's place in a feed, as a value that changes: no thread, no wait.
    ``opening`` is to be sent first.

    Making one and :meth:`catch_up` read Redis and raise JobStoreUnavailable while it is away; ask
    again, the place is kept.
    """

    def __init__(self, feed: PersonFeed, *, event_log: EventLog, after: Position | None) -> None:
        self.feed = feed
        self._event_log = event_log
        self._ends_at: Position | None = None
        self._farewell = b""
        self.must_look = False
        self._page: list[Event] = []  # read from Redis, and not sent yet
        snapshot = feed.snapshot(event_log)
        self.tail = snapshot.position
        if after is not None and event_log.is_whole_after(feed.owner_id, after):
            self.position = after
            self.opening = frame("ready", "{}", retry_ms=RETRY_MS) + self._told_again(snapshot)
        else:
            self.opening = self._begin("ready" if after is None else "reset", snapshot)
        if snapshot.is_over:
            self._ends_at = snapshot.position

    @property
    def is_finished(self) -> bool:
        """Tell whether all was said, because the job or batch has ended."""
        return self._ends_at is not None and self.position >= self._ends_at

    def take(self, events: list[Event]) -> bytes:
        """Go on through these events, which follow in order, as far as fits in one piece;
        return those of the feed as they are sent. The rest is asked for again."""
        frames: list[bytes] = []
        size = 0
        for event in events:
            if event.position <= self.position:
                continue
            if size >= PIECE_BYTES:
                break
            self.position = event.position
            if self.feed.includes(event):
                self.must_look = self.must_look or self.feed.changes(event)
                frames.append(self.feed.frame(event))
                size += len(frames[-1])
        return b"".join(frames) + self._parting()

    def catch_up(self) -> bytes:
        """Return the next piece from Redis: so far back nobody holds the events."""
        if not self._page or self._page[-1].position <= self.position:
            self._page = self._event_log.after(self.feed.owner_id, self.position)
            if not self._event_log.is_whole_after(self.feed.owner_id, self.position):
                return self._begin("reset", self.feed.snapshot(self._event_log))
        return self.take(self._page)

    def look(self, snapshot: Snapshot) -> bytes:
        """Take note of how things stand. When all has ended,
        events up to that moment may be still to come."""
        self.must_look = False
        told = self._told_again(snapshot)
        if not snapshot.is_over:
            return told
        self._ends_at, self._farewell = snapshot.position, told
        return self._parting()

    def _begin(self, kind: str, snapshot: Snapshot) -> bytes:
        """Go on from how things stand now, whatever came before."""
        self.position = snapshot.position
        self._page = []
        if snapshot.is_over:
            self._ends_at = snapshot.position
        position = snapshot.position if self.feed.tells_positions else None
        return frame(kind, "{}", position=position, retry_ms=RETRY_MS) + _snapshot_frame(snapshot)

    def _parting(self) -> bytes:
        """Return the last counts, once, when all events up to them are sent."""
        if not self.is_finished:
            return b""
        parting, self._farewell = self._farewell, b""
        return parting

    def _told_again(self, snapshot: Snapshot) -> bytes:
        """Without a position: events before it may be still to come."""
        return _snapshot_frame(snapshot) if self.feed.tells_again else b""


def _snapshot_frame(snapshot: Snapshot) -> bytes:
    return frame(snapshot.kind, to_json(snapshot.data)) if snapshot.data else b""
