"""When did each job begin? A file that every process maps:
one time for each number, written by the job itself.

It costs a job less than a microsecond, so that it is the queue that is measured,
and it shows a job lost or run twice too.
"""

import mmap
import os
import time
from functools import cache
from pathlib import Path

from benchmarks.measuring.context import Context

CONTEXT_VARIABLE = "BENCH_CONTEXT"
ROOM = 1_000_000
_TIME_BYTES = 8


def here() -> Context:
    """Return the run that this process was started for."""
    return Context.load(os.environ[CONTEXT_VARIABLE])


class Marks:
    """The times, in nanoseconds of the monotonic clock, which all processes of a machine share; 0:
    not begun."""

    def __init__(self, file: Path) -> None:
        with file.open("r+b") as opened:
            self._times = memoryview(mmap.mmap(opened.fileno(), ROOM * _TIME_BYTES)).cast("q")

    def set(self, number: int) -> None:
        """Say that the job with this number begins now."""
        self._times[number] = time.monotonic_ns()

    def clear(self, count: int) -> None:
        """Forget the first ``count``."""
        self._times[:count] = memoryview(bytes(count * _TIME_BYTES)).cast("q")

    def wait_for(
        self, numbers: range, *, timeout_s: float, look_every_s: float = 0.002
    ) -> list[int]:
        """Return the times of these numbers when all are there.
        Raises TimeoutError that says how many are missing."""
        deadline, missing = time.monotonic() + timeout_s, numbers.start
        while True:
            while missing < numbers.stop and self._times[missing]:
                missing += 1
            if missing == numbers.stop:
                return self._times[numbers.start : numbers.stop].tolist()
            if time.monotonic() > deadline:
                times = self._times[numbers.start : numbers.stop].tolist()
                raise TimeoutError(
                    f"{times.count(0)} of {len(numbers)} jobs did not begin in {timeout_s:g} s"
                )
            time.sleep(look_every_s)


def make(folder: Path) -> None:
    """Make the file in the folder of a run."""
    with (folder / "marks").open("wb") as opened:
        opened.truncate(ROOM * _TIME_BYTES)


@cache
def marks() -> Marks:
    """Return the marks of the run that this process was started for."""
    return Marks(Path(here().folder, "marks"))


def mark(number: int) -> None:
    """Do nothing: the job that all queues run."""
    marks().set(number)
