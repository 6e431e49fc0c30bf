"""The thread that sends what the outbox holds: in one process of the installation, which holds a
lease."""

import logging
import time

from django_site.publishing.background import STOP_S, RepeatedWork
from django_site.publishing.lease import Lease
from django_site.submitting.outbox import forget_refused, relay

EVERY_S = 2.0
LONGEST_PAUSE_S = 30.0
FORGET_EVERY_S = 600.0


class Relay(RepeatedWork):
    """Relays while this process holds the lease. While the API is away it asks less and less
    often."""

    name = "gatehouse-relay"
    log = logging.getLogger("gatehouse.submitting")
    failure = "relaying failed; it is tried again"

    def __init__(self, *, every_s: float = EVERY_S) -> None:
        super().__init__(every_s=every_s, after_failure_s=LONGEST_PAUSE_S)
        self._lease = Lease("relay")
        self._first_pause_s = self._pause_s = every_s
        self._forget_at = 0.0

    def work(self) -> None:
        """Send what is due, when it is this process's turn."""
        if not self._lease.hold():
            return
        count, is_there = relay()
        while count and is_there and self._lease.hold() and not self.stopping.is_set():
            count, is_there = relay()
        if time.monotonic() >= self._forget_at:
            self._forget_at = time.monotonic() + FORGET_EVERY_S
            forget_refused()
        self._pause_s = self._first_pause_s if is_there else min(LONGEST_PAUSE_S, 2 * self._pause_s)
        self.stopping.wait(self._pause_s - self._first_pause_s)

    def stop(self, *, deadline_s: float = STOP_S) -> None:
        """End the thread, wait for it and leave the lease to another process. Idempotent."""
        super().stop(deadline_s=deadline_s)
        self._lease.give_back()
