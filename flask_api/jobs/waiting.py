"""Wait for a job to end: at once when it ends in this process,
by a cheap question to Redis when it runs elsewhere."""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

ASK_EVERY_S = 0.25


class Waiting:
    """The long-polls of one process. Thread-safe;
    holds at most ``limit`` of them at once, of one person half of that."""

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._limit_each = (limit + 1) // 2
        self._taken: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._watchers: defaultdict[str, set[threading.Event]] = defaultdict(set)
        self._closing = threading.Event()

    def wait(
        self, job_id: str, *, timeout_s: float, has_ended: Callable[[], bool], person_id: str
    ) -> None:
        """Return when ``has_ended``, after ``timeout_s``, at shutdown,
        or at once when every place is taken."""
        with self.place(person_id) as may_wait:
            if may_wait:
                with self._watch(job_id) as event:
                    self._wait(event, timeout_s, has_ended)

    @contextmanager
    def place(self, person_id: str) -> Iterator[bool]:
        """Keep one of the places meanwhile; False when all that a person may have are taken:
        who waits holds a thread."""
        if not self._take(person_id):
            yield False
            return
        try:
            yield True
        finally:
            with self._lock:
                self._taken[person_id] -= 1
                if not self._taken[person_id]:
                    del self._taken[person_id]

    @property
    def taken(self) -> int:
        """How many places are taken."""
        with self._lock:
            return self._taken.total()

    def notify(self, job_ids: Iterable[str]) -> None:
        """Wake who waits for one of these jobs, whose ends are stored:
        who comes later sees that for itself."""
        if not self._watchers:
            return
        with self._lock:
            for job_id in job_ids:
                for event in self._watchers.get(job_id, ()):
                    event.set()

    def close(self) -> None:
        """Wake everyone; later waits return at once."""
        with self._lock:
            self._closing.set()
            for events in self._watchers.values():
                for event in events:
                    event.set()

    @property
    def is_closed(self) -> bool:
        """Tell whether waits end at once."""
        return self._closing.is_set()

    def pause(self, seconds: float) -> None:
        """Wait so long, or until shutdown."""
        self._closing.wait(seconds)

    def _take(self, person_id: str) -> bool:
        with self._lock:
            is_free = (
                self._taken.total() < self._limit and self._taken[person_id] < self._limit_each
            )
            self._taken[person_id] += is_free
            self._taken += Counter()  # asking made an entry; none of zero stays
        return is_free

    def _wait(
        self, event: threading.Event, timeout_s: float, has_ended: Callable[[], bool]
    ) -> None:
        deadline = time.monotonic() + timeout_s
        while not self._closing.is_set() and not has_ended():
            remaining_s = deadline - time.monotonic()
            if remaining_s <= 0:
                return
            event.wait(min(remaining_s, ASK_EVERY_S))
            event.clear()

    @contextmanager
    def _watch(self, job_id: str) -> Iterator[threading.Event]:
        event = threading.Event()
        with self._lock:
            self._watchers[job_id].add(event)
        try:
            yield event
        finally:
            with self._lock:
                self._watchers[job_id].discard(event)
                if not self._watchers[job_id]:
                    del self._watchers[job_id]
