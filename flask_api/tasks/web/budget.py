"""The time of one fetch: names, redirects, TLS, headers and body together."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flask_api.tasks.web.errors import FetchAborted, TimedOut

# A closed client is noticed within this time by a fetch that waits for bytes, for a name or for its turn.
SLICE_S = 0.25


class Budget:
    """How long one fetch may still go on: until its time is over or its client is closed."""

    def __init__(self, total_s: float, *, closed: threading.Event, clock: Callable[[], float] = time.monotonic) -> None:
        self._total_s = total_s
        self._closed = closed
        self._clock = clock
        self._ends_at = clock() + total_s

    def remaining_s(self, *, at_most_s: float = float("inf")) -> float:
        """Return the seconds that are left, more than zero. Raises TimedOut or FetchAborted."""
        self.check_open()
        left_s = self._ends_at - self._clock()
        if left_s <= 0:
            raise TimedOut(f"Not done within {self._total_s:g} s.")
        return min(left_s, at_most_s)

    def check_open(self) -> None:
        """Raise FetchAborted if the client was closed."""
        if self._closed.is_set():
            raise FetchAborted("The fetch was given up.")

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Don't count the time of the block: waiting for our own politeness is not the host's fault."""
        began = self._clock()
        try:
            yield
        finally:
            self._ends_at += self._clock() - began
