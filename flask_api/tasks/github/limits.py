"""Keep to a server's rate limit: wait as its headers say, in steps that a cancel ends,
and not for ever.

``Retry-After`` (RFC 9110, 10.2.3) and ``X-RateLimit-Remaining: 0`` with ``X-RateLimit-Reset``
(seconds since 1970) are heeded. Source: GitHub, "Rate limits for the REST API",
where a 429 or 403 without either means a minute.
"""

import threading
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime

from flask_api.jobs.tasks.context import JobContext
from flask_api.tasks.github.errors import RateLimited

_STEP_S = 0.25
_SHORTEST_S = 1.0  # a server that says "again, at once" must not keep us busy
_UNKNOWN_S = 60.0


class RateLimit:
    """What one server asks of us; for one thread. ``max_wait_s``:
    all waits of the attempt together."""

    def __init__(
        self,
        job: JobContext,
        *,
        max_wait_s: float,
        now: Callable[[], float] = time.time,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        self._job = job
        self._left_s = max_wait_s
        self._now = now
        self._pause = pause or threading.Event().wait
        self._wait_s = 0.0

    def heed(self, status: int, headers: Mapping[str, str]) -> bool:
        """Remember the wait that an answer asks for;
        tell whether its request must be made again after it."""
        refused = status == 429 or (status in (403, 503) and self._names_a_wait(headers))
        asked_s = self._asked_s(headers)
        if refused:
            self._wait_s = max(_SHORTEST_S, _UNKNOWN_S if asked_s is None else asked_s)
        elif headers.get("X-RateLimit-Remaining") == "0" and asked_s is not None:
            self._wait_s = max(0.0, asked_s)  # nothing is left: the next request would be refused
        return refused

    def wait(self) -> None:
        """Wait as the last answer asked. Raises RateLimited at once when that is too long,
        and JobCancelled."""
        wait_s, self._wait_s = self._wait_s, 0.0
        if wait_s > self._left_s:
            raise RateLimited(
                f"The server's rate limit asks to wait {wait_s:.0f} s; the job goes "
                "on later where it stopped."
            )
        self._left_s -= wait_s
        while wait_s > 0:
            self._job.checkpoint()
            self._pause(min(wait_s, _STEP_S))
            wait_s -= _STEP_S

    def _names_a_wait(self, headers: Mapping[str, str]) -> bool:
        return "Retry-After" in headers or headers.get("X-RateLimit-Remaining") == "0"

    def _asked_s(self, headers: Mapping[str, str]) -> float | None:
        """Return how long to wait as the headers say, None when they don't or can't be read."""
        after = headers.get("Retry-After", "")
        if (seconds := _number(after)) is not None:
            return seconds
        try:
            return parsedate_to_datetime(after).timestamp() - self._now()
        except (ValueError, OverflowError):
            pass  # no date either
        reset = _number(headers.get("X-RateLimit-Reset", ""))
        # One second more: the server's clock and ours round differently.
        return None if reset is None else reset - self._now() + 1


def _number(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdecimal() and len(text) <= 12 else None
