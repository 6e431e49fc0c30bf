"""Going on while Redis is away: the one place that says how a call is repeated."""

from collections.abc import Callable, Iterable
from itertools import chain, repeat, takewhile
from threading import Event
from typing import TypeVar

from shared.errors import JobStoreUnavailable

T = TypeVar("T")
_BACKOFF_S = (0.1, 0.2, 0.4, 0.8, 1.6)
_LONGEST_PAUSE_S = 2.0


def retry_while_away(
    action: Callable[[], T],
    pauses: Iterable[float],
    *,
    wait: Callable[[float], object] | None = None,
) -> T:
    """Repeat an idempotent action after each of these pauses, until Redis answers.

    Blocks meanwhile. ``wait`` waits for so many seconds, or until there is no more sense in it.
    Raises JobStoreUnavailable when no pause is left, and what ``wait`` raises.
    """
    wait, left = wait or Event().wait, iter(pauses)
    while True:
        try:
            return action()
        except JobStoreUnavailable:
            pause_s = next(left, None)
            if pause_s is None:
                raise
        wait(pause_s)


def retry_until(stopping: Event, action: Callable[[], T]) -> T:
    """Repeat an idempotent action while Redis is away, with backoff; once ``stopping`` is set it is
    tried a last time. Raises JobStoreUnavailable."""
    backoff_s = chain(_BACKOFF_S, repeat(_LONGEST_PAUSE_S))
    pauses = takewhile(lambda _: not stopping.is_set(), backoff_s)
    return retry_while_away(action, pauses, wait=stopping.wait)
