"""A circuit breaker: after a failure, answer at once instead of waiting for the next time-out.

Source of the pattern: M. Nygard, "Release It!", chapter 5.
"""

import threading
import time
from collections.abc import Callable


class CircuitBreaker:
    """Closed, or open for ``open_s`` after each failure;
    then one caller probes while the others still fail fast.

    Thread-safe. Time is monotonic and injected.
    """

    def __init__(self, *, open_s: float = 0.5, clock: Callable[[], float] = time.monotonic) -> None:
        self._open_s = open_s
        self._clock = clock
        self._lock = threading.Lock()
        self._open_until: float | None = None
        # Whether the last call failed, the pause being over or not. Who reads it first needs no
        # other call in the usual case.
        self.is_open = False

    def allow(self) -> bool:
        """Tell whether a call may go out. When the pause is over,
        exactly one caller is told yes per ``open_s``."""
        with self._lock:
            return self._allow_probe(self._clock())

    def succeed(self) -> None:
        """Close: the dependency answered."""
        with self._lock:
            self._open_until, self.is_open = None, False

    def fail(self) -> None:
        """Open: the dependency did not answer."""
        with self._lock:
            self._open_until, self.is_open = self._clock() + self._open_s, True

    def _allow_probe(self, now: float) -> bool:
        if self._open_until is None:
            return True
        if now < self._open_until:
            return False
        self._open_until = now + self._open_s
        return True
