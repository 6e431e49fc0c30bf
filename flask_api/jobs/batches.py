"""Many jobs of one task, accepted all or none:
the batch as a value, how it is stored, and its results as they come."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Any, cast

from flask_api.jobs.errors import JobExpired
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.acceptance import Acceptance, Acceptances, IdempotencyKey, SubmitAnswer
from flask_api.jobs.records.job import Job, JobStatus, Member, Owner, format_time
from flask_api.jobs.records.job_reader import JobReader
from flask_api.jobs.records.reading.pages import Filling
from flask_api.jobs.removal import Removal
from shared.clock import JOBS_CLOCK
from shared.errors import JobStoreFull
from shared.redis import RedisClient, RedisGateway

_STAGED_AT_ONCE = 250
_READ_AT_ONCE = 100
_MOST_SCANNED = 2_000
_MOST_LOOKED_AT = 1_000  # batches, for those that are not over


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A batch and how far it is. ``counts`` has a number for each status of its jobs."""

    id: str
    task: str
    owner: Owner
    total: int
    counts: dict[JobStatus, int]
    submitted_at: datetime
    finished_at: datetime | None = None
    expires_at: datetime | None = None

    @property
    def done(self) -> int:
        """How many of its jobs have ended."""
        return sum(count for status, count in self.counts.items() if status.is_outcome)


class Batches:
    """Stores and reads batches. Thread-safe; raises JobStoreUnavailable when Redis is away."""

    def __init__(self, store: RedisGateway, acceptances: Acceptances, removal: Removal) -> None:
        self._store = store
        self.acceptances = acceptances
        self._removal = removal
        self._reader = JobReader(store)

    def accept(
        self,
        batch: Batch,
        pattern: Job,
        members: Sequence[Member],
        *,
        instance: str,
        limit: int,
        idempotency: IdempotencyKey | None,
    ) -> SubmitAnswer:
        """Make a batch durable: the records are staged first,
        then all of them are accepted at once, or none.

        ``pattern`` has what its jobs have in common.
        """
        answer = self._stage(batch.id, pattern, members, instance)
        if answer is None:
            answer = self.acceptances.accept_batch(
                batch.id,
                _fields(batch),
                owner_id=batch.owner.id,
                instance=instance,
                limit=limit,
                idempotency=idempotency,
            )
            # else refused batches would fill Redis until they are swept
            if answer.acceptance is not Acceptance.ACCEPTED:
                self._removal.finish_batch(batch.id)
        return answer

    def _stage(
        self, batch_id: str, pattern: Job, members: Sequence[Member], instance: str
    ) -> SubmitAnswer | None:
        """Write the records; if they don't fit, remove what was written, and return why."""
        answer = None
        try:
            for first in range(0, len(members), _STAGED_AT_ONCE):
                staged = members[first : first + _STAGED_AT_ONCE]
                answer = self.acceptances.stage(
                    pattern, staged, first=first, batch=batch_id, instance=instance
                )
                if answer is not None:
                    break
        except JobStoreFull:
            self._removal.finish_batch(batch_id)
            raise
        if answer is not None:
            self._removal.finish_batch(batch_id)
        return answer

    def list_of(
        self, owner_id: str, *, limit: int, cursor: str | None = None
    ) -> tuple[list[Batch], str | None]:
        """Return one page of a person's batches, newest first, and the cursor of the next one."""
        upper = f"({cursor}" if cursor else "+"
        key = keyspace.batches(owner_id)
        ids = cast(
            "list[str]",
            self._store.read(
                lambda client: client.zrevrangebylex(key, upper, "-", start=0, num=limit)
            ),
        )
        stored = self._store.read(lambda client: _read(client, ids)) if ids else []
        found = [_batch(each, row) for each, row in zip(ids, stored, strict=True) if _is_there(row)]
        return found, ids[-1] if len(ids) == limit else None

    def under_way(self, owner_id: str, *, limit: int) -> list[Batch]:
        """Return a person's batches that have not ended, newest first, wherever they stand in the
        list: among the newest thousand. One command where nothing of the person's is unfinished."""
        if not self._store.read(lambda client: client.scard(keyspace.opened(owner_id))):
            return []
        key = keyspace.batches(owner_id)
        found = self._store.read(
            lambda client: client.zrevrangebylex(key, "+", "-", start=0, num=_MOST_LOOKED_AT)
        )
        ids = cast("list[str]", found)
        ends = self._store.read(lambda client: _read_ends(client, ids)) if ids else []
        first = [each for each, end in zip(ids, ends, strict=True) if end is None][:limit]
        stored = self._store.read(lambda client: _read(client, first)) if first else []
        batches = [
            _batch(each, row) for each, row in zip(first, stored, strict=True) if _is_there(row)
        ]
        return [batch for batch in batches if batch.finished_at is None]

    def find(self, batch_id: str) -> Batch | None:
        """Return the batch, or None when there is none."""
        stored = self._store.read(
            lambda client: cast("dict[str, str]", client.hgetall(keyspace.batch(batch_id)))
        )
        return _batch(batch_id, stored) if _is_there(stored) else None

    def members(self, batch_id: str) -> list[str]:
        """Return the ids of its jobs in the order of submission."""
        return cast(
            "list[str]",
            self._store.read(lambda client: client.lrange(keyspace.members(batch_id), 0, -1)),
        )

    def jobs_of(
        self,
        batch: Batch,
        *,
        after: int,
        limit: int,
        statuses: Collection[JobStatus] | None = None,
    ) -> tuple[list[Job], int | None]:
        """Return a page of its jobs from number ``after`` on, without their results, in the order
        of submission, and the number to go on from, None at the end.

        One call looks at 2,000 of them at most, and reads 4 MB or one job, so a page may be short.
        """
        page, at = Filling(limit=limit), after
        while at < min(batch.total, after + _MOST_SCANNED):
            ids = self._members_from(batch.id, at)
            last = self._reader.fill(page, ids, statuses=statuses)
            if last is not None:
                at += ids.index(last) + 1 if last else 0
                break
            at += len(ids) or batch.total
        return page.jobs, at if at < batch.total else None

    def _members_from(self, batch_id: str, first: int) -> list[str]:
        key, last = keyspace.members(batch_id), first + _READ_AT_ONCE - 1
        return cast("list[str]", self._store.read(lambda client: client.lrange(key, first, last)))

    def results(self, batch: Batch, *, in_order: bool, after: int) -> Iterator[Job | None]:
        """Yield ended jobs with their results, from number ``after`` on,
        as they end or in the order of submission.

        None when there is none just now: go on to look again. Raises JobExpired when they are gone,
        as versions that forgot a batch's jobs before the batch left them.
        """
        key = keyspace.members(batch.id) if in_order else keyspace.ended(batch.id)
        first = self._next_results(key, after)
        return self._go_on(batch, key, first, after=after)

    def _go_on(
        self, batch: Batch, key: str, jobs: list[Job], *, after: int
    ) -> Iterator[Job | None]:
        yield from jobs
        position = after + len(jobs)
        while position < batch.total:
            try:
                jobs = self._next_results(key, position)
            except JobExpired:  # the lines before are out: who goes on from there is told
                return
            yield from jobs
            position += len(jobs)
            if not jobs:
                yield None

    def _next_results(self, key: str, position: int) -> list[Job]:
        """Return the next ones, as many as one round trip may carry."""
        last = position + _READ_AT_ONCE - 1
        ids = cast("list[str]", self._store.read(lambda client: client.lrange(key, position, last)))
        jobs = list(takewhile(_is_whole, found := self._reader.find_results(ids)))
        if found and not jobs:
            raise JobExpired("Results of the batch expired before its last jobs ended.")
        return jobs


def _read(client: RedisClient, ids: Sequence[str]) -> list[dict[str, str]]:
    with client.pipeline(transaction=False) as pipeline:
        for batch_id in ids:
            pipeline.hgetall(keyspace.batch(batch_id))
        return cast("list[dict[str, str]]", pipeline.execute())


def _read_ends(client: RedisClient, ids: Sequence[str]) -> list[str | None]:
    with client.pipeline(transaction=False) as pipeline:
        for batch_id in ids:
            pipeline.hget(keyspace.batch(batch_id), "finished_at")
        return cast("list[str | None]", pipeline.execute())


def _is_there(stored: Mapping[str, str]) -> bool:
    return bool(stored) and "is_deleted" not in stored


def _is_whole(job: Job) -> bool:
    """Tell whether this is not a stub: that has no batch."""
    return job.batch is not None


def _fields(batch: Batch) -> dict[str, Any]:
    return {
        "task": batch.task,
        "owner_id": batch.owner.id,
        "owner_username": batch.owner.username,
        "total": batch.total,
        "unfinished": batch.total,
        "submitted_at": format_time(batch.submitted_at),
        **{status.value: count for status, count in batch.counts.items()},
    }


def _batch(batch_id: str, stored: dict[str, str]) -> Batch:
    return Batch(
        id=batch_id,
        task=stored["task"],
        owner=Owner(id=stored["owner_id"], username=stored["owner_username"]),
        total=int(stored["total"]),
        counts={status: int(stored.get(status.value, 0)) for status in JobStatus},
        submitted_at=datetime.fromisoformat(stored["submitted_at"]),
        finished_at=_time(stored.get("finished_at")),
        expires_at=_time(stored.get("expires_at")),
    )


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def new_batch(batch_id: str, *, task: str, owner: Owner, total: int) -> Batch:
    """Return a batch whose jobs are all queued."""
    counts = dict.fromkeys(JobStatus, 0) | {JobStatus.QUEUED: total}
    return Batch(
        id=batch_id,
        task=task,
        owner=owner,
        total=total,
        counts=counts,
        submitted_at=JOBS_CLOCK.moment(),
    )
