"""How many answers one process keeps waiting, and how many of one person's."""

import threading
from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

from shared.errors import GatehouseError
from shared.settings import ApiSettings


class TooManyStreams(GatehouseError):
    """This process holds as many event streams as it may, or as many of this person's:
    follow by ``?wait=`` instead."""

    code = "too_many_streams"
    retry_after_s: ClassVar[int] = 5


class Places:
    """The places of one kind in one process. Thread-safe."""

    def __init__(self, *, limit: int, limit_each: int) -> None:
        self.limit = limit
        self._limit_each = limit_each
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()
        self._total = 0

    def take(self, person_id: str) -> bool:
        """Take a place, to be freed; False when all that there are, or all that one person may
        have, are taken."""
        with self._lock:
            is_free = self._total < self.limit and self._taken.get(person_id, 0) < self._limit_each
            if is_free:
                self._taken[person_id] += 1
                self._total += 1
        return is_free

    def free(self, person_id: str) -> None:
        """Give a place back."""
        with self._lock:
            self._total -= 1
            self._taken[person_id] -= 1
            if not self._taken[person_id]:
                del self._taken[person_id]


@dataclass(frozen=True, slots=True)
class ProcessPlaces:
    """All places of a process: parked ones cost no thread; where the server can't park, streams
    and long-polls keep one each."""

    parked: Places
    streams: Places
    long_polls: Places

    @classmethod
    def of(cls, settings: ApiSettings) -> "ProcessPlaces":
        """Return as many as the settings allow."""

        def half_each(limit: int) -> Places:
            return Places(limit=limit, limit_each=(limit + 1) // 2)

        return cls(
            Places(limit=settings.max_parked, limit_each=settings.max_parked_person),
            half_each(settings.max_streams),
            half_each(settings.max_waiting),
        )

    def for_stream(self, *, can_park: bool) -> Places:
        """Return where a stream takes its place. A setting of 0 switches streams off."""
        return self.parked if can_park and self.streams.limit else self.streams

    def for_wait(self, *, can_park: bool) -> Places:
        """Return where a long-poll takes its place. A setting of 0 switches waits off."""
        return self.parked if can_park and self.long_polls.limit else self.long_polls
