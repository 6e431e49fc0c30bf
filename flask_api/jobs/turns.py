"""Write turns so that no outcome is lost: not to a Redis that is away, and not to one whose memory is full."""

import threading
from collections.abc import Sequence

from flask_api.jobs.ledger import Ending, Ledger
from flask_api.jobs.persist import persist
from flask_api.jobs.record import JobStatus, Launch
from shared.errors import JobStoreFull

_OVER_QUOTA = 2


def write_turn(
    ledger: Ledger,
    instance: str,
    endings: Sequence[Ending],
    beginnings: Sequence[Launch],
    *,
    ttl_s: int,
    stopping: threading.Event,
) -> list[int]:
    """End attempts and begin others; answers as Ledger.turn. Repeats itself while Redis is away, until ``stopping``.

    While Redis is full, what ended is written all the same, it is bounded by what runs; nothing begins that would write more.
    """

    def write() -> list[int]:
        try:
            return ledger.turn(instance, endings=endings, beginnings=beginnings, ttl_s=ttl_s)
        except JobStoreFull:
            if not endings:
                raise
            # What does not begin now is held and not known: the audit puts it in the queue again.
            return ledger.turn(instance, endings=endings, ttl_s=ttl_s, force=True) + [0] * len(beginnings)

    return persist(write, stopping=stopping)


def status_of(ending: Ending, answer: int) -> JobStatus:
    """Return how a job ended, or that it goes on: a result that its person may not keep is a failure."""
    return JobStatus.FAILED if answer == _OVER_QUOTA else ending.status
