"""Time that a test moves."""


class FakeClock:
    """Stands still until it is moved. Goes wherever ``time.time`` or ``time.monotonic`` is asked
    for by a ``clock`` argument.

    Moving it is for one thread; reading it for any.
    """

    def __init__(self, now_s: float = 100.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        """Return the time, in seconds."""
        return self.now_s

    def advance(self, seconds: float) -> None:
        """Let so much time pass. Raises ValueError for less than none:
        clocks that code measures with never go back."""
        if seconds < 0:
            raise ValueError("a clock goes forward: it must be 0 seconds or more")
        self.now_s += seconds
