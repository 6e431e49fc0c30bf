"""Forget ended jobs and uploaded files when their time is over: once per installation, not once per process."""

import logging
import time
from typing import cast

from flask_api.jobs import names
from flask_api.jobs.files import FileStore
from flask_api.jobs.ledger import REMEMBERED_S
from flask_api.jobs.uploads import Uploads
from shared.redis import Client, Store

log = logging.getLogger("gatehouse.jobs")

INTERVAL_S = 30
_AT_ONCE = 500
_STAGED_S = 3600


class Sweeper:
    """Removes results, log lines, files and list entries of expired jobs; a stub stays, to say 410 for a while."""

    def __init__(self, store: Store, files: FileStore, uploads: Uploads, *, interval_s: int = INTERVAL_S) -> None:
        self._store = store
        self._files = files
        self._uploads = uploads
        self._interval_s = interval_s

    def sweep(self) -> int:
        """Sweep if it is this process's turn; return how many jobs were forgotten. Raises JobStoreUnavailable."""
        mine = self._store.write(lambda client: client.set(names.SWEEP_TURN, "1", nx=True, ex=self._interval_s))
        total = 0
        if mine:
            self._remove_unaccepted()
            while self._uploads.sweep(limit=_AT_ONCE) == _AT_ONCE:
                pass
        while mine:
            forgotten = self._sweep_some()
            total += forgotten
            if forgotten < _AT_ONCE:
                break
        return total

    def _remove_unaccepted(self) -> None:
        """Remove the records of batches that were staged long ago and never accepted: their process died, or gave up."""
        long_ago = time.time() - _STAGED_S
        batches = self._store.read(lambda client: client.zrangebyscore(names.STAGED, "-inf", long_ago))
        for batch in cast(list[str], batches):
            self._store.write(lambda client, batch=batch: _remove_batch(client, batch))  # type: ignore[misc]

    def _sweep_some(self) -> int:
        now = time.time()
        jobs = cast(
            list[str],
            self._store.read(lambda client: client.zrangebyscore(names.EXPIRING, "-inf", now, start=0, num=_AT_ONCE)),
        )
        if not jobs:
            return 0
        rows = self._store.read(lambda client: _owners_and_files(client, jobs))
        for job, (_, files, _) in zip(jobs, rows, strict=True):
            if files:
                self._files.delete_all(job)
        owners = [owner for owner, _, _ in rows]
        batches = {batch for _, _, batch in rows if batch}
        self._store.write(lambda client: _forget(client, jobs, owners, batches))
        return len(jobs)


def _owners_and_files(client: Client, jobs: list[str]) -> list[list[str | None]]:
    with client.pipeline(transaction=False) as pipeline:
        for job in jobs:
            pipeline.hmget(names.record(job), ["owner_id", "files", "batch"])
        return pipeline.execute()


def _forget(client: Client, jobs: list[str], owners: list[str | None], batches: set[str]) -> None:
    with client.pipeline(transaction=False) as pipeline:
        for job, owner in zip(jobs, owners, strict=True):
            pipeline.hdel(names.record(job), "result", "arguments", "error", "attempts", "progress", "files", "state")
            # Not when it ended: a time to live on each of 100,000 kept records made every later job dearer.
            pipeline.expire(names.record(job), REMEMBERED_S)
            pipeline.delete(names.log(job))
            if owner is not None:
                pipeline.zrem(names.owner(owner), job)
        for batch in batches:
            pipeline.expire(names.members(batch), REMEMBERED_S)
        pipeline.zrem(names.EXPIRING, *jobs)  # last: if we die before, the next sweep does it again
        pipeline.execute()


def _remove_batch(client: Client, batch: str) -> None:
    members = cast(list[str], client.lrange(names.members(batch), 0, -1))
    for first in range(0, len(members), _AT_ONCE):
        client.delete(*map(names.record, members[first : first + _AT_ONCE]))
    client.delete(names.members(batch))
    client.zrem(names.STAGED, batch)
