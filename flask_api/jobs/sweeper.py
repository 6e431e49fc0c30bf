"""Forget ended jobs and uploaded files when their time is over: once per installation, not once per process."""

import logging
import threading
import time
from pathlib import Path
from typing import cast

from flask_api.jobs import names
from flask_api.jobs.files import FileStore
from flask_api.jobs.ledger import REMEMBERED_S
from flask_api.jobs.uploads import Uploads
from shared.errors import JobStoreUnavailable
from shared.redis import Client, Script, Store

log = logging.getLogger("gatehouse.jobs")

INTERVAL_S = 30
_AT_ONCE = 500
_STAGED_S = 3600
_FORGET = Path(__file__).parent / "lua" / "forget.lua"


class Sweeper:
    """Removes results, log lines, files and list entries of expired jobs; a stub stays, to say 410 for a while."""

    def __init__(self, store: Store, files: FileStore, uploads: Uploads, *, interval_s: int = INTERVAL_S) -> None:
        self._store = store
        self._files = files
        self._uploads = uploads
        self._interval_s = interval_s
        self._forget = Script.read(_FORGET)
        self._stopping = threading.Event()

    def run(self, *, every_s: float) -> None:
        """Sweep now and then until :meth:`stop`. For a thread of its own: it may take minutes."""
        while not self._stopping.wait(every_s):
            try:
                self.sweep()
            except JobStoreUnavailable:
                log.debug("not swept: Redis is away")
            except Exception:
                log.exception("a sweep failed; the next one tries again")

    def stop(self) -> None:
        """End the sweep that is under way, soon: what it leaves is for the next one. Doesn't block."""
        self._stopping.set()

    def sweep(self) -> int:
        """Sweep if it is this process's turn; return how many jobs were forgotten. Raises JobStoreUnavailable."""
        mine = self._store.write(lambda client: client.set(names.SWEEP_TURN, "1", nx=True, ex=self._interval_s))
        total = 0
        if mine:
            self._remove_unaccepted()
            while self._uploads.sweep(limit=_AT_ONCE) == _AT_ONCE and not self._stopping.is_set():
                pass
        while mine and not self._stopping.is_set():
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
        jobs = self._forget_some()
        if not jobs:
            return 0
        rows = self._store.read(lambda client: _owners_and_files(client, jobs))
        done = [(job, row) for job, row in zip(jobs, rows, strict=True) if not row[1] or self._has_no_files(job)]
        if done:
            self._store.write(lambda client: _remove_rest(client, done))
        return len(done)

    def _has_no_files(self, job: str) -> bool:
        """Delete a job's files; False when that can't be done now: one that can't be deleted must not keep all others."""
        if self._stopping.is_set():
            return False
        try:
            self._files.delete_all(job)
        except OSError:
            log.exception("the files of an expired job can't be deleted; tried again later", extra={"job_id": job})
            return False
        return True

    def _forget_some(self) -> list[str]:
        """Return jobs whose time is over. Their arguments are gone: from here on they can't be retried."""
        now = time.time()
        due = cast(
            list[str],
            self._store.read(lambda client: client.zrangebyscore(names.EXPIRING, "-inf", now, start=0, num=_AT_ONCE)),
        )
        keys = [names.EXPIRING, *map(names.record, due)]
        answers = self._store.run(self._forget, keys, [now, *due]) if due else []
        return [job for job, is_forgotten in zip(due, answers, strict=True) if is_forgotten]


def _owners_and_files(client: Client, jobs: list[str]) -> list[list[str | None]]:
    with client.pipeline(transaction=False) as pipeline:
        for job in jobs:
            pipeline.hmget(names.record(job), ["owner_id", "files", "batch"])
        return pipeline.execute()


def _remove_rest(client: Client, rows: list[tuple[str, list[str | None]]]) -> None:
    with client.pipeline(transaction=False) as pipeline:
        for job, (owner, _, _) in rows:
            pipeline.hdel(names.record(job), "files")
            # Not when it ended: a time to live on each of 100,000 kept records made every later job dearer.
            pipeline.expire(names.record(job), REMEMBERED_S)
            pipeline.delete(names.log(job))
            if owner is not None:
                pipeline.zrem(names.owner(owner), job)
        for batch in {batch for _, (_, _, batch) in rows if batch}:
            pipeline.expire(names.members(batch), REMEMBERED_S)
        pipeline.zrem(names.EXPIRING, *(job for job, _ in rows))  # last: if we die before, the next sweep does it again
        pipeline.execute()


def _remove_batch(client: Client, batch: str) -> None:
    members = cast(list[str], client.lrange(names.members(batch), 0, -1))
    for first in range(0, len(members), _AT_ONCE):
        client.delete(*map(names.record, members[first : first + _AT_ONCE]))
    client.delete(names.members(batch))
    client.zrem(names.STAGED, batch)
