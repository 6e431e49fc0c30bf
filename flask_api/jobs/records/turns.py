"""Write turns so that no outcome is lost: not to a Redis that is away,
and not to one whose memory is full."""

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from flask_api.jobs.records.job import JobStatus, QueuedJob
from flask_api.jobs.records.job_writer import Ending, EndingAnswer, JobWriter
from shared.errors import JobStoreFull, JobStoreUnavailable

T = TypeVar("T")
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0


def write_turn(
    writer: JobWriter,
    instance: str,
    endings: Sequence[Ending],
    beginnings: Sequence[QueuedJob],
    *,
    ttl_s: int,
    stopping: threading.Event,
) -> list[int]:
    """End attempts and begin others; answers as JobWriter.turn.
    Repeats itself while Redis is away, until ``stopping``.

    While Redis is full, what ended is written all the same, it is bounded by what runs;
    nothing begins that would write more.
    """

    def write() -> list[int]:
        try:
            return writer.turn(instance, endings=endings, beginnings=beginnings, ttl_s=ttl_s)
        except JobStoreFull:
            if not endings:
                raise
            # What does not begin now is held and not known: the audit puts it in the queue again.
            return writer.turn(instance, endings=endings, ttl_s=ttl_s, force=True) + [0] * len(
                beginnings
            )

    return persist(write, stopping=stopping)


def status_of(ending: Ending, answer: int) -> JobStatus:
    """Return how a job ended, or that it goes on:
    a result that its person may not keep is a failure."""
    return JobStatus.FAILED if answer == EndingAnswer.OVER_QUOTA else ending.status


def persist(action: Callable[[], T], *, stopping: threading.Event) -> T:
    """Repeat an idempotent write until Redis takes it.
    Once ``stopping`` is set it is tried a last time.

    Blocks as long as Redis is away. Raises JobStoreUnavailable only when the process must end.
    """
    pause_s = _FIRST_PAUSE_S
    while True:
        try:
            return action()
        except JobStoreUnavailable:
            if stopping.wait(pause_s):
                return action()
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
