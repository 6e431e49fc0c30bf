"""The time of one fetch: names, redirects, TLS, headers and body together."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flask_api.tasks.web.errors import FetchAborted, TimedOut

# A closed client is noticed within this time by a fetch that waits for bytes,
# for a name or for its turn.
SLICE_S = 0.25
_SHORTEST_S = 0.001


class Budget:
    """How long one fetch may still go on: until its time is over, its client is closed,
    or ``until`` has come on the clock.

    ``until`` is the end of all fetches of a job: waiting for a turn counts there.
    """

    def __init__(
        self,
        total_s: float,
        *,
        closed: threading.Event,
        until: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total_s = total_s
        self._closed = closed
        self._until = until
        self._clock = clock
        self._ends_at = clock() + total_s

    def remaining_s(self, *, at_most_s: float = float("inf")) -> float:
        """Return the seconds that are left, more than zero. Raises TimedOut or FetchAborted."""
        self.check_open()
        now = self._clock()
        if self._ends_at <= now:
            raise TimedOut(f"Not done within {self._total_s:g} s.")
        return min(self._ends_at - now, max(self._until - now, _SHORTEST_S), at_most_s)

    def check_open(self) -> None:
        """Raise FetchAborted if the client was closed,
        TimedOut if the time for all of its fetches is over."""
        if self._closed.is_set():
            raise FetchAborted("The fetch was given up.")
        if self._until <= self._clock():
            raise TimedOut("The time for all fetches of the job is over.")

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Don't count the time of the block: waiting for our own politeness is not the host's
        fault."""
        began = self._clock()
        try:
            yield
        finally:
            self._ends_at += self._clock() - began
