"""Where jobs are kept: one Redis hash per job, and one sorted set per owner that lists them by time.

gatehouse:jobs:record:<job id>      hash, the fields of flask_api.jobs.record.Job and ``holder``
gatehouse:jobs:owner:<user id>      sorted set of job ids, newest last
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from flask_api.jobs.record import SUMMARY_FIELDS, Job, JobStatus, encode_field, format_time, from_fields, to_fields
from shared.entries import JOBS_PREFIX
from shared.errors import JobStoreUnavailable
from shared.redis import Client, Store, build_client

_LUA = Path(__file__).parent / "lua"
_CHUNK = 100
_MAX_SCANNED = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a listing. ``cursor`` asks for the next one; None when there is none."""

    jobs: tuple[Job, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """One attempt's claim on a job: every write is checked against it (a fence)."""

    job_id: str
    holder: str
    attempt: int


def record_key(job_id: str) -> str:
    """Name the hash of a job."""
    return f"{JOBS_PREFIX}record:{job_id}"


def owner_key(owner_id: str) -> str:
    """Name the sorted set of one person's jobs."""
    return f"{JOBS_PREFIX}owner:{owner_id}"


class JobStore:
    """Read and write job records. Thread-safe; blocks for the client's time-outs at most.

    Every method raises JobStoreUnavailable when Redis is away. Each write is one atomic script.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._submit = store.client.register_script((_LUA / "submit.lua").read_text())
        self._start = store.client.register_script((_LUA / "start.lua").read_text())
        self._update = store.client.register_script((_LUA / "update.lua").read_text())

    def add(self, job: Job) -> bool:
        """Make the job durable. False when its id is taken; idempotent in that sense."""
        arguments = [job.id]
        for name, value in to_fields(job).items():
            arguments += (name, value)
        keys = [record_key(job.id), owner_key(job.owner.id)]
        return bool(self._store.write(lambda client: self._submit(keys=keys, args=arguments, client=client)))

    def start(self, job_id: str, *, holder: str) -> Hold | None:
        """Begin the next attempt; None when the job is absent or not queued."""
        arguments = [holder, format_time(datetime.now(UTC))]
        attempt = self._store.write(lambda client: self._start(keys=[record_key(job_id)], args=arguments, client=client))
        return Hold(job_id=job_id, holder=holder, attempt=int(cast(int, attempt))) if attempt else None

    def update(self, hold: Hold, *, ttl_s: int = 0, **changes: Any) -> bool:
        """Write fields of the held job. False when the hold is lost: nothing was changed.

        Idempotent: writing the same again is harmless. ``ttl_s`` > 0 lets the record expire after so many seconds.
        """
        arguments: list[str | int] = [hold.holder, hold.attempt, ttl_s]
        for name, value in changes.items():
            arguments += (name, encode_field(name, value))
        keys = [record_key(hold.job_id)]
        return bool(self._store.write(lambda client: self._update(keys=keys, args=arguments, client=client)))

    def find(self, job_id: str) -> Job | None:
        """Return the job, or None when there is none."""
        fields = self._store.read(lambda client: client.hgetall(record_key(job_id)))
        return from_fields(job_id, cast(dict[str, str], fields)) if fields else None

    def find_status(self, job_id: str) -> JobStatus | None:
        """Return only the job's status: a cheap question for who waits."""
        status = self._store.read(lambda client: client.hget(record_key(job_id), "status"))
        return JobStatus(cast(str, status)) if status else None

    def list_of(
        self,
        owner_id: str,
        *,
        limit: int,
        cursor: str | None = None,
        status: JobStatus | None = None,
        task: str | None = None,
    ) -> Page:
        """Return one person's jobs, newest first, without their results.

        ``cursor`` is the id to go on after. One call looks at 2,000 jobs at most, so a filter that matches few may
        return a short page with a cursor.
        """
        found: list[Job] = []
        last = cursor
        for scanned, job in enumerate(self._newest_first(owner_id, cursor), start=1):
            if (status is None or job.status is status) and (task is None or job.task == task):
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
            yield from self._records(owner_id, ids)
            upper = f"({ids[-1]}"

    def _ids_below(self, owner_id: str, upper: str) -> list[str]:
        return cast(
            list[str],
            self._store.read(lambda client: client.zrevrangebylex(owner_key(owner_id), upper, "-", start=0, num=_CHUNK)),
        )

    def _records(self, owner_id: str, ids: list[str]) -> list[Job]:
        rows = self._store.read(lambda client: _read_summaries(client, ids))
        expired = [job_id for job_id, row in zip(ids, rows, strict=True) if not row]
        if expired:  # the records' time ran out: forget them here too
            self._store.write(lambda client: client.zrem(owner_key(owner_id), *expired))
        return [from_fields(job_id, row) for job_id, row in zip(ids, rows, strict=True) if row]


def open_job_store(url: str, *, timeout_s: float, max_connections: int) -> tuple[JobStore, Store]:
    """Return a job store on its own connections, and the seam beneath it for closing."""
    client = build_client(url, timeout_s=timeout_s, max_connections=max_connections)
    store = Store(client, unavailable=JobStoreUnavailable)
    return JobStore(store), store


def _read_summaries(client: Client, ids: list[str]) -> list[dict[str, str]]:
    with client.pipeline(transaction=False) as pipeline:
        for job_id in ids:
            pipeline.hmget(record_key(job_id), SUMMARY_FIELDS)
        return [_present(row) for row in pipeline.execute()]


def _present(row: list[str | None]) -> dict[str, str]:
    return {name: value for name, value in zip(SUMMARY_FIELDS, row, strict=True) if value is not None}
