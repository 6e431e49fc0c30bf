"""The engine's writes: each one atomic script, each fenced by the set of jobs that this process holds.

A process that was paused, declared dead and adopted finds its set gone: every write of its former attempts changes nothing.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, cast

from flask_api.jobs import names
from flask_api.jobs.event_json import CANCEL_REQUESTED, batch_event, report_event, state_event
from flask_api.jobs.record import Job, JobStatus, Launch, Member, encode_field, format_time, to_fields
from shared.redis import Client, Script, Store

_LUA = Path(__file__).parent / "lua"
EVENTS_KEPT = 10_000
LOG_LINES_KEPT = 2_000
IDEMPOTENCY_KEPT_S = 86_400
REMEMBERED_S = 7 * 86_400  # an expired job is remembered so long, to say 410 instead of 404


class Acceptance(StrEnum):
    """What became of a submit."""

    ACCEPTED = "accepted"
    KNOWN = "known"  # the same Idempotency-Key and body were accepted before
    CONFLICT = "conflict"  # the same Idempotency-Key with another body
    FULL = "full"  # the person has too many unfinished jobs
    LOST = "lost"  # this process was declared dead and must register anew


class Answer(NamedTuple):
    """A submit's answer: ``known`` is the earlier job or batch, ``unfinished`` the person's unfinished jobs."""

    acceptance: Acceptance
    known: str = ""
    unfinished: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyKey:
    """A client's key and the SHA-256 hex of what it was sent with."""

    key: str
    body_digest: str


class Ending(NamedTuple):
    """How one attempt ends: with an outcome, or ``queued`` again at ``due_at`` (seconds since 1970).

    ``changes`` are fields of the record as they are stored.
    """

    launch: Launch
    attempt: int
    status: JobStatus
    changes: Mapping[str, str] = MappingProxyType({})
    due_at: float | None = None


class Ledger:
    """Writes on behalf of one instance. Thread-safe; every method raises JobStoreUnavailable when Redis is away."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._scripts = {path.stem: Script.read(path) for path in _LUA.glob("*.lua")}

    def accept(
        self, job: Job, *, instance: str, limit: int, idempotency: IdempotencyKey | None = None, start_at: float | None = None
    ) -> Answer:
        """Make a job durable and this instance's, queued or running as it says; or say why not."""
        keys = [
            names.record(job.id),
            names.owner(job.owner.id),
            names.opened(job.owner.id),
            names.held(instance),
            names.INSTANCES,
            names.DELAYED,
            _key_entry(job.owner.id, idempotency),
            names.events(job.owner.id),
        ]
        digest = idempotency.body_digest if idempotency else ""
        due = "" if start_at is None else start_at
        event = state_event(job.status, task=job.task)
        arguments = [job.id, instance, limit, due, digest, IDEMPOTENCY_KEPT_S, EVENTS_KEPT, event, *_flat(to_fields(job))]
        return _answer(self._run("submit", keys, arguments))

    def stage(self, pattern: Job, members: Sequence[Member], *, first: int, batch: str, instance: str) -> None:
        """Write records of a batch that is not accepted yet; the sweeper removes them if it never is.

        ``pattern`` has what they have in common, ``first`` is the position of the first of these.
        """
        common = {**to_fields(pattern), "instance": instance}
        del common["arguments"]
        keys = [names.STAGED, names.members(batch), *(names.record(job_id) for job_id, _ in members)]
        stored: list[Any] = [batch, time.time(), len(common), *_flat(common)]
        for position, (job_id, arguments) in enumerate(members, start=first):
            stored += (job_id, arguments, position)
        self._run("stage", keys, stored)

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
            names.batch(batch),
            names.members(batch),
            names.held(instance),
            names.opened(owner_id),
            names.INSTANCES,
            _key_entry(owner_id, idempotency),
            names.events(owner_id),
            names.STAGED,
        ]
        digest = idempotency.body_digest if idempotency else ""
        event = batch_event(batch, total=fields["total"], task=fields["task"])
        arguments = [batch, instance, limit, digest, IDEMPOTENCY_KEPT_S, EVENTS_KEPT, event, len(fields), *_flat(fields)]
        return _answer(self._run("accept_batch", keys, arguments))

    def turn(
        self, instance: str, *, endings: Sequence[Ending] = (), beginnings: Sequence[Launch] = (), ttl_s: int = 0
    ) -> list[int]:
        """End attempts and begin others in one round trip. Either must be of one person and one batch.

        ``ttl_s``: how long those that end with an outcome are kept. Returns for each ending 1, or 0 when the job is no longer
        ours; for each beginning its attempt, 0 when it may not begin, negative when its cancel was asked for.
        """
        now = time.time()
        ended = endings[0].launch if endings else _NOTHING
        begun = beginnings[0] if beginnings else _NOTHING
        keys = [
            names.held(instance),
            names.DELAYED,
            names.EXPIRING,
            names.cancels(instance),
            *_shared_keys(ended),
            *_shared_keys(begun),
        ]
        keys += [names.record(ending.launch.job_id) for ending in endings]
        keys += [names.record(launch.job_id) for launch in beginnings]
        expires_at = now + ttl_s
        arguments = [instance, _moment(now), EVENTS_KEPT, expires_at, _moment(expires_at), ttl_s + REMEMBERED_S]
        arguments += [ended.batch, begun.batch, len(endings)]
        for ending in endings:
            arguments += _ending(ending)
        arguments += [launch.job_id for launch in beginnings]
        return cast(list[int], self._run("turn", keys, arguments))

    def report(
        self,
        launch: Launch,
        *,
        instance: str,
        attempt: int,
        changes: Mapping[str, Any] | None = None,
        lines: Sequence[str] = (),
    ) -> int:
        """Write progress, files or log lines. 0: go on, 1: its cancel was asked for, -1: no longer ours."""
        fields = {name: encode_field(name, value) for name, value in (changes or {}).items()}
        event = report_event(changes or {}, lines) if changes or lines else ""
        keys = [names.record(launch.job_id), names.held(instance), names.log(launch.job_id), names.events(launch.owner_id)]
        arguments = [launch.job_id, attempt, LOG_LINES_KEPT, EVENTS_KEPT, event, len(fields), *_flat(fields), *lines]
        return cast(int, self._run("report", keys, arguments))

    def cancel(self, job: Job, *, instance: str, ttl_s: int) -> str:
        """Cancel a queued job, or ask for it when it runs: see cancel.lua for the answers."""
        now = time.time()
        batch = job.batch or ""
        expires_at = datetime.fromtimestamp(now + ttl_s, UTC)
        keys = [
            names.record(job.id),
            names.held(instance),
            names.cancels(instance),
            names.DELAYED,
            names.ORPHANS,
            names.opened(job.owner.id),
            names.EXPIRING,
            names.events(job.owner.id),
            names.batch(batch),
            names.ended(batch),
        ]
        arguments = [
            job.id,
            instance,
            format_time(datetime.fromtimestamp(now, UTC)),
            now + ttl_s,
            format_time(expires_at),
            ttl_s + REMEMBERED_S,
            batch,
            EVENTS_KEPT,
            state_event(JobStatus.CANCELLED),
            CANCEL_REQUESTED,
        ]
        return str(self._run("cancel", keys, arguments))

    def retry(self, job: Job, *, instance: str, attempts: int, limit: int) -> Answer:
        """Queue a failed or cancelled job again, held by this instance; CONFLICT for a job in any other state."""
        owner = job.owner.id
        keys = [
            names.record(job.id),
            names.held(instance),
            names.opened(owner),
            names.EXPIRING,
            names.events(owner),
            names.INSTANCES,
            names.cancels(instance),
        ]
        arguments = [job.id, instance, attempts, limit, EVENTS_KEPT, state_event(JobStatus.QUEUED)]
        return _answer(self._run("retry", keys, arguments))

    def beat(self, instance: str, *, ttl_s: int, register: bool = False) -> tuple[bool, list[str]]:
        """Say that the instance lives. False: it was declared dead. And the jobs whose cancel was asked for."""
        keys = [names.INSTANCES, names.heartbeat(instance), names.cancels(instance)]
        alive, *cancels = cast(list[Any], self._run("heartbeat", keys, [instance, ttl_s, "1" if register else ""]))
        return bool(alive), [str(job) for job in cancels]

    def adopt(self, dead: str, *, instance: str) -> list[str]:
        """Take over what a dead instance held: all of it or nothing."""
        keys = [names.INSTANCES, names.heartbeat(dead), names.held(dead), names.held(instance), names.cancels(dead)]
        return cast(list[str], self._run("adopt", keys, [dead, instance]))

    def claim(self, instance: str, *, limit: int) -> list[str]:
        """Take jobs whose time has come, and those that stopping instances handed over."""
        keys = [names.INSTANCES, names.held(instance), names.DELAYED, names.ORPHANS]
        return cast(list[str], self._run("claim", keys, [instance, time.time(), limit]))

    def give_up(self, job_ids: Sequence[str], *, instance: str) -> None:
        """Give away queued jobs that the instance will not begin: whoever has room begins them."""

        def write(client: Client) -> None:
            with client.pipeline(transaction=False) as pipeline:
                for job_id in job_ids:
                    pipeline.smove(names.held(instance), names.ORPHANS, job_id)
                pipeline.execute()

        self._store.write(write)

    def hand_over(self, instance: str) -> int:
        """Give away what the instance holds and leave; return how many jobs that were."""
        keys = [names.INSTANCES, names.held(instance), names.ORPHANS, names.heartbeat(instance), names.cancels(instance)]
        return cast(int, self._run("hand_over", keys, [instance]))

    def _run(self, script: str, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        return self._store.run(self._scripts[script], keys, arguments)


_NOTHING = Launch(job_id="", task="", arguments="", owner_id="")


def _key_entry(owner_id: str, idempotency: IdempotencyKey | None) -> str:
    # Without a key none is looked up, but a script's keys are of a fixed number.
    return names.idempotency(owner_id, idempotency.key) if idempotency else names.events(owner_id)


def _shared_keys(launch: Launch) -> list[str]:
    owner, batch = launch.owner_id, launch.batch
    return [names.opened(owner), names.events(owner), names.batch(batch), names.ended(batch)]


def _ending(ending: Ending) -> list[Any]:
    fields = ending.changes
    return [ending.launch.job_id, ending.attempt, ending.status.value, ending.due_at or 0, len(fields), *_flat(fields)]


def _moment(seconds: float) -> str:
    return format_time(datetime.fromtimestamp(seconds, UTC))


def _flat(fields: Mapping[str, Any]) -> Iterable[Any]:
    return chain.from_iterable(fields.items())


def _answer(raw: Any) -> Answer:
    word, *more = cast(list[Any], raw)
    acceptance = Acceptance(word)
    if acceptance is Acceptance.KNOWN:
        return Answer(acceptance=acceptance, known=str(more[0]))
    return Answer(acceptance=acceptance, unfinished=int(more[0]) if more else 0)
