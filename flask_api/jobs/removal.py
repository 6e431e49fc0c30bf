"""Take away what a person keeps: ended jobs when their time is over or on request, batches,
records never accepted.

Each step is one atomic script that counts what it frees; between the steps files are deleted. Who
dies in between leaves the rest to the sweeper, which finds it by the same entries.
"""

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple, cast

from flask_api.jobs.files.storage import FileStore
from flask_api.jobs.files.uploads import UNDELETED_S
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.events import DELETED, EVENTS_KEPT, deleted_batch_event
from flask_api.jobs.records.job_writer import REMEMBERED_S
from flask_api.jobs.records.scripts import load_scripts
from flask_api.jobs.sharing.shares import forget, names_of
from shared.clock import JOBS_CLOCK
from shared.redis import RedisClient, RedisGateway

log = logging.getLogger("gatehouse.jobs")

AT_ONCE = 500
# of one person: each is there to say 410 for a week, and all together must not fill Redis
STUBS_KEPT = 10_000
_EXPIRED, _DELETED, _WITH_BATCH = "expired", "deleted", "with batch"
_GONE, _HAS_FILES = 1, 2
_ROW_FIELDS = ("owner_id", "key", "batch", "finished_at", "expires_at")
BATCH = "batch:"  # before the id of a batch, among ids of jobs


class _Row(NamedTuple):
    """What must be known of a job to remove it."""

    job: str
    owner: str
    key: str  # entry of its Idempotency-Key; '' none
    batch: str = ""
    ttl_s: float = 0.0  # how long it is kept once it has ended


class Removal:
    """Removes jobs and batches. Thread-safe; raises JobStoreUnavailable while Redis is away.
    Works while Redis is full."""

    def __init__(self, store: RedisGateway, files: FileStore) -> None:
        self._store = store
        self._files = files
        self._scripts = load_scripts()
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Delete no more files of expired jobs: what is left is for the next sweep.
        Doesn't block."""
        self._stopping.set()

    def expire(self, due: Sequence[str]) -> list[str]:
        """Remove those of these jobs, and 'batch:<id>', whose time is over, but a stub;
        return those that are gone."""
        batches = [each.removeprefix(BATCH) for each in due if each.startswith(BATCH)]
        rows = self._rows([each for each in due if not each.startswith(BATCH)])
        gone = [
            job for owner, alike in _by_owner(rows) for job in self._remove(owner, alike, _EXPIRED)
        ]
        for batch in batches:
            self._end_batch(batch, "expire")
        owners = {row.owner for row in rows} | {self._owner_of(batch) for batch in batches}
        for owner in owners - {""}:
            self._trim_stubs(owner)
        return gone + [f"{BATCH}{batch}" for batch in batches]

    def postpone(self, due: Sequence[str]) -> frozenset[str]:
        """Return those of these jobs whose time is over and whose batch's is not: they are
        forgotten with it, and are asked about again by then."""
        rows = [row for row in self._rows([e for e in due if not e.startswith(BATCH)]) if row.batch]
        batches = sorted({row.batch for row in rows})
        ends = dict(zip(batches, self._store.read(lambda c: _ends(c, batches)), strict=True))
        now, later = JOBS_CLOCK.now(), {}
        for row in rows:
            is_unfinished, batch_due = ends[row.batch]
            if is_unfinished:
                later[row.job] = now + max(
                    row.ttl_s, 1.0
                )  # not after the batch: that ends from now on
            elif batch_due > now:
                later[row.job] = batch_due
        if later:
            self._postpone(later)
        return frozenset(later)

    def _postpone(self, later: Mapping[str, float]) -> None:
        """Have these jobs looked at again at a later moment each: also while Redis is full."""
        arguments = [each for job, moment in later.items() for each in (moment, job)]
        self._store.run(self._scripts["postpone"], [keyspace.EXPIRING], arguments)

    def delete(self, job_id: str) -> bool:
        """Remove an ended job on its owner's request. False: it has not ended. Idempotent."""
        rows = self._rows([job_id])
        return bool(self._remove(rows[0].owner, rows, _DELETED, event=DELETED))

    def delete_batch(self, batch_id: str) -> bool:
        """Remove an ended batch with all of its jobs, on its owner's request. False:
        some have not ended. Idempotent."""
        if not self._end_batch(batch_id, "mark"):
            return False
        self.finish_batch(batch_id)
        return True

    def finish_batch(self, batch_id: str) -> None:
        """Remove the jobs and the rest of a batch that was marked as deleted,
        or was never accepted."""
        members = self._store.read(
            lambda client: cast("list[str]", client.lrange(keyspace.members(batch_id), 0, -1))
        )
        for first in range(0, len(members), AT_ONCE):
            chunk = members[first : first + AT_ONCE]
            for owner, rows in _by_owner(self._rows(chunk)):
                if len(self._remove(owner, rows, _WITH_BATCH)) < len(rows):
                    return  # some files can't be deleted now: the sweeper tries again
        self._end_batch(batch_id, "remove")

    def _remove(self, owner: str, rows: Sequence[_Row], mode: str, *, event: str = "") -> list[str]:
        """Remove jobs of one person, and their files; return those that are gone."""
        answers = self._run(owner, rows, mode, event, files_are_deleted=False)
        by_answer = list(zip(rows, answers, strict=True))
        gone = [row.job for row, answer in by_answer if answer == _GONE]
        emptied = [
            row for row, answer in by_answer if answer == _HAS_FILES and self._delete_files(row.job)
        ]
        if emptied:
            answers = self._run(owner, emptied, mode, "", files_are_deleted=True)
            gone += [
                row.job for row, answer in zip(emptied, answers, strict=True) if answer == _GONE
            ]
        self._end_shares(owner, frozenset(gone))
        if mode == _DELETED:  # what the sweeper must finish is gone for its person already
            return gone or [row.job for row, answer in by_answer if answer == _HAS_FILES]
        return gone

    def _end_shares(self, owner: str, jobs: frozenset[str]) -> None:
        """Remove what is left of the shares of jobs that are gone; they open nothing any more."""
        if jobs:
            names = names_of(self._store, owner)
            forget(self._store, owner, [name for name in names if name.partition(":")[0] in jobs])

    def _run(
        self, owner: str, rows: Sequence[_Row], mode: str, event: str, *, files_are_deleted: bool
    ) -> list[int]:
        keys = [
            keyspace.kept(owner),
            keyspace.EXPIRING,
            keyspace.owner(owner),
            keyspace.events(owner),
            keyspace.stubs(owner),
        ]
        for row in rows:
            keys += (
                keyspace.record(row.job),
                keyspace.log(row.job),
                row.key or keyspace.events(owner),
            )
        arguments: list[Any] = [
            mode,
            JOBS_CLOCK.now(),
            REMEMBERED_S,
            "1" if files_are_deleted else "",
            EVENTS_KEPT,
            event,
        ]
        arguments += [row.job for row in rows]
        return cast("list[int]", self._store.run(self._scripts["remove"], keys, arguments))

    def _end_batch(self, batch_id: str, step: str) -> bool:
        fields = self._store.read(
            lambda client: client.hmget(keyspace.batch(batch_id), ["owner_id", "key"])
        )
        owner, key = (value or "" for value in cast("list[str | None]", fields))
        keys = [
            keyspace.batch(batch_id),
            keyspace.members(batch_id),
            keyspace.ended(batch_id),
            keyspace.STAGED,
            keyspace.EXPIRING,
        ]
        keys += [
            keyspace.batches(owner),
            keyspace.kept(owner),
            keyspace.events(owner),
            key or keyspace.events(owner),
            keyspace.stubs(owner),
        ]
        arguments = [batch_id, step, REMEMBERED_S, EVENTS_KEPT, deleted_batch_event(batch_id)]
        return bool(self._store.run(self._scripts["end_batch"], keys, arguments))

    def _owner_of(self, batch_id: str) -> str:
        return cast(
            "str",
            self._store.read(lambda client: client.hget(keyspace.batch(batch_id), "owner_id"))
            or "",
        )

    def _delete_files(self, job: str) -> bool:
        """Delete a job's files; False when that can't be done now:
        one that can't be deleted must not keep all others."""
        if self._stopping.is_set():
            return False
        try:
            self._files.delete_all(job)
        except Exception:  # each file system has errors of its own
            log.exception(
                "the files of a job can't be deleted; tried again later", extra={"job_id": job}
            )
            # behind the others: so many of these would else be all that a sweep looks at
            self._postpone({job: JOBS_CLOCK.now() + UNDELETED_S})
            return False
        return True

    def _rows(self, jobs: Sequence[str]) -> list[_Row]:
        fields = self._store.read(lambda client: _read(client, jobs)) if jobs else []
        return [
            _Row(job, owner or "", key or "", batch or "", _seconds(finished_at, expires_at))
            for job, (owner, key, batch, finished_at, expires_at) in zip(jobs, fields, strict=True)
        ]

    def _trim_stubs(self, owner: str) -> None:
        excess = (
            int(self._store.read(lambda client: client.llen(keyspace.stubs(owner)))) - STUBS_KEPT
        )
        if excess > 0:
            self._store.write(lambda client: _forget_stubs(client, owner, min(excess, STUBS_KEPT)))


def _by_owner(rows: Sequence[_Row]) -> Iterator[tuple[str, list[_Row]]]:
    for owner, alike in groupby(sorted(rows, key=lambda row: row.owner), key=lambda row: row.owner):
        yield owner, list(alike)


def _read(client: RedisClient, jobs: Sequence[str]) -> list[list[str | None]]:
    with client.pipeline(transaction=False) as pipeline:
        for job in jobs:
            pipeline.hmget(keyspace.record(job), _ROW_FIELDS)
        return cast("list[list[str | None]]", pipeline.execute())


def _seconds(first: str | None, last: str | None) -> float:
    if not (first and last):
        return 0.0
    return (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()


def _ends(client: RedisClient, batches: Sequence[str]) -> list[tuple[bool, float]]:
    """Return of each batch whether it has unfinished jobs, and when it is forgotten (0: it is)."""
    with client.pipeline(transaction=False) as pipeline:
        for batch in batches:
            pipeline.hget(keyspace.batch(batch), "unfinished")
            pipeline.zscore(keyspace.EXPIRING, f"{BATCH}{batch}")
        answers = pipeline.execute()
    return [
        (int(unfinished or 0) > 0, float(due or 0))
        for unfinished, due in zip(answers[::2], answers[1::2], strict=True)
    ]


def _forget_stubs(client: RedisClient, owner: str, count: int) -> None:
    """Remove a person's oldest stubs. Who dies in between leaves them to their time to live."""
    forgotten = cast("list[str]", client.lpop(keyspace.stubs(owner), count) or [])
    with client.pipeline(transaction=False) as pipeline:
        for each in forgotten:
            pipeline.hget(_stub(each), "key")
        keys = [key or _stub(each) for each, key in zip(forgotten, pipeline.execute(), strict=True)]
        values = client.mget(keys) if keys else []
        for each, key, value in zip(forgotten, keys, values, strict=True):
            pipeline.unlink(_stub(each))
            if str(value).endswith(f" {each.removeprefix(BATCH)}"):  # not another's by now
                pipeline.unlink(key)
        pipeline.execute()


def _stub(entry: str) -> str:
    return (
        keyspace.batch(entry.removeprefix(BATCH))
        if entry.startswith(BATCH)
        else keyspace.record(entry)
    )
