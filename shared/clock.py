"""What time it is, as Redis has it: machines' clocks differ, and a worker's may be minutes off.

A machine's own clock may measure how long something takes, never decide when a job is tried again,
when it expires, or what came first: that is one clock's to say, and all who share jobs share Redis.
Beats, which every process sends, bring its time along.
"""

import time
from datetime import UTC, datetime


class ServerClock:
    """The time of a Redis server, as far as this process knows; its own until it was told.
    Thread-safe."""

    def __init__(self) -> None:
        self._ahead_s: float | None = None  # of this machine's monotonic clock

    def learn(self, server_time: float, *, asked_at: float) -> None:
        """Take over what the server said, which was asked at this moment of the monotonic clock.

        What lies within the time that the answer took is no news: the clock doesn't tremble.
        """
        answered_at = time.monotonic()
        ahead_s = server_time - (asked_at + answered_at) / 2
        if self._ahead_s is None or abs(ahead_s - self._ahead_s) > answered_at - asked_at:
            self._ahead_s = ahead_s

    def now(self) -> float:
        """Return the seconds since 1970."""
        ahead_s = self._ahead_s
        return time.time() if ahead_s is None else time.monotonic() + ahead_s

    def moment(self) -> datetime:
        """Return the time as a date in UTC."""
        return datetime.fromtimestamp(self.now(), UTC)


# A process has one Redis for jobs.
JOBS_CLOCK = ServerClock()
