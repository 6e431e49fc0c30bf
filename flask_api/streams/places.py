"""How many streams one process holds: each keeps a thread of the server,
and most threads must stay free for requests."""

import threading
from collections import Counter
from typing import ClassVar

from shared.errors import GatehouseError


class TooManyStreams(GatehouseError):
    """This process holds as many event streams as it may, or as many of this person's:
    follow by ``?wait=`` instead."""

    code = "too_many_streams"
    retry_after_s: ClassVar[int] = 5


class Places:
    """The places for streams of one process. Thread-safe; one person gets half of them at most."""

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._limit_each = (limit + 1) // 2
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()

    @property
    def taken(self) -> int:
        """How many places are taken."""
        with self._lock:
            return self._taken.total()

    def take(self, person_id: str) -> None:
        """Take a place or raise TooManyStreams."""
        with self._lock:
            if self._taken.total() >= self._limit or self._taken[person_id] >= self._limit_each:
                raise TooManyStreams(
                    "Every place for event streams is taken; follow by ?wait= and try again later."
                )
            self._taken[person_id] += 1

    def free(self, person_id: str) -> None:
        """Give a place back."""
        with self._lock:
            self._taken[person_id] -= 1
            if not self._taken[person_id]:
                del self._taken[person_id]
