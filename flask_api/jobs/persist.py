"""Write what must not be lost: an outcome outlives an outage in the memory of the process that has it."""

import threading
from collections.abc import Callable
from typing import TypeVar

from shared.errors import JobStoreUnavailable

T = TypeVar("T")
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0


def persist(action: Callable[[], T], *, stopping: threading.Event) -> T:
    """Repeat an idempotent write until Redis takes it. Once ``stopping`` is set it is tried a last time.

    Blocks as long as Redis is away. Raises JobStoreUnavailable only when the process must end.
    """
    pause_s = _FIRST_PAUSE_S
    while True:
        try:
            return action()
        except JobStoreUnavailable:
            if stopping.wait(pause_s):
                return action()
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
