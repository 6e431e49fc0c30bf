"""Wait for something to become true, never for time to pass."""

import time
from collections.abc import Callable


def wait_until(
    predicate: Callable[[], object], *, timeout_s: float, what: str = "the condition holds"
) -> None:
    """Return as soon as ``predicate`` is true;
    fail after ``timeout_s`` seconds with ``what`` was waited for."""
    deadline = time.monotonic() + timeout_s
    while not predicate():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s} s until {what}")
        time.sleep(0.01)
