"""Notices that the machine slept: what was on its way then may be lost without a word,
and jobs ended meanwhile elsewhere."""

import time
from collections.abc import Callable

# A loop that looks each tenth of a second is never held up for this long by mere work.
ASLEEP_S = 5.0


class SleepWatch:
    """Looked at again and again. Sees a suspended machine and a stopped process,
    by whichever clock ran on.

    The monotonic clock stands still while a laptop sleeps on Linux and macOS, and runs on while a
    process is stopped, or on Windows. The wall clock shows each of them, but may be set meanwhile:
    then it is believed once too often: one look more.
    """

    def __init__(
        self,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._clocks = (monotonic, wall)
        self._looked_at = self._now()

    def was_asleep(self) -> bool:
        """Tell whether so much time went by since the last look that the machine slept.
        True once for each sleep."""
        before, self._looked_at = self._looked_at, self._now()
        return any(now - then > ASLEEP_S for now, then in zip(self._looked_at, before, strict=True))

    def _now(self) -> tuple[float, ...]:
        return tuple(clock() for clock in self._clocks)
