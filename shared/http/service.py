"""What every service of ours has, with Django beside it or alone: open probes, and a graceful
stop that has a deadline."""

import time

_PROBES = ("health/live", "health/ready", "metrics")


def probe_paths(api_prefix: str) -> tuple[str, ...]:
    """Return the paths of the probes, which are answered under any host."""
    return tuple(f"{api_prefix}/{path}" for path in _PROBES)


class DrainDeadline:
    """How long a graceful stop may take, for requests and jobs together: it counts once, from when
    it begins."""

    def __init__(self, drain_s: float) -> None:
        self._drain_s = drain_s
        self._ends_at: float | None = None

    @property
    def has_begun(self) -> bool:
        """Whether it counts."""
        return self._ends_at is not None

    @property
    def left_s(self) -> float:
        """How much is left, which is less than 0 when it is over; all of it before it begins."""
        return self._drain_s if self._ends_at is None else self._ends_at - time.monotonic()

    def begin(self) -> None:
        """Let it count; it changes nothing when it does already."""
        if self._ends_at is None:
            self._ends_at = time.monotonic() + self._drain_s
