"""Read jobs: one Redis hash per job, and one sorted set per owner that lists them by time
(flask_api.jobs.records.keyspace)."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import SUMMARY_FIELDS, Job, JobStatus, QueuedJob, from_fields
from shared.errors import JobStoreFull, JobStoreUnavailable
from shared.redis import RedisClient, RedisGateway, build_client
from shared.settings import ApiSettings

_CHUNK = 100
_MAX_SCANNED = 2_000
_SHOWN_FIELDS = (*SUMMARY_FIELDS, "result")
# Of a job that its owner deleted, until its files are deleted too: lua/remove.lua.
_DELETED = "deleted"
_UNFINISHED = (JobStatus.QUEUED, JobStatus.RUNNING)
# What is needed to begin a job: much less than what is shown of one, for many are read at once.
_TO_BEGIN = (
    "status", "task", "arguments", "owner_id", "batch", "priority", "max_attempts", "attempts",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a listing. ``cursor`` asks for the next one; None when there is none."""

    jobs: tuple[Job, ...]
    cursor: str | None


class Holder(NamedTuple):
    """How far a job is, and which process last held it; all empty when it is not there."""

    status: str
    attempt: int
    instance: str

    def holds(self, attempt: int) -> bool:
        """Tell whether this attempt of the job is still under way."""
        return self.status == JobStatus.RUNNING and self.attempt == attempt


class JobReader:
    """Reads job records. Thread-safe; blocks for the client's time-outs at most.

    Every method raises JobStoreUnavailable when Redis is away. Writes are the writer's.
    """

    def __init__(self, store: RedisGateway) -> None:
        self._store = store

    def find(self, job_id: str) -> Job | None:
        """Return the job, or None when there is none."""
        # Not HGETALL: waiting requests read often,
        # and its record may hold a state of 256 kB besides.
        row = self._store.read(lambda client: client.hmget(keyspace.record(job_id), _SHOWN_FIELDS))
        fields = _present(cast(list[str | None], row), _SHOWN_FIELDS)
        return from_fields(job_id, fields) if _is_there(fields) else None

    def find_many(self, job_ids: Sequence[str]) -> list[Job]:
        """Return the jobs that are there, without their results, in the order asked for."""
        rows = self._store.read(lambda client: _read_summaries(client, job_ids)) if job_ids else []
        return [
            from_fields(job_id, row)
            for job_id, row in zip(job_ids, rows, strict=True)
            if _is_there(row)
        ]

    def find_unfinished(self, job_ids: Sequence[str]) -> list[tuple[QueuedJob, bool]]:
        """Return what is needed to begin those that have not ended, and whether each waits."""
        if not job_ids:
            return []
        rows = self._store.read(lambda client: _read_fields(client, job_ids, _TO_BEGIN))
        return [
            (_queued_job(job_id, row), row[0] == JobStatus.QUEUED)
            for job_id, row in zip(job_ids, rows, strict=True)
            if row[0] in _UNFINISHED
        ]

    def read_log(self, job_id: str) -> list[str]:
        """Return the job's last log lines, each a JSON object."""
        return cast(
            list[str], self._store.read(lambda client: client.lrange(keyspace.log(job_id), 0, -1))
        )

    def find_status(self, job_id: str) -> JobStatus | None:
        """Return only the job's status: a cheap read for waiting requests."""
        status = self._store.read(lambda client: client.hget(keyspace.record(job_id), "status"))
        return JobStatus(cast(str, status)) if status and status != _DELETED else None

    def find_holders(self, job_ids: Sequence[str]) -> list["Holder"]:
        """Return how far each job is, and whose it is."""
        names = ("status", "attempt", "instance")
        rows = (
            self._store.read(lambda client: _read_fields(client, job_ids, names)) if job_ids else []
        )
        return [Holder(status or "", int(number or 0), name or "") for status, number, name in rows]

    def find_instances(self, job_ids: Sequence[str]) -> list[str]:
        """Return for each job which process last held it; empty when unknown."""
        found = self._store.read(lambda client: _read_instances(client, job_ids)) if job_ids else []
        return [instance or "" for instance in found]

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
    ) -> Page:
        """Return one person's jobs, newest first, without their results.

        ``cursor`` is the id to go on after. One call looks at 2,000 jobs at most, so a filter that
        matches few may return a short page with a cursor.
        """
        found: list[Job] = []
        last = cursor
        for scanned, job in enumerate(self._newest_first(owner_id, cursor), start=1):
            if (statuses is None or job.status in statuses) and (task is None or job.task == task):
                found.append(job)
            last = job.id
            if len(found) == limit or scanned == _MAX_SCANNED:
                break
        else:
            last = None
        return Page(jobs=tuple(found), cursor=last)

    def _newest_first(self, owner_id: str, cursor: str | None) -> Iterator[Job]:
        upper = f"({cursor}" if cursor else "+"
        while ids := self._ids_below(owner_id, upper):
            yield from self.find_many(ids)
            upper = f"({ids[-1]}"

    def _ids_below(self, owner_id: str, upper: str) -> list[str]:
        return cast(
            list[str],
            self._store.read(
                lambda client: client.zrevrangebylex(
                    keyspace.owner(owner_id), upper, "-", start=0, num=_CHUNK
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
    return RedisGateway(client, unavailable=JobStoreUnavailable, full=JobStoreFull)


def _read_fields(
    client: RedisClient, ids: Sequence[str], names: Sequence[str]
) -> list[list[str | None]]:
    with client.pipeline(transaction=False) as pipeline:
        for job_id in ids:
            pipeline.hmget(keyspace.record(job_id), names)
        return cast("list[list[str | None]]", pipeline.execute())


def _read_summaries(client: RedisClient, ids: Sequence[str]) -> list[dict[str, str]]:
    rows = _read_fields(client, ids, SUMMARY_FIELDS)
    return [_present(row, SUMMARY_FIELDS) for row in rows]


def _queued_job(job_id: str, row: Sequence[str | None]) -> QueuedJob:
    _, task, arguments, owner_id, batch, priority, max_attempts, attempts = row
    return QueuedJob(
        job_id=job_id,
        task=task or "",
        arguments=arguments or "{}",
        owner_id=owner_id or "",
        batch=batch or "",
        priority=int(priority or 0),
        max_attempts=int(max_attempts or 1),
        attempts=tuple(json.loads(attempts)) if attempts else (),
    )


def _is_there(fields: Mapping[str, str]) -> bool:
    return bool(fields) and fields["status"] != _DELETED


def _present(row: Sequence[str | None], asked: Sequence[str]) -> dict[str, str]:
    return {name: value for name, value in zip(asked, row, strict=True) if value is not None}


def _read_instances(client: RedisClient, job_ids: Sequence[str]) -> list[str | None]:
    with client.pipeline(transaction=False) as pipeline:
        for job_id in job_ids:
            pipeline.hget(keyspace.record(job_id), "instance")
        return cast("list[str | None]", pipeline.execute())
