"""Make Redis say what the database says: by command,
and by the reconciler that repeats it in the server."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from django.apps import apps
from django.db import close_old_connections

from django_site.principals.build import id_of, rows_of
from django_site.principals.publish import correct_chunk, publish_overdue, published_ids, user_ids
from django_site.sessions.contract import session_store
from django_site.sessions.replace import begin_anew
from shared.entries import PREFIX
from shared.errors import GatehouseError, SessionStoreUnavailable

log = logging.getLogger("gatehouse.principals")

INTERVAL_S = 30  # a change that sent no signal is seen within twice this
_OVERDUE_EVERY_S = 1.0
_TURN = f"{PREFIX}lock:reconcile"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What a rebuild did: people looked at, entries written, entries removed; keys likewise."""

    people: int
    written: int
    pruned: int
    keys_written: int = 0
    keys_pruned: int = 0


def _say_nothing(people: int) -> None:
    del people


def rebuild(*, progress: Callable[[int], None] = _say_nothing) -> Rebuilt:
    """Publish every principal and key that differs and remove those without a row.
    Bounded memory, any number of people.

    Idempotent, and safe beside live changes: what is newer than its own look stays. It is right
    whatever stood there before, after a flushed Redis or with a database restored from a backup.
    Raises SessionStoreUnavailable. ``progress`` is told how many people were looked at so far.
    """
    people = written = pruned = 0
    begin_anew()
    # First who is gone, then who is there: somebody deleted before and made anew meanwhile is met
    # by the second look.
    for ids in published_ids():
        gone = sorted(set(ids) - {id_of(pk) for pk in rows_of(ids).values_list("pk", flat=True)})
        pruned += correct_chunk(gone) if gone else 0
        progress(people)
    for ids in user_ids():
        written += correct_chunk(ids)
        people += len(ids)
        progress(people)
    keys_written, keys_pruned = _rebuild_keys()
    # the versions noted on the way are not needed any more:
    # a lost Redis's rebuild noted one for everybody
    begin_anew()
    return Rebuilt(
        people=people,
        written=written,
        pruned=pruned,
        keys_written=keys_written,
        keys_pruned=keys_pruned,
    )


def _rebuild_keys() -> tuple[int, int]:
    """Return how many entries of keys were written and removed; a site without keys has none."""
    if not apps.is_installed("django_site.keys"):
        return 0, 0
    from django_site.keys.publish import rebuild_keys

    keys = rebuild_keys()
    return keys.written, keys.pruned


class Reconciler:
    """A thread that repeats the database's truth,
    for changes that send no signal (``QuerySet.update``, raw SQL).

    Every server process has one; a lock in Redis lets one of them rebuild per interval. What an
    outage held back in this process is published within a second of Redis's return.
    """

    def __init__(self, *, interval_s: float = INTERVAL_S) -> None:
        self._interval_s = interval_s
        self._interval_ms = int(interval_s * 1000)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread; call it after any fork."""
        self._thread = threading.Thread(target=self._run, name="gatehouse-reconciler", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it. Idempotent."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while not self._stopping.wait(_OVERDUE_EVERY_S):
            try:
                publish_overdue()
                if self._is_my_turn():
                    rebuild(progress=self._go_on)
            except SessionStoreUnavailable:
                continue  # the store's own breaker and the next second are the retry
            except _Stopped:
                return
            except Exception:
                log.exception("reconciling failed; it is tried again")
                self._stopping.wait(self._interval_s)
            finally:
                close_old_connections()

    def _is_my_turn(self) -> bool:
        """Take the lock for one interval: whoever gets it rebuilds, wherever it runs."""
        return bool(
            session_store().write(
                lambda client: client.set(_TURN, "1", nx=True, px=self._interval_ms)
            )
        )

    def _go_on(self, people: int) -> None:
        """Keep the turn while a long rebuild goes on, or all processes would soon rebuild at once;
        end it when stopping."""
        del people
        if self._stopping.is_set():
            raise _Stopped("stopping")
        session_store().write(lambda client: client.set(_TURN, "1", px=self._interval_ms))


class _Stopped(GatehouseError):
    """Ends a rebuild whose process is shutting down."""
