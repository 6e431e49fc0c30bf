"""How long a service is waited for that gives no answer: one patience for all that waits for it."""

import time
from collections.abc import Callable

from gatehouse.errors import TooManyRequests, Unavailable
from gatehouse.protocol.flows import Patience


class ServicePatience:
    """Counts from the first question without an answer; any answer ends it.

    A patience for each of many questions, which are asked one after the other, would be that many
    times as long.
    """

    def __init__(self, patience_s: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.patience_s = patience_s
        self._clock = clock
        self._away_since: float | None = None
        self._backoff: Patience | None = None

    def answered(self) -> None:
        """Note an answer: the service is there."""
        self._away_since = self._backoff = None

    def unanswered(self, *, asked_at: float) -> None:
        """Note a question that was asked then, and has no answer."""
        if self._away_since is None:
            self._away_since = asked_at

    def pause_after(self, error: Unavailable | TooManyRequests) -> float:
        """Return how many seconds to wait before the next question; raises the error when that
        would be too late."""
        self._backoff = self._backoff or Patience(self.patience_s, clock=self._clock)
        return self._backoff.pause_after(error).seconds

    def left_s(self, *, waits_since: float) -> float:
        """Return how long what waits since then is still to wait for the service."""
        if self._away_since is None:
            return self.patience_s
        began = max(self._away_since, waits_since)
        return max(0.0, began + self.patience_s - self._clock())
