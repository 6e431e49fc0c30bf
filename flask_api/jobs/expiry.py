"""Forget ended jobs and uploaded files when their time is over:
once per installation, not once per process.

What is left of people who are gone is seen to in the same thread (flask_api.jobs.deleted_owners),
and what each process counted is added to the history (flask_api.jobs.history).
"""

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import cast

from flask_api.jobs.deleted_owners import DeletedOwners
from flask_api.jobs.files.storage import FileStore
from flask_api.jobs.files.uploads import Uploads
from flask_api.jobs.history.hours import write_hours
from flask_api.jobs.history.tally import Tally
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.scripts import load_scripts
from flask_api.jobs.removal import AT_ONCE, BATCH, Removal
from shared.clock import JOBS_CLOCK
from shared.errors import StoreUnavailable
from shared.redis import RedisGateway

log = logging.getLogger("gatehouse.jobs")

INTERVAL_S = 30
_STAGED_S = 3600


class Sweeper:
    """Removes results, log lines, files and list entries of expired jobs;
    a stub stays, to say 410 for a while."""

    def __init__(
        self,
        store: RedisGateway,
        files: FileStore,
        uploads: Uploads,
        *,
        deleted_owners: DeletedOwners | None = None,
        tally: Tally | None = None,
    ) -> None:
        self._store = store
        self._removal = Removal(store, files)
        self._uploads = uploads
        self._deleted_owners = deleted_owners
        self._tally = tally
        self._take_turn = load_scripts()["take_sweep_turn"]
        self._stopping = threading.Event()

    def run(self, *, every_s: float) -> None:
        """Sweep now and then until :meth:`stop`. For a thread of its own: it may take minutes."""
        steps = [self.sweep]
        if self._deleted_owners is not None:
            steps.insert(0, self._deleted_owners.visit)
        if self._tally is not None:
            steps.insert(0, partial(write_hours, self._store, self._tally))
        while not self._stopping.wait(every_s):
            for step in steps:
                _try(step)

    def stop(self) -> None:
        """End the sweep that is under way, soon: what it leaves is for the next one.
        Doesn't block."""
        self._stopping.set()
        self._removal.stop()
        if self._deleted_owners is not None:
            self._deleted_owners.stop()

    def sweep(self) -> int:
        """Sweep if it is this process's turn; return how many jobs were forgotten.
        Raises JobStoreUnavailable."""
        if not self._store.run(self._take_turn, [keyspace.SWEEP_TURN], [INTERVAL_S]):
            return 0
        self._finish_batches()
        while self._uploads.sweep(limit=AT_ONCE) == AT_ONCE and not self._stopping.is_set():
            pass
        total = 0
        while not self._stopping.is_set():
            gone, seen_to = self._sweep_some()
            total += sum(not each.startswith(BATCH) for each in gone)
            if seen_to < AT_ONCE:
                break
        return total

    def _finish_batches(self) -> None:
        """Remove batches that were staged long ago and never accepted, and deleted ones:
        their process died, or gave up."""
        long_ago = JOBS_CLOCK.now() - _STAGED_S
        batches = self._store.read(
            lambda client: client.zrangebyscore(keyspace.STAGED, "-inf", long_ago)
        )
        for batch in cast("list[str]", batches):
            try:
                self._removal.finish_batch(batch)
            except StoreUnavailable:
                raise
            except Exception:  # of one batch: all else that is due goes
                log.exception("a batch can't be removed; tried again", extra={"batch": batch})

    def _sweep_some(self) -> tuple[list[str], int]:
        """Return what is gone, and how much of what was due needs no other look now."""
        now = JOBS_CLOCK.now()
        due = self._store.read(
            lambda client: client.zrangebyscore(
                keyspace.EXPIRING, "-inf", now, start=0, num=AT_ONCE
            )
        )
        if not due:
            return [], 0
        later = self._removal.postpone(cast("list[str]", due))
        gone = self._removal.expire([each for each in cast("list[str]", due) if each not in later])
        return gone, len(gone) + len(later)


def _try(step: Callable[[], int]) -> None:
    try:
        step()
    except StoreUnavailable:
        log.debug("not swept: Redis is away")
    except Exception:
        log.exception("a sweep failed; the next one tries again")
