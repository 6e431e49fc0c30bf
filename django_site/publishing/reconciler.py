"""The thread that repeats the database's truth,
for changes that send no signal (``QuerySet.update``, raw SQL)."""

import logging

from django_site.contract import session_store
from django_site.publishing.background import RepeatedWork
from django_site.publishing.rebuild import publish_overdue, rebuild
from shared.contract.entries import PREFIX
from shared.errors import GatehouseError

INTERVAL_S = 30  # a change that sent no signal is seen within twice this
_OVERDUE_EVERY_S = 1.0
_TURN = f"{PREFIX}lock:reconcile"


class Reconciler(RepeatedWork):
    """Rebuilds everything once per interval, in one process of all: a lock in Redis chooses it.

    What an outage held back in this process is published within a second of Redis's return.
    """

    name = "gatehouse-reconciler"
    log = logging.getLogger("gatehouse.principals")
    failure = "reconciling failed; it is tried again"

    def __init__(self, *, interval_s: float = INTERVAL_S) -> None:
        super().__init__(every_s=_OVERDUE_EVERY_S, after_failure_s=interval_s)
        self._interval_ms = int(interval_s * 1000)

    def work(self) -> None:
        """Publish what is overdue and, when it is this process's turn, rebuild."""
        publish_overdue()
        if self._is_my_turn():
            try:
                rebuild(progress=self._go_on)
            except _Stopped:
                return

    def _is_my_turn(self) -> bool:
        """Take the lock for one interval: whoever gets it rebuilds, wherever it runs."""
        return bool(
            session_store().write(
                lambda client: client.set(_TURN, "1", nx=True, px=self._interval_ms)
            )
        )

    def _go_on(self, seen: int) -> None:
        """Keep the turn while a long rebuild goes on, or all processes would soon rebuild at once;
        end it when stopping."""
        del seen
        if self.stopping.is_set():
            raise _Stopped("stopping")
        session_store().write(lambda client: client.set(_TURN, "1", px=self._interval_ms))


class _Stopped(GatehouseError):
    """Ends a rebuild whose process is shutting down."""
