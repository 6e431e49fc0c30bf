"""What this process counts between two writes: numbers only, of registered tasks, by the hour.

A job costs a few additions here and nothing in Redis. What a process has not written when it is
killed, of a few seconds, is not in the history: it is for looking, no ledger.
"""

import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from flask_api.jobs.records.job import Attempt, JobStatus
from shared.clock import JOBS_CLOCK

HOUR_S = 3600
# In which of these a time falls; the last bucket has all that is longer. Seconds.
BOUNDS = (0.1, 1.0, 10.0, 60.0, 600.0, 3600.0)
_BUCKETS = range(len(BOUNDS) + 1)
# What is counted of a task in an hour, each number by its name in Redis: jobs that succeeded,
# failed and were cancelled; how long jobs waited and attempts ran, in buckets, and the sums of
# these times in milliseconds.
NAMES = (
    *("s", "f", "c"),
    *(f"w{number}" for number in _BUCKETS),
    "wt",
    *(f"r{number}" for number in _BUCKETS),
    "rt",
)
_OUTCOMES = {JobStatus.SUCCEEDED: 0, JobStatus.FAILED: 1, JobStatus.CANCELLED: 2}
_WAITED, _WAITED_SUM = NAMES.index("w0"), NAMES.index("wt")
_RAN, _RAN_SUM = NAMES.index("r0"), NAMES.index("rt")

TaskHour = tuple[int, str]  # which hour since 1970, of which task
Counted = Mapping[TaskHour, list[int]]  # the numbers of each, in the order of NAMES


class Tally:
    """Counts up until it is taken. Thread-safe; nothing blocks. Every job comes by: the numbers
    are in plain lists, which is what costs least."""

    def __init__(self, clock: Callable[[], float] = JOBS_CLOCK.now) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._rows = _no_rows()

    def end(
        self, task: str, outcomes: Mapping[JobStatus, int], attempts: Iterable[Attempt] = ()
    ) -> None:
        """Count jobs of one task that have their outcome, and how long attempts of it that have
        just ended ran and, of a job's first, how long the job had waited since it was submitted,
        or since its time came."""
        now = self._clock()
        with self._lock:
            row = self._rows[int(now) // HOUR_S, task]
            for status, count in outcomes.items():
                row[_OUTCOMES[status]] += count
            for attempt in attempts:
                begun_at = attempt.begun_at
                if not begun_at:
                    continue
                ran = max(0.0, now - begun_at)
                row[_RAN + bisect_left(BOUNDS, ran)] += 1
                row[_RAN_SUM] += int(ran * 1000)
                if attempt.number == 1:
                    # an id that Django made has Django's time
                    waited = max(0.0, begun_at - attempt.job.waits_since)
                    row[_WAITED + bisect_left(BOUNDS, waited)] += 1
                    row[_WAITED_SUM] += int(waited * 1000)

    def take(self) -> Counted:
        """Return what was counted since it was last taken."""
        with self._lock:
            taken, self._rows = self._rows, _no_rows()
            return taken

    def put_back(self, taken: Counted) -> None:
        """Count again what could not be written."""
        with self._lock:
            for key, numbers in taken.items():
                row = self._rows[key]
                row[:] = map(sum, zip(row, numbers, strict=True))


def _no_rows() -> defaultdict[TaskHour, list[int]]:
    return defaultdict(lambda: [0] * len(NAMES))
