"""One reader for all streams of a process: it waits for the events of those who are followed,
and hands them out.

The latest events of each followed person are held for all who follow them, bounded; a follower that
falls further behind reads from Redis what it missed.
So a slow one costs nobody memory, and misses nothing.
"""

import logging
import threading
import time
from collections import deque
from itertools import takewhile

from flask_api.jobs.records.events import PAGE, Event, EventLog, Position
from shared.errors import JobStoreUnavailable

log = logging.getLogger("gatehouse.api")

BLOCK_S = 0.1  # how long a newly followed person may not be listened to
# after some events: more come in bursts, and waking every follower for each costs the requests
# their time
_GATHER_S = 0.02
_AGAIN_S = 0.25
# A reader that was away longer may have missed what a bounded stream dropped meanwhile.
_MAY_HAVE_MISSED_S = 1.0
_HELD_EVENTS = 1000
_HELD_CHARACTERS = 1_000_000


class Channel:
    """The latest events of one person: all after ``start``, up to ``last``.
    Guarded by the hub's lock."""

    def __init__(self, tail: Position, lock: threading.Lock) -> None:
        self.start = self.last = tail
        self.followers = 0
        self.changed = threading.Condition(lock)
        self._events: deque[Event] = deque()
        self._characters = 0

    def add(self, events: list[Event]) -> None:
        """Hold these too and wake the followers; the oldest are dropped beyond the bounds."""
        for event in events:
            if event.position > self.last:
                self._events.append(event)
                self._characters += len(event.data)
                self.last = event.position
        while len(self._events) > _HELD_EVENTS or self._characters > _HELD_CHARACTERS:
            oldest = self._events.popleft()
            self._characters -= len(oldest.data)
            self.start = oldest.position
        self.changed.notify_all()

    def after(self, position: Position) -> list[Event]:
        """Return the next held events after a position that is not before ``start``,
        at most a page of them."""
        newest_first = takewhile(lambda event: event.position > position, reversed(self._events))
        return list(newest_first)[: -PAGE - 1 : -1]

    def begin_anew(self, tail: Position) -> None:
        """Hold nothing up to ``tail``: a follower that has not read that far asks Redis."""
        self._events.clear()
        self._characters = 0
        self.start = self.last = max(tail, self.last)
        self.changed.notify_all()


class Hub:
    """Fans out. Thread-safe. Its thread starts with the first follower and ends with the last,
    or at ``close``.

    ``event_log`` is for that thread alone: its connection waits inside Redis.
    """

    def __init__(self, event_log: EventLog) -> None:
        self._event_log = event_log
        self._lock = threading.Lock()
        self._channels: dict[str, Channel] = {}
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._heard_at = 0.0

    @property
    def is_closed(self) -> bool:
        """Tell whether every stream should end because this process stops."""
        return self._closing.is_set()

    def follow(self, owner_id: str, *, tail: Position) -> None:
        """Listen to a person's events; ``tail`` is where their stream ends now."""
        with self._lock:
            channel = self._channels.setdefault(owner_id, Channel(tail, self._lock))
            channel.followers += 1
            if self._thread is None and not self._closing.is_set():
                self._heard_at = time.monotonic()
                self._thread = threading.Thread(
                    target=self._run, name="gatehouse-events", daemon=True
                )
                self._thread.start()

    def leave(self, owner_id: str) -> None:
        """Undo one ``follow``."""
        with self._lock:
            channel = self._channels[owner_id]
            channel.followers -= 1
            if not channel.followers:
                del self._channels[owner_id]

    def wait(self, owner_id: str, after: Position, *, timeout_s: float) -> list[Event] | None:
        """Return events after a position as soon as there are any,
        none after ``timeout_s`` or at close.

        None: so far back nothing is held; ask Redis. The person must be followed.
        """
        with self._lock:
            channel = self._channels[owner_id]
            channel.changed.wait_for(
                lambda: channel.last > after or self._closing.is_set(), timeout_s
            )
            return None if after < channel.start else channel.after(after)

    def pause(self, seconds: float) -> None:
        """Wait for ``seconds``, or until close."""
        self._closing.wait(seconds)

    def close(self) -> None:
        """Wake every follower; from now on no thread is started. Doesn't block:
        a signal handler may call it."""
        self._closing.set()
        with self._lock:
            for channel in self._channels.values():
                channel.changed.notify_all()

    def stop(self) -> None:
        """Close and wait for the thread's end. Idempotent."""
        self.close()
        thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while positions := self._positions():
            try:
                self._listen(positions)
            except JobStoreUnavailable:
                self._closing.wait(_AGAIN_S)
            except Exception:
                log.exception("reading events failed; the next read tries again")
                self._closing.wait(_AGAIN_S)

    def _positions(self) -> dict[str, Position]:
        """Return up to where each person was read; nothing when the thread should end."""
        with self._lock:
            if self._closing.is_set() or not self._channels:
                self._thread = None  # under the lock: the next follower starts another one
                return {}
            return {owner_id: channel.last for owner_id, channel in self._channels.items()}

    def _listen(self, positions: dict[str, Position]) -> None:
        found = self._event_log.wait_for_any(positions, block_ms=int(BLOCK_S * 1000))
        now = time.monotonic()
        missed_some, self._heard_at = now - self._heard_at > _MAY_HAVE_MISSED_S, now
        if missed_some:
            self._begin_anew(positions)
            return
        with self._lock:
            for owner_id, events in found.items():
                if owner_id in self._channels:
                    self._channels[owner_id].add(events)
        if found and max(map(len, found.values())) < PAGE:
            self._closing.wait(_GATHER_S)

    def _begin_anew(self, positions: dict[str, Position]) -> None:
        tails = {owner_id: self._event_log.tail(owner_id) for owner_id in positions}
        with self._lock:
            for owner_id, tail in tails.items():
                if owner_id in self._channels:
                    self._channels[owner_id].begin_anew(tail)
