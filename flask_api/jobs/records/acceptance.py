"""Accept jobs, each by one atomic script: accepted, known from before, or refused, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, cast

from flask_api.jobs.errors import (
    IdempotencyConflict,
    PersonQuotaExceeded,
    QuotaReached,
    TooManyUnfinished,
)
from flask_api.jobs.group_commit import Entry, GroupCommit
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.events import EVENTS_KEPT, batch_event, state_event
from flask_api.jobs.records.job import Job, JobStatus, Member, flat, to_fields
from flask_api.jobs.records.scripts import load_scripts
from flask_api.jobs.records.usage import JOB_BYTES, UNBOUNDED, Quota
from shared.clock import JOBS_CLOCK
from shared.errors import JobStoreUnavailable
from shared.redis import RedisClient, RedisGateway

IDEMPOTENCY_KEPT_S = 86_400
_SLOW = "Redis is slow just now; try again shortly."
_ENTRY_BYTES = 1_000  # what a submit's keys and other fields take on their way, about
_FAILED = "failed"


class Acceptance(StrEnum):
    """What became of a submit."""

    ACCEPTED = "accepted"
    KNOWN = "known"  # the same Idempotency-Key and body were accepted before
    CONFLICT = "conflict"  # the same Idempotency-Key with another body
    FULL = "full"  # the person has too many unfinished jobs
    ENDED = "ended"  # the person keeps too many ended jobs
    BYTES = "bytes"  # the person keeps too many bytes
    LOST = "lost"  # this process was declared dead and must register again
    SWEPT = (
        "swept"  # a batch whose records were removed meanwhile: this process was away for an hour
    )


class SubmitAnswer(NamedTuple):
    """A submit's answer: ``known`` is the earlier job or batch,
    ``unfinished`` the person's unfinished jobs.

    ``kept`` is how many ended jobs, or bytes, the person keeps, when these are too many.
    """

    acceptance: Acceptance
    known: str = ""
    unfinished: int = 0
    kept: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyKey:
    """A client's key and the SHA-256 hex of what it was sent with; it is forgotten with its job,
    unless it ``outlives_job``."""

    key: str
    body_digest: str
    outlives_job: bool = False


def answer_of(raw: Any) -> SubmitAnswer:
    """Return what a script that accepts has answered: see lua/submit.lua."""
    word, *more = cast(list[Any], raw)
    acceptance = Acceptance(word)
    if acceptance is Acceptance.KNOWN:
        return SubmitAnswer(acceptance=acceptance, known=str(more[0]))
    if acceptance in (Acceptance.ENDED, Acceptance.BYTES):
        return SubmitAnswer(acceptance=acceptance, kept=int(more[0]))
    return SubmitAnswer(acceptance=acceptance, unfinished=int(more[0]) if more else 0)


class Acceptances:
    """Writes what is accepted on behalf of one instance, within what each person may keep.
    Thread-safe. Every method raises JobStoreUnavailable while Redis is away, and JobStoreFull, one
    of its kind, while its memory is full. ``patience_s``: how long a submit waits for the round
    trip before its own.
    """

    def __init__(
        self, store: RedisGateway, quota: Quota = UNBOUNDED, *, patience_s: float = 1.0
    ) -> None:
        self._store = store
        self._quota = quota
        self._scripts = load_scripts()
        self._commits = GroupCommit[SubmitAnswer | None](
            self._submit_all, patience_s=patience_s, too_slow=lambda: JobStoreUnavailable(_SLOW)
        )

    def accept(
        self,
        job: Job,
        *,
        instance: str,
        limit: int,
        idempotency: IdempotencyKey | None = None,
        start_at: float | None = None,
    ) -> SubmitAnswer:
        """Make a job durable and this instance's, queued or running as it says; or say why not.

        Those of several threads are written together: see flask_api.jobs.group_commit.
        """
        entry = _entry(job, (instance, limit), idempotency, start_at)
        # What an error stopped among others raises that error alone.
        return self._commits.run(entry) or answer_of(self._submit([entry])[0])

    def _submit_all(self, entries: Sequence[Entry]) -> list[SubmitAnswer | None]:
        """Accept jobs in one round trip; None for one that an error stopped, of several."""
        return [None if raw[0] == _FAILED else answer_of(raw) for raw in self._submit(entries)]

    def _submit(self, entries: Sequence[Entry]) -> list[list[Any]]:
        instance, limit = entries[0].kind
        keys = [keyspace.held(instance), keyspace.INSTANCES, keyspace.DELAYED]
        arguments = [instance, limit, IDEMPOTENCY_KEPT_S, EVENTS_KEPT]
        arguments += [self._quota.bytes, self._quota.ended]
        for entry in entries:
            keys += entry.keys
            arguments += entry.arguments
        return cast(list[list[Any]], self._store.run(self._scripts["submit"], keys, arguments))

    def is_accepted(self, job_id: str, *, owner_id: str) -> bool:
        """Tell whether there is a job of this id. Raises IdempotencyConflict for another
        person's."""
        found = self._store.read(lambda client: client.hget(keyspace.record(job_id), "owner_id"))
        if found not in (None, owner_id):
            raise IdempotencyConflict("There is a job of this id, and it is not this person's.")
        return found is not None

    def find_known(self, owner_id: str, idempotency: IdempotencyKey | None) -> SubmitAnswer | None:
        """Return what became of an earlier submit with this key, None when there was none."""
        stored = (
            self._store.get(keyspace.idempotency(owner_id, idempotency.key))
            if idempotency
            else None
        )
        if idempotency is None or stored is None:
            return None
        digest, _, known = stored.partition(" ")
        return (
            SubmitAnswer(Acceptance.KNOWN, known=known)
            if digest == idempotency.body_digest
            else SubmitAnswer(Acceptance.CONFLICT)
        )

    def require_room(self, owner_id: str, members: Sequence[Member], *, limit: int) -> None:
        """Raise what a batch of these jobs would be refused for: before its records are written,
        which costs as much as if it were accepted."""

        def look(client: RedisClient) -> list[Any]:
            with client.pipeline(transaction=False) as pipeline:
                pipeline.scard(keyspace.opened(owner_id))
                pipeline.hmget(keyspace.kept(owner_id), ["ended", "bytes"])
                return pipeline.execute()

        unfinished, kept = self._store.read(look)
        ended, kept_bytes = (int(each or 0) for each in kept)
        more = sum(JOB_BYTES + len(arguments.encode()) for _, arguments in members)
        answer = SubmitAnswer(Acceptance.ACCEPTED)
        if unfinished + len(members) > limit:
            answer = SubmitAnswer(Acceptance.FULL, unfinished=unfinished)
        elif ended >= self._quota.ended:
            answer = SubmitAnswer(Acceptance.ENDED, kept=ended)
        elif kept_bytes + more > self._quota.bytes:
            answer = SubmitAnswer(Acceptance.BYTES, kept=kept_bytes)
        self.check(answer, limit=limit, count=len(members))

    def check(self, answer: SubmitAnswer, *, limit: int, count: int = 1) -> None:
        """Raise what a refusal of so many jobs means: IdempotencyConflict, TooManyUnfinished or
        PersonQuotaExceeded."""
        if answer.acceptance is Acceptance.CONFLICT:
            raise IdempotencyConflict("The Idempotency-Key was used before, with another body.")
        if answer.acceptance is Acceptance.FULL:
            these = f", and this batch has {count}" if count > 1 else ""
            message = (
                f"You have {answer.unfinished} unfinished jobs{these}; "
                f"at most {limit} are accepted."
            )
            raise TooManyUnfinished(message, limit=limit, unfinished=answer.unfinished)
        if answer.acceptance in (Acceptance.ENDED, Acceptance.BYTES):
            raise _over_quota(answer, self._quota)

    def stage(
        self, pattern: Job, members: Sequence[Member], *, first: int, batch: str, instance: str
    ) -> SubmitAnswer | None:
        """Write records of a batch that is not accepted yet;
        the sweeper removes them if it never is.

        ``pattern`` has what they have in common, ``first`` is the position of the first of these.
        Returns why they were not written, None when they were.
        """
        common = {**to_fields(pattern), "instance": instance}
        del common["arguments"]
        keys = [keyspace.STAGED, keyspace.members(batch), keyspace.kept(pattern.owner.id)]
        keys += [keyspace.record(job_id) for job_id, _ in members]
        stored: list[Any] = [batch, JOBS_CLOCK.now(), self._quota.bytes, len(common), *flat(common)]
        for position, (job_id, arguments) in enumerate(members, start=first):
            stored += (job_id, arguments, position)
        kept = cast(int, self._store.run(self._scripts["stage"], keys, stored))
        return None if kept < 0 else SubmitAnswer(Acceptance.BYTES, kept=kept)

    def accept_batch(
        self,
        batch: str,
        fields: Mapping[str, Any],
        *,
        owner_id: str,
        instance: str,
        limit: int,
        idempotency: IdempotencyKey | None = None,
    ) -> SubmitAnswer:
        """Make all staged jobs of a batch durable and this instance's, or none."""
        keys = [
            keyspace.batch(batch),
            keyspace.members(batch),
            keyspace.held(instance),
            keyspace.opened(owner_id),
            keyspace.INSTANCES,
            keyspace.idempotency(owner_id, idempotency.key if idempotency else None),
            keyspace.events(owner_id),
            keyspace.STAGED,
            keyspace.kept(owner_id),
            keyspace.batches(owner_id),
        ]
        digest = idempotency.body_digest if idempotency else ""
        event = batch_event(batch, total=fields["total"], task=fields["task"])
        arguments = [
            batch,
            instance,
            limit,
            digest,
            IDEMPOTENCY_KEPT_S,
            EVENTS_KEPT,
            event,
            self._quota.ended,
            *flat(fields),
        ]
        return answer_of(self._store.run(self._scripts["accept_batch"], keys, arguments))

    def retry(self, job: Job, *, instance: str, attempts: int, limit: int) -> SubmitAnswer:
        """Queue a failed or cancelled job again, held by this instance;
        CONFLICT for a job in any other state."""
        owner = job.owner.id
        keys = [
            keyspace.record(job.id),
            keyspace.held(instance),
            keyspace.opened(owner),
            keyspace.EXPIRING,
            keyspace.events(owner),
            keyspace.INSTANCES,
            keyspace.cancels(instance),
            keyspace.kept(owner),
        ]
        arguments = [job.id, instance, attempts, limit, EVENTS_KEPT, state_event(JobStatus.QUEUED)]
        arguments.append(self._quota.bytes)
        return answer_of(self._store.run(self._scripts["retry"], keys, arguments))


def _over_quota(answer: SubmitAnswer, quota: Quota) -> PersonQuotaExceeded:
    if answer.acceptance is Acceptance.ENDED:
        message = (
            f"You keep {answer.kept} ended jobs; at most {quota.ended} may be kept: delete some."
        )
        reached = QuotaReached(kind="ended_jobs", used=answer.kept, limit=quota.ended)
    else:
        message = (
            f"Your jobs keep {answer.kept} bytes of at most {quota.bytes}, and this does not fit: "
            "delete ended jobs."
        )
        reached = QuotaReached(kind="bytes", used=answer.kept, limit=quota.bytes)
    return PersonQuotaExceeded(message, quota=reached)


def _entry(
    job: Job,
    kind: tuple[Any, ...],
    idempotency: IdempotencyKey | None,
    start_at: float | None,
) -> Entry:
    keys = keyspace.of_submit(job.id, job.owner.id, idempotency.key if idempotency else None)
    fields, text_bytes = to_fields(job), len(job.arguments.encode())
    arguments = (
        job.id,
        "" if start_at is None else start_at,
        idempotency.body_digest if idempotency else "",
        state_event(job.status, task=job.task),
        text_bytes,
        "1" if idempotency and not idempotency.outlives_job else "",
        len(fields),
        *flat(fields),
    )
    return Entry(keys, arguments, kind, text_bytes + _ENTRY_BYTES)
