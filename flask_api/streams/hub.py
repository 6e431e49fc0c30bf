"""One reader for all who follow events in a process: it waits for the events of those people,
and hands them to their listeners.

The latest events of each followed person are held for who comes later, bounded; a listener that
falls further behind reads from Redis what it missed.
So a slow one costs nobody memory, and misses nothing.
"""

import logging
import threading
import time
from collections import deque
from itertools import takewhile
from typing import Protocol

from flask_api.jobs.records.events import PAGE, Doorbell, Event, EventLog, Position
from shared.errors import JobStoreUnavailable

log = logging.getLogger("gatehouse.api")

BLOCK_S = 1.0  # how long one read waits, unless the bell rings: somebody else is followed now
# after some events: more come in bursts, and a read of thousands of people's streams for each
# costs the requests their time
_GATHER_S = 0.02
_AGAIN_S = 0.25
# A reader that was away longer may have missed what a bounded stream dropped meanwhile.
_MAY_HAVE_MISSED_S = 1.0
_HELD_EVENTS = 1000
_HELD_CHARACTERS = 1_000_000


class Listener(Protocol):
    """Who is told of a person's events, in the reader's thread: must neither block nor raise."""

    def hear(self, events: list[Event]) -> None:
        """Take the next events."""

    def look_again(self) -> None:
        """Events may have been missed."""


class Channel:
    """The latest events of one person: all after ``start``, up to ``last``.
    Guarded by the hub's lock."""

    def __init__(self, tail: Position) -> None:
        self.start = self.last = tail
        self.listeners: dict[Listener, None] = {}
        self._events: deque[Event] = deque()
        self._characters = 0

    def add(self, events: list[Event]) -> list[Event]:
        """Hold these too and return those that are new;
        the oldest are dropped beyond the bounds."""
        new = [event for event in events if event.position > self.last]
        for event in new:
            self._events.append(event)
            self._characters += len(event.data)
            self.last = event.position
        while len(self._events) > _HELD_EVENTS or self._characters > _HELD_CHARACTERS:
            oldest = self._events.popleft()
            self._characters -= len(oldest.data)
            self.start = oldest.position
        return new

    def after(self, position: Position) -> list[Event] | None:
        """Return the held events after a position, at most a page of them.
        None: so far back nothing is held."""
        if position < self.start:
            return None
        newest_first = takewhile(lambda event: event.position > position, reversed(self._events))
        return list(newest_first)[: -PAGE - 1 : -1]

    def begin_anew(self, tail: Position) -> None:
        """Hold nothing up to ``tail``: a listener that has not read that far asks Redis."""
        self._events.clear()
        self._characters = 0
        self.start = self.last = max(tail, self.last)


class Hub:
    """Fans out. Thread-safe. Its thread starts with the first follower and ends with the last,
    or at ``close``.

    ``event_log`` is for that thread alone: its connection waits inside Redis. ``bell`` ends such a
    wait from another connection.
    """

    def __init__(self, event_log: EventLog, bell: Doorbell) -> None:
        self._event_log = event_log
        self._bell = bell
        self._lock = threading.Lock()
        self._channels: dict[str, Channel] = {}
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._heard_at = 0.0
        self._has_failed = False
        self._is_listening = False

    def follow(self, owner_id: str, listener: Listener, *, tail: Position) -> None:
        """Tell ``listener`` of a person's events; ``tail`` is where their stream ends now.
        Events after it may have come already: ask :meth:`after`. Raises RuntimeError where the
        system lets this process have no thread."""
        with self._lock:
            is_new = owner_id not in self._channels
            channel = self._channels.setdefault(owner_id, Channel(tail))
            channel.listeners[listener] = None
            must_ring = is_new and self._is_listening
            self._is_listening = self._is_listening and not must_ring
            if self._thread is None and not self._closing.is_set():
                self._heard_at = time.monotonic()
                thread = threading.Thread(target=self._run, name="gatehouse-events", daemon=True)
                thread.start()
                self._thread = thread  # one that can't be had counts as none
        if must_ring:
            self._bell.ring()

    def leave(self, owner_id: str, listener: Listener) -> None:
        """Undo ``follow``. Idempotent."""
        with self._lock:
            channel = self._channels.get(owner_id)
            if channel is not None:
                channel.listeners.pop(listener, None)
                if not channel.listeners:
                    del self._channels[owner_id]

    def after(self, owner_id: str, position: Position) -> list[Event] | None:
        """Return events of a followed person after a position, at most a page of them.

        None: so far back nothing is held; ask Redis.
        """
        with self._lock:
            channel = self._channels.get(owner_id)
            return channel.after(position) if channel else []

    def close(self) -> None:
        """End the thread soon, start none from now on.
        Doesn't block: a signal handler may call it."""
        self._closing.set()

    def stop(self) -> None:
        """Close and wait for the thread's end. Idempotent."""
        self.close()
        thread = self._thread
        if thread is not None:
            self._bell.ring()
            thread.join()

    def _run(self) -> None:
        while positions := self._positions():
            try:
                self._listen(positions)
            except JobStoreUnavailable:
                self._has_failed = True
                self._closing.wait(_AGAIN_S)
            except Exception:
                self._has_failed = True
                log.exception("reading events failed; the next read tries again")
                self._closing.wait(_AGAIN_S)

    def _positions(self) -> dict[str, Position]:
        """Return up to where each person was read; nothing when the thread should end."""
        with self._lock:
            if self._closing.is_set() or not self._channels:
                self._thread = None  # under the lock: the next follower starts another one
                self._is_listening = False
                return {}
            self._is_listening = True
            return {owner_id: channel.last for owner_id, channel in self._channels.items()}

    def _listen(self, positions: dict[str, Position]) -> None:
        found = self._event_log.wait_for_any(
            positions, bell=self._bell, block_ms=int(BLOCK_S * 1000)
        )
        now = time.monotonic()
        away_s = now - self._heard_at - (0.0 if self._has_failed else BLOCK_S)
        if away_s > _MAY_HAVE_MISSED_S:
            self._begin_anew(positions)
        # after that: it takes a while for thousands, and must not be taken for another absence
        self._heard_at, self._has_failed = time.monotonic(), False
        if away_s > _MAY_HAVE_MISSED_S:
            return
        for owner_id, events in found.items():
            self._hand_out(owner_id, events)
        if found and max(map(len, found.values())) < PAGE:
            self._closing.wait(_GATHER_S)

    def _hand_out(self, owner_id: str, events: list[Event]) -> None:
        with self._lock:
            channel = self._channels.get(owner_id)
            new = channel.add(events) if channel else []
            listeners = list(channel.listeners) if channel and new else []
        for listener in listeners:
            listener.hear(new)

    def _begin_anew(self, positions: dict[str, Position]) -> None:
        for owner_id, tail in self._event_log.tails(list(positions)):
            with self._lock:
                channel = self._channels.get(owner_id)
                if channel:
                    channel.begin_anew(tail)
                listeners = list(channel.listeners) if channel else []
            for listener in listeners:
                listener.look_again()
