"""What the parked answers of a process need from time to time, done by one thread for all:
credentials are asked again, streams show that they live, and all end when the process stops."""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Protocol

from flask_api.jobs.records.events import EventLog
from flask_api.streams.access import EVERY_S, Access
from flask_api.streams.feeds import PersonFeed
from flask_api.streams.rechecks import Rechecks
from flask_api.streams.shared import SharedChecks
from flask_api.streams.stream import LOOK_EVERY_S, Stream
from shared.errors import JobStoreUnavailable
from shared.http.parking import close_forgotten

log = logging.getLogger("gatehouse.api")


class ParkedAnswer(Protocol):
    """An answer that waits."""

    access: Access

    def keep_up(self, now: float) -> None:
        """Do what is due, on the monotonic clock. Doesn't block."""

    def stop(self) -> None:
        """End: this process stops. Doesn't block."""


class Upkeep:
    """Keeps up what is parked. Thread-safe. Its thread starts with the first answer and ends with
    the last, or after ``close``."""

    def __init__(
        self,
        event_log: EventLog,
        rechecks: Rechecks,
        shared: SharedChecks,
        *,
        heartbeat_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._event_log = event_log
        self._rechecks = rechecks
        self._shared = shared
        self._every_s = min(LOOK_EVERY_S, heartbeat_s / 2)
        self._clock = clock
        self._lock = threading.Lock()
        self._parked: dict[ParkedAnswer, None] = {}
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._check_at = 0.0

    @property
    def is_closed(self) -> bool:
        """Tell whether this process stops."""
        return self._closing.is_set()

    def add(self, parked: ParkedAnswer) -> None:
        """Keep an answer up until it is discarded. Raises RuntimeError as Hub.follow."""
        with self._lock:
            self._parked[parked] = None
            if self._thread is None and not self.is_closed:
                self._check_at = self._clock() + EVERY_S
                thread = threading.Thread(target=self._run, name="gatehouse-upkeep", daemon=True)
                thread.start()
                self._thread = thread  # one that can't be had counts as none
        if self.is_closed:
            parked.stop()

    def discard(self, parked: ParkedAnswer) -> None:
        """Undo ``add``. Idempotent."""
        with self._lock:
            self._parked.pop(parked, None)

    def close(self) -> None:
        """End every answer, soon. Doesn't block: a signal handler may call it."""
        self._closing.set()

    def join(self) -> None:
        """Wait for the thread's end, after ``close`` and when nothing is parked any more."""
        thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while parked := self._all():
            self._try(lambda: self._keep_up(parked))  # run at once
            self._try(close_forgotten)
            self._closing.wait(self._every_s)
            if self.is_closed:
                self._end_all()
                return

    def _all(self) -> list[ParkedAnswer]:
        with self._lock:
            if not self._parked:
                self._thread = None  # under the lock: the next one starts another
            return list(self._parked)

    def _end_all(self) -> None:
        """End them, and those that were let in just before the end."""
        with self._lock:
            self._thread = None
            parked = list(self._parked)
        for each in parked:
            self._try(each.stop)

    @staticmethod
    def _try(step: Callable[[], None]) -> None:
        try:
            step()
        except Exception:
            log.exception("keeping parked answers up failed; the next turn tries again")

    def _keep_up(self, parked: list[ParkedAnswer]) -> None:
        now = self._clock()
        if now >= self._check_at:
            accesses = [each.access for each in parked]
            self._rechecks.update(accesses)
            self._shared.update(accesses)
            self._check_at = self._clock() + EVERY_S
        for each in parked:
            each.keep_up(now)
        self._look([each for each in parked if isinstance(each, Stream) and each.must_look(now)])

    def _look(self, streams: list[Stream]) -> None:
        """Find out how things stand, once for all that follow the same."""
        by_feed: defaultdict[PersonFeed, list[Stream]] = defaultdict(list)
        for stream in streams:
            by_feed[stream.feed].append(stream)
        for feed, followers in by_feed.items():
            try:
                snapshot = feed.snapshot(self._event_log)
            except JobStoreUnavailable:
                return  # what was heard is sent; the look is made up for
            now = self._clock()
            for stream in followers:
                stream.look(snapshot, now)
