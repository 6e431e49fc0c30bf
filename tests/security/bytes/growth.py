"""Does the time that something takes grow linearly with its input?"""

import gc
import time
from collections.abc import Callable

# Four times the input may take six times the time: caches grow, and buffers are moved.
# Quadratic is sixteen times.
MOST = 6.0
_TRIES = 3
_ROUNDS = 4
_MEASURABLE_S = 0.002


def growth(act: Callable[[], Callable[[int], object]], small: int) -> float:
    """Return how many times longer the input of ``4 * small`` takes than that of ``small``.

    The quickest of several tries of each, in processor time of this thread; noise can only make it
    larger, so the smallest of several rounds counts.
    ``act`` prepares nothing but returns what takes a size and does the work.
    """
    work = act()
    found = float("inf")
    for _ in range(_ROUNDS):
        repeats = 1
        while (quick := _time(work, small, repeats)) < _MEASURABLE_S:
            repeats = max(repeats * 2, int(repeats * _MEASURABLE_S / max(quick, 1e-7)))
        quick = min(quick, *(_time(work, small, repeats) for _ in range(_TRIES)))
        slow = min(_time(work, 4 * small, repeats) for _ in range(_TRIES))
        found = min(found, slow / quick)
        if found <= MOST:
            break
    return found


def _time(work: Callable[[int], object], size: int, repeats: int) -> float:
    gc.disable()
    try:
        began = time.thread_time()
        for _ in range(repeats):
            work(size)
        return time.thread_time() - began
    finally:
        gc.enable()
