"""The engine's writes: each one atomic script,
each fenced by the set of jobs that this process holds.

A process that was paused, declared dead and adopted finds its set gone:
every write of its former attempts changes nothing.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from types import MappingProxyType
from typing import Any, NamedTuple, cast

from flask_api.jobs.records import keyspace
from flask_api.jobs.records.acceptance import Acceptance, Answer, IdempotencyKey, answer_of
from flask_api.jobs.records.events import CANCEL_REQUESTED, batch_event, report_event, state_event
from flask_api.jobs.records.holdings import Holdings
from flask_api.jobs.records.job import (
    Job,
    JobStatus,
    Launch,
    Member,
    encode_field,
    format_time,
    to_fields,
)
from flask_api.jobs.records.usage import UNBOUNDED, Quota
from shared.redis import Store

EVENTS_KEPT = 10_000
LOG_LINES_KEPT = 2_000
IDEMPOTENCY_KEPT_S = 86_400
REMEMBERED_S = 7 * 86_400  # an expired job is remembered so long, to say 410 instead of 404


class Ending(NamedTuple):
    """How one attempt ends: with an outcome, or ``queued`` again at ``due_at`` (seconds since
    1970).

    ``changes`` are fields of the record as they are stored.
    """

    launch: Launch
    attempt: int
    status: JobStatus
    changes: Mapping[str, str] = MappingProxyType({})
    due_at: float | None = None


class Ledger(Holdings):
    """Writes on behalf of one instance, within what each person may keep. Thread-safe.

    Every method raises JobStoreUnavailable when Redis is away, and JobStoreFull, one of its kind,
    when its memory is full.
    """

    def __init__(self, store: Store, quota: Quota = UNBOUNDED) -> None:
        super().__init__(store)
        self._quota = quota

    def accept(
        self,
        job: Job,
        *,
        instance: str,
        limit: int,
        idempotency: IdempotencyKey | None = None,
        start_at: float | None = None,
    ) -> Answer:
        """Make a job durable and this instance's, queued or running as it says; or say why not."""
        keys = [
            keyspace.record(job.id),
            keyspace.owner(job.owner.id),
            keyspace.opened(job.owner.id),
            keyspace.held(instance),
            keyspace.INSTANCES,
            keyspace.DELAYED,
            _key_entry(job.owner.id, idempotency),
            keyspace.events(job.owner.id),
            keyspace.kept(job.owner.id),
        ]
        digest = idempotency.body_digest if idempotency else ""
        due = "" if start_at is None else start_at
        event = state_event(job.status, task=job.task)
        arguments = [job.id, instance, limit, due, digest, IDEMPOTENCY_KEPT_S, EVENTS_KEPT, event]
        arguments += [
            self._quota.bytes,
            self._quota.ended,
            len(job.arguments.encode()),
            *_flat(to_fields(job)),
        ]
        return answer_of(self._run("submit", keys, arguments))

    def find_known(self, owner_id: str, idempotency: IdempotencyKey | None) -> Answer | None:
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
            Answer(Acceptance.KNOWN, known=known)
            if digest == idempotency.body_digest
            else Answer(Acceptance.CONFLICT)
        )

    def stage(
        self, pattern: Job, members: Sequence[Member], *, first: int, batch: str, instance: str
    ) -> Answer | None:
        """Write records of a batch that is not accepted yet;
        the sweeper removes them if it never is.

        ``pattern`` has what they have in common, ``first`` is the position of the first of these.
        Returns why they were not written, None when they were.
        """
        common = {**to_fields(pattern), "instance": instance}
        del common["arguments"]
        keys = [keyspace.STAGED, keyspace.members(batch), keyspace.kept(pattern.owner.id)]
        keys += [keyspace.record(job_id) for job_id, _ in members]
        stored: list[Any] = [batch, time.time(), self._quota.bytes, len(common), *_flat(common)]
        for position, (job_id, arguments) in enumerate(members, start=first):
            stored += (job_id, arguments, position)
        kept = cast(int, self._run("stage", keys, stored))
        return None if kept < 0 else Answer(Acceptance.BYTES, kept=kept)

    def accept_batch(
        self,
        batch: str,
        fields: Mapping[str, Any],
        *,
        owner_id: str,
        instance: str,
        limit: int,
        idempotency: IdempotencyKey | None = None,
    ) -> Answer:
        """Make all staged jobs of a batch durable and this instance's, or none."""
        keys = [
            keyspace.batch(batch),
            keyspace.members(batch),
            keyspace.held(instance),
            keyspace.opened(owner_id),
            keyspace.INSTANCES,
            _key_entry(owner_id, idempotency),
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
            *_flat(fields),
        ]
        return answer_of(self._run("accept_batch", keys, arguments))

    def turn(
        self,
        instance: str,
        *,
        endings: Sequence[Ending] = (),
        beginnings: Sequence[Launch] = (),
        ttl_s: int = 0,
        force: bool = False,
    ) -> list[int]:
        """End attempts and begin others in one round trip.
        Either must be of one person and one batch.

        ``ttl_s``: how long those that end with an outcome are kept. Returns for each ending 1, 2
        when it failed because its result does not fit in what its person may keep, 0 when the job
        is no longer ours; for each beginning its attempt, 0 when it may not begin,
        negative when its cancel was asked for. ``force``: even if Redis is full.
        """
        now = time.time()
        ended = endings[0].launch if endings else _NOTHING
        begun = beginnings[0] if beginnings else _NOTHING
        keys = [
            keyspace.held(instance),
            keyspace.DELAYED,
            keyspace.EXPIRING,
            keyspace.cancels(instance),
            *_shared_keys(ended),
            *_shared_keys(begun),
            keyspace.kept(ended.owner_id),
            keyspace.kept(begun.owner_id),
        ]
        keys += [keyspace.record(ending.launch.job_id) for ending in endings]
        keys += [keyspace.record(launch.job_id) for launch in beginnings]
        expires_at = now + ttl_s
        arguments = [
            instance,
            _moment(now),
            EVENTS_KEPT,
            expires_at,
            _moment(expires_at),
            self._quota.bytes,
        ]
        arguments += [ended.batch, begun.batch, len(endings)]
        for ending in endings:
            arguments += _ending(ending)
        arguments += [launch.job_id for launch in beginnings]
        return cast(list[int], self._run("turn_by_force" if force else "turn", keys, arguments))

    def report(
        self,
        launch: Launch,
        *,
        instance: str,
        attempt: int,
        changes: Mapping[str, Any] | None = None,
        lines: Sequence[str] = (),
        file_bytes: int | None = None,
    ) -> int:
        """Write progress, files or log lines. ``file_bytes``:
        how many bytes the job's files have, or are about to have.

        Returns 0: go on, 1: its cancel was asked for, -1: no longer ours, -2: it is more than the
        person may keep, -3: the files are.
        """
        fields = {name: encode_field(name, value) for name, value in (changes or {}).items()}
        event = report_event(changes or {}, lines) if changes or lines else ""
        return self.note(
            launch,
            fields,
            instance=instance,
            attempt=attempt,
            event=event,
            lines=lines,
            file_bytes=file_bytes,
        )

    def note(
        self,
        launch: Launch,
        fields: Mapping[str, str],
        *,
        instance: str,
        attempt: int,
        event: str = "",
        lines: Sequence[str] = (),
        file_bytes: int | None = None,
    ) -> int:
        """Write fields of a running job's record as they are stored; answers as :meth:`report`."""
        keys = [
            keyspace.record(launch.job_id),
            keyspace.held(instance),
            keyspace.log(launch.job_id),
            keyspace.events(launch.owner_id),
        ]
        keys.append(keyspace.kept(launch.owner_id))
        arguments = [launch.job_id, attempt, LOG_LINES_KEPT, EVENTS_KEPT, event, self._quota.bytes]
        arguments += [
            "" if file_bytes is None else file_bytes,
            self._quota.file_bytes,
            len(fields),
            *_flat(fields),
            *lines,
        ]
        return cast(int, self._run("report", keys, arguments))

    def cancel(self, job: Job, *, instance: str, ttl_s: int) -> str:
        """Cancel a queued job, or ask for it when it runs: see cancel.lua for the answers."""
        now = time.time()
        batch = job.batch or ""
        expires_at = datetime.fromtimestamp(now + ttl_s, UTC)
        keys = [
            keyspace.record(job.id),
            keyspace.held(instance),
            keyspace.cancels(instance),
            keyspace.DELAYED,
            keyspace.ORPHANS,
            keyspace.opened(job.owner.id),
            keyspace.EXPIRING,
            keyspace.events(job.owner.id),
            keyspace.batch(batch),
            keyspace.ended(batch),
            keyspace.kept(job.owner.id),
        ]
        arguments = [
            job.id,
            instance,
            format_time(datetime.fromtimestamp(now, UTC)),
            now + ttl_s,
            format_time(expires_at),
            batch,
            EVENTS_KEPT,
            state_event(JobStatus.CANCELLED),
            CANCEL_REQUESTED,
        ]
        return str(self._run("cancel", keys, arguments))

    def retry(self, job: Job, *, instance: str, attempts: int, limit: int) -> Answer:
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
        return answer_of(self._run("retry", keys, arguments))


_NOTHING = Launch(job_id="", task="", arguments="", owner_id="")


def _key_entry(owner_id: str, idempotency: IdempotencyKey | None) -> str:
    # Without a key none is looked up, but a script's keys are of a fixed number.
    return (
        keyspace.idempotency(owner_id, idempotency.key)
        if idempotency
        else keyspace.events(owner_id)
    )


def _shared_keys(launch: Launch) -> list[str]:
    owner, batch = launch.owner_id, launch.batch
    return [
        keyspace.opened(owner),
        keyspace.events(owner),
        keyspace.batch(batch),
        keyspace.ended(batch),
    ]


def _ending(ending: Ending) -> list[Any]:
    fields = ending.changes
    return [
        ending.launch.job_id,
        ending.attempt,
        ending.status.value,
        ending.due_at or 0,
        len(fields),
        *_flat(fields),
    ]


def _moment(seconds: float) -> str:
    return format_time(datetime.fromtimestamp(seconds, UTC))


def _flat(fields: Mapping[str, Any]) -> Iterable[Any]:
    return chain.from_iterable(fields.items())
