"""Read jobs: one Redis hash per job, and one sorted set per owner that lists them by time
(flask_api.jobs.records.keyspace)."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import takewhile
from typing import NamedTuple, cast

from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import (
    OUTCOMES,
    SUMMARY_FIELDS,
    Job,
    JobStatus,
    QueuedJob,
    from_fields,
    slot_in,
)
from flask_api.jobs.records.reading.pages import PAGE_BYTES, Filling, Page, pieces
from flask_api.jobs.records.reading.tail import read_tail
from flask_api.jobs.records.scripts import load_scripts
from shared.errors import JobStoreFull, JobStoreUnavailable
from shared.redis import RedisClient, RedisGateway, build_client
from shared.redis.finder import server_of
from shared.settings import ApiSettings

_CHUNK = 100
_MAX_SCANNED = 2_000
_SHOWN_FIELDS = (*SUMMARY_FIELDS, "result")
# Of a job that its owner deleted, until its files are deleted too: lua/remove.lua.
_DELETED = "deleted"
_UNFINISHED = (JobStatus.QUEUED, JobStatus.RUNNING)
# What may be large. Its bytes are asked for first.
_TEXTS, _OUTCOME_TEXTS = ("arguments", "attempts", "error", "files"), ("result", "error")
_HEAD_FIELDS = tuple(name for name in SUMMARY_FIELDS if name not in _TEXTS)
_RESULT_FIELDS = (*_HEAD_FIELDS, *_OUTCOME_TEXTS)
# What is needed to begin a job: much less than what is shown of one, for many are read at once.
_TO_CHOOSE = ("status", "task", "owner_id", "batch", "priority", "max_attempts")
_TO_BEGIN = (*_TO_CHOOSE, "arguments", "attempts", "start_at")


class Holder(NamedTuple):
    """How far a job is, which process last held it, and in which slot it ended; all empty when it
    is not there."""

    status: str
    attempt: int
    instance: str
    slot: int | None = None

    def holds(self, attempt: int) -> bool:
        """Tell whether this attempt of the job is still under way."""
        return self.status == JobStatus.RUNNING and self.attempt == attempt


class JobReader:
    """Reads job records. Thread-safe; blocks for the client's time-outs at most.

    Every method raises JobStoreUnavailable when Redis is away. Writes are the writer's.
    """

    def __init__(self, store: RedisGateway) -> None:
        self._store = store
        self._measure = load_scripts()["measure"]

    def find(self, job_id: str) -> Job | None:
        """Return the job, or None when there is none."""
        # Not HGETALL: waiting requests read often,
        # and its record may hold a state of 256 kB besides.
        row = self._store.read(lambda client: client.hmget(keyspace.record(job_id), _SHOWN_FIELDS))
        fields = _present(cast(list[str | None], row), _SHOWN_FIELDS)
        if not _is_there(fields):
            return None
        return self._until_their_batch([from_fields(job_id, fields)])[0]

    def find_many(self, job_ids: Sequence[str]) -> list[Job]:
        """Return the jobs that are there, without their results, in the order asked for."""
        return self.find_measured(self.measure(job_ids))

    def find_heads(self, job_ids: Sequence[str]) -> list[Job]:
        """Return the jobs that are there as :meth:`find_many`, without all that may be large:
        arguments, errors, earlier attempts, files."""
        return self._read(dict.fromkeys(job_ids, 0), _HEAD_FIELDS)

    def find_results(self, job_ids: Sequence[str]) -> list[Job]:
        """Return the first of these jobs with their results, as long as they have ended: as many as
        one round trip may carry. Of one that has expired there is only what its stub has."""
        sizes = self.measure(job_ids, statuses=OUTCOMES, texts=_OUTCOME_TEXTS)
        ended = takewhile(sizes.__contains__, job_ids)
        first = next(pieces({job_id: sizes[job_id] for job_id in ended}), {})
        return self._read(first, _RESULT_FIELDS)

    def fill(
        self,
        page: Filling,
        job_ids: Sequence[str],
        *,
        statuses: Collection[JobStatus] | None = None,
        task: str | None = None,
    ) -> str | None:
        """Read those of these jobs that fit into a page, without their results. Return None when
        all were looked at, else the id of the last one read, empty when there was room for none."""
        sizes = self.measure(job_ids, statuses=statuses, task=task)
        taken = page.take(sizes)
        page.jobs += self.find_measured(taken)
        is_whole = len(taken) == len(sizes) and page.limit > 0
        return None if is_whole else next(reversed(taken), "")

    def measure(
        self,
        job_ids: Sequence[str],
        *,
        statuses: Collection[JobStatus] | None = None,
        task: str | None = None,
        texts: Sequence[str] = _TEXTS,
    ) -> dict[str, int]:
        """Return those of these jobs that are there, in one of these states and of this task, and
        how many bytes such texts of theirs have."""
        if not job_ids:
            return {}
        keys, wanted = [keyspace.record(job_id) for job_id in job_ids], " ".join(statuses or ())
        arguments = ["" if task is None else task, f" {wanted} " if wanted else "", *texts]
        sizes = self._store.read(lambda client: self._measure.run(client, keys, arguments))
        found = zip(job_ids, cast("list[int]", sizes), strict=True)
        return {job_id: size for job_id, size in found if size >= 0}

    def find_unfinished(
        self, job_ids: Sequence[str], *, only_to_choose: bool = False
    ) -> list[tuple[QueuedJob, bool]]:
        """Return what is needed to begin those that have not ended, and whether each waits.
        ``only_to_choose`` among them: without arguments and earlier attempts."""
        names: Sequence[str] = _TO_CHOOSE if only_to_choose else _TO_BEGIN
        sizes = (
            dict.fromkeys(job_ids, 0)
            if only_to_choose
            else self.measure(job_ids, statuses=_UNFINISHED)
        )
        return [
            (_queued_job(job_id, row), row["status"] == JobStatus.QUEUED)
            for job_id, row in self._rows(sizes, names)
            if row.get("status") in _UNFINISHED
        ]

    def find_measured(self, sizes: Mapping[str, int]) -> list[Job]:
        """Return jobs as :meth:`find_many`, of which :meth:`measure` said how large they are."""
        return self._read(sizes, SUMMARY_FIELDS)

    def _read(self, sizes: Mapping[str, int], names: Sequence[str]) -> list[Job]:
        rows = self._rows(sizes, names)
        jobs = [from_fields(job_id, row) for job_id, row in rows if _is_there(row)]
        return jobs if names is _RESULT_FIELDS else self._until_their_batch(jobs)

    def _until_their_batch(self, jobs: list[Job]) -> list[Job]:
        """Return the jobs; ended ones of batches expire when their batch does, which none does
        before it has ended (flask_api.jobs.removal)."""
        batches = sorted({job.batch for job in jobs if job.batch and job.status.is_outcome})
        if not batches:
            return jobs
        found = self._store.read(lambda client: _read_expiries(client, batches))
        until = dict(zip(batches, found, strict=True))
        return [
            replace(job, expires_at=until[job.batch])
            if job.batch in until and job.status.is_outcome
            else job
            for job in jobs
        ]

    def _rows(
        self, sizes: Mapping[str, int], names: Sequence[str]
    ) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield such fields of jobs of these sizes: in as many round trips as their bytes need."""
        for piece in pieces(sizes):
            rows = self._store.read(
                lambda client: read_fields(client, list(piece), names),  # noqa: B023  # run at once
                is_large=True,
            )
            yield from (
                (job_id, _present(row, names)) for job_id, row in zip(piece, rows, strict=True)
            )

    def read_log(self, job_id: str) -> list[str]:
        """Return the job's last log lines, each a JSON object: as many as a page may have bytes."""
        return read_tail(self._store, keyspace.log(job_id))

    def find_status(self, job_id: str) -> JobStatus | None:
        """Return only the job's status: a cheap read for waiting requests."""
        status = self._store.read(lambda client: client.hget(keyspace.record(job_id), "status"))
        return JobStatus(cast(str, status)) if status and status != _DELETED else None

    def find_holders(self, job_ids: Sequence[str]) -> list["Holder"]:
        """Return how far each job is, and whose it is."""
        names = ("status", "attempt", "instance", "slot")
        rows = (
            self._store.read(lambda client: read_fields(client, job_ids, names)) if job_ids else []
        )
        return [
            Holder(status or "", int(number or 0), name or "", slot_in(slot, status))
            for status, number, name, slot in rows
        ]

    def find_instances(self, job_ids: Sequence[str]) -> list[str]:
        """Return for each job which process last held it; empty when unknown."""
        return [each.instance for each in self.find_holders(job_ids)]

    def find_instance(self, job_id: str) -> str:
        """Return which process last held the job; empty when unknown."""
        return self.find_instances([job_id])[0]

    def list_of(
        self,
        owner_id: str,
        *,
        limit: int,
        cursor: str | None = None,
        statuses: Collection[JobStatus] | None = None,
        task: str | None = None,
        most_bytes: int = PAGE_BYTES,
    ) -> Page:
        """Return one person's jobs, newest first, without their results.

        ``cursor`` is the id to go on after. One call looks at 2,000 jobs at most, and reads 4 MB of
        what matches, or one job: so a page may be short and have a cursor.
        """
        page, last, scanned = Filling(limit=limit, room=most_bytes), cursor, 0
        is_filtered = statuses is not None or task is not None
        while scanned < _MAX_SCANNED:
            most = min(_CHUNK if is_filtered else page.limit, _CHUNK, _MAX_SCANNED - scanned)
            ids = self._ids_below(owner_id, f"({last}" if last else "+", most)
            end = self.fill(page, ids, statuses=statuses, task=task)
            if end is not None:
                return Page(jobs=tuple(page.jobs), cursor=end or last)
            if len(ids) < most:
                return Page(jobs=tuple(page.jobs), cursor=None)
            last, scanned = ids[-1], scanned + most
        return Page(jobs=tuple(page.jobs), cursor=last)

    def _ids_below(self, owner_id: str, upper: str, most: int) -> list[str]:
        return cast(
            list[str],
            self._store.read(
                lambda client: client.zrevrangebylex(
                    keyspace.owner(owner_id), upper, "-", start=0, num=most
                )
            ),
        )


def open_job_connections(
    settings: ApiSettings, *, connections: int | None = None, timeout_ms: int | None = None
) -> RedisGateway:
    """Return the seam to the jobs' Redis, on connections of its own; it connects on first use."""
    client = build_client(
        settings.job_store_url,
        timeout_s=(timeout_ms or settings.redis_timeout_ms) / 1000,
        max_connections=connections or settings.redis_connections,
    )
    place = {"server": server_of(settings.job_store_url), "settings": settings.job_store_variable}
    return RedisGateway(client, unavailable=JobStoreUnavailable, full=JobStoreFull, place=place)


def read_fields(
    client: RedisClient, ids: Sequence[str], names: Sequence[str]
) -> list[list[str | None]]:
    """Return such fields of each of these records, in one round trip."""
    with client.pipeline(transaction=False) as pipeline:
        for job_id in ids:
            pipeline.hmget(keyspace.record(job_id), names)
        return cast("list[list[str | None]]", pipeline.execute())


def _read_expiries(client: RedisClient, batches: Sequence[str]) -> list[datetime | None]:
    with client.pipeline(transaction=False) as pipeline:
        for batch in batches:
            pipeline.hget(keyspace.batch(batch), "expires_at")
        return [datetime.fromisoformat(each) if each else None for each in pipeline.execute()]


def _queued_job(job_id: str, row: Mapping[str, str]) -> QueuedJob:
    attempts, start_at = row.get("attempts"), row.get("start_at")
    return QueuedJob(
        job_id=job_id,
        task=row.get("task", ""),
        arguments=row.get("arguments", "{}"),
        owner_id=row.get("owner_id", ""),
        batch=row.get("batch", ""),
        priority=int(row.get("priority", 0)),
        max_attempts=int(row.get("max_attempts", 1)),
        attempts=tuple(json.loads(attempts)) if attempts else (),
        due_at=datetime.fromisoformat(start_at).timestamp() if start_at else 0.0,
    )


def _is_there(fields: Mapping[str, str]) -> bool:
    return bool(fields) and fields["status"] != _DELETED


def _present(row: Sequence[str | None], asked: Sequence[str]) -> dict[str, str]:
    return {name: value for name, value in zip(asked, row, strict=True) if value is not None}
