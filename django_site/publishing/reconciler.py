"""The thread that repeats the database's truth,
for changes that send no signal (``QuerySet.update``, raw SQL).

One process of the installation does it, which holds a lease in Redis. It looks at who is there,
slice by slice, and rests after each: all of them once in ``PASS_S``, using a fiftieth of a core as
long as that is enough for it.
"""

import logging
import time
from collections.abc import Iterator

from django_site.publishing.background import STOP_S, RepeatedWork
from django_site.publishing.lease import Lease
from django_site.publishing.presence import count_published, is_all_listed
from django_site.publishing.rebuild import (
    Rebuilt,
    publish_overdue,
    rebuild_slices,
    reconcile_slices,
)

PASS_S = 25.0  # everybody is looked at once in so many seconds
SHARE_OF_A_CORE = 0.02
_TURN_EVERY_S = 1.0


class Reconciler(RepeatedWork):
    """Reconciles while this process holds the lease.

    What an outage held back in this process is published within a second of Redis's return.
    """

    name = "gatehouse-reconciler"
    log = logging.getLogger("gatehouse.principals")
    failure = "reconciling failed; it is tried again"

    def __init__(self, *, pass_s: float = PASS_S) -> None:
        super().__init__(every_s=min(_TURN_EVERY_S, pass_s / 2), after_failure_s=pass_s)
        self._pass_s = pass_s
        self._lease = Lease("reconcile")
        self._next_at = 0.0

    def work(self) -> None:
        """Publish what is overdue and, when it is time and this process's turn, reconcile."""
        publish_overdue()
        if self._lease.hold() and time.monotonic() >= self._next_at:
            self._next_at = time.monotonic() + self._pass_s
            if is_all_listed():
                self._pass(reconcile_slices(), _Pace(self._pass_s, count_published()))
            else:  # a lost Redis, or an upgrade: as fast as it goes
                self._pass(rebuild_slices(), None)

    def stop(self, *, deadline_s: float = STOP_S) -> None:
        """End the thread, wait for it and leave the lease to another process. Idempotent."""
        super().stop(deadline_s=deadline_s)
        self._lease.give_back()

    def _pass(self, slices: Iterator[tuple[str, Rebuilt]], pace: "_Pace | None") -> None:
        for _, slice_ in slices:
            self.stopping.wait(pace.rest_after(slice_.seen) if pace else 0)
            if self.stopping.is_set() or not self._lease.hold():
                return


class _Pace:
    """How long to rest after each slice of one pass, by what it cost."""

    def __init__(self, pass_s: float, entries: int) -> None:
        self._ends_at = time.monotonic() + pass_s
        self._left = entries
        self._worked_s = time.thread_time()

    def rest_after(self, seen: int) -> float:
        """Return for how many seconds to rest: so long that work is its share of the time,
        and never so long that the rest of the pass would not be done in time."""
        now_s = time.thread_time()
        worked_s, self._worked_s = now_s - self._worked_s, now_s
        self._left = max(0, self._left - seen)
        slices_left = self._left / seen if seen else 0
        share = max(0.0, self._ends_at - time.monotonic()) / (slices_left + 1)
        return min(worked_s / SHARE_OF_A_CORE - worked_s, max(0.0, share - worked_s))
