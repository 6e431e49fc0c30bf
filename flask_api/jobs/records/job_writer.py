"""The engine's writes: each one atomic script,
each fenced by the set of jobs that this process holds.

A process that was paused, declared dead and adopted finds its set gone:
every write of its former attempts changes nothing.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple, cast

from flask_api.jobs.records import keyspace
from flask_api.jobs.records.events import (
    CANCEL_REQUESTED,
    EVENTS_KEPT,
    report_event,
    state_event,
)
from flask_api.jobs.records.job import (
    Attempt,
    Job,
    JobStatus,
    QueuedJob,
    encode_field,
    flat,
    format_time_s,
)
from flask_api.jobs.records.scripts import load_scripts
from flask_api.jobs.records.usage import UNBOUNDED, Quota
from shared.clock import JOBS_CLOCK
from shared.errors import JobStoreFull
from shared.redis import RedisGateway

LOG_LINES_KEPT = 2_000
NO_PLACE = -(2**31)  # what turn.lua says instead of an attempt: as many of the task run as may
REMEMBERED_S = 7 * 86_400  # an expired job is remembered so long, to say 410 instead of 404
_NO_LIMITS: Mapping[str, int] = MappingProxyType({})


class EndingAnswer(IntEnum):
    """What became of an ending: turn.lua's answer for each."""

    DISCARDED = 0  # the job was no longer this instance's
    KEPT = 1
    OVER_QUOTA = 2  # failed: its result does not fit in what its person may keep


class ReportAnswer(IntEnum):
    """What became of what a running attempt wrote: report.lua's answer."""

    GO_ON = 0
    CANCEL_REQUESTED = 1
    LOST = -1  # the job is no longer this instance's; nothing was written
    OVER_QUOTA = -2  # more than its person may keep; nothing was written
    FILES_OVER_QUOTA = -3  # so are its files
    FILES_CHANGED = -4  # the list of files is another than was said; nothing was written


class CancelAnswer(StrEnum):
    """What became of a cancel: cancel.lua's answer."""

    CANCELLED = "cancelled"
    REQUESTED = "requested"  # it runs: its process is told
    ENDED = "ended"
    ABSENT = "absent"
    MOVED = "moved"  # another instance holds it now: look up which, and ask again


class Ending(NamedTuple):
    """How one attempt ends: with an outcome, or ``queued`` again at ``due_at`` (seconds since
    1970).

    ``changes`` are fields of the record as they are stored.
    """

    attempt: Attempt
    status: JobStatus
    changes: Mapping[str, str] = MappingProxyType({})
    due_at: float | None = None

    def status_by(self, answer: int) -> JobStatus:
        """Return how the job ended, or that it goes on, by what the turn answered:
        a result that its person may not keep is a failure."""
        return JobStatus.FAILED if answer == EndingAnswer.OVER_QUOTA else self.status


class Telling(NamedTuple):
    """What end_and_tell.lua is given besides a turn's KEYS and ARGV, before these."""

    keys: Sequence[str]
    arguments: Sequence[Any]


class JobWriter:
    """Writes about jobs that an instance holds, within what each person may keep. Thread-safe.

    Every method raises JobStoreUnavailable while Redis is away, and JobStoreFull, one of its kind,
    while its memory is full. ``max_running``: how many jobs of a task may run at once, in all
    processes together; of a task that is not there any number.
    """

    def __init__(
        self,
        store: RedisGateway,
        quota: Quota = UNBOUNDED,
        *,
        max_running: Mapping[str, int] = _NO_LIMITS,
    ) -> None:
        self._store = store
        self._quota = quota
        self._max_running = max_running
        self._scripts = load_scripts()

    def turn(
        self,
        instance: str,
        *,
        endings: Sequence[Ending] = (),
        beginnings: Sequence[QueuedJob] = (),
        ttl_s: int = 0,
        slot: int | None = None,
        force: bool = False,
    ) -> list[int]:
        """End attempts and begin others in one round trip.
        Either must be of one person, one task and one batch.

        ``ttl_s``: how long those that end with an outcome are kept; ``slot``: which one of their
        executor ran them. ``force``: even if Redis is full. Returns an EndingAnswer for each
        ending, and for each beginning its attempt's number: 0 when it may not begin, negative when
        its cancel was asked for, NO_PLACE when it must wait.
        """
        keys, arguments = self._asked(instance, endings, beginnings, ttl_s=ttl_s, slot=slot)
        script = self._scripts["turn_by_force" if force else "turn"]
        return cast(list[int], self._store.run(script, keys, arguments))

    def end_and_tell(self, instance: str, ending: Ending, telling: Telling, *, ttl_s: int) -> int:
        """End an attempt as :meth:`turn` does, and tell of it, in one round trip; return its
        EndingAnswer. Should the reply be lost, both may have been done."""
        keys, arguments = self._asked(instance, [ending], [], ttl_s=ttl_s, slot=None)
        script = self._scripts["end_and_tell"]
        keys, arguments = [*telling.keys, *keys], [*telling.arguments, *arguments]
        (answer,) = cast(list[int], self._store.run(script, keys, arguments))
        return answer

    def _asked(
        self,
        instance: str,
        endings: Sequence[Ending],
        beginnings: Sequence[QueuedJob],
        *,
        ttl_s: int,
        slot: int | None,
    ) -> tuple[list[str], list[Any]]:
        """Return KEYS and ARGV of turn.lua."""
        ended = endings[0].attempt.job if endings else _NOTHING
        begun = beginnings[0] if beginnings else _NOTHING
        ended_ids = [ending.attempt.job.job_id for ending in endings]
        begun_ids = [queued.job_id for queued in beginnings]
        ends = [each for ending in endings for each in _ending(ending)]
        keys = keyspace.of_turn(instance, ended, begun, [*ended_ids, *begun_ids])
        now = JOBS_CLOCK.now()
        expires_at = now + ttl_s
        arguments: list[Any] = [instance, format_time_s(now), EVENTS_KEPT, expires_at]
        arguments += [format_time_s(expires_at), self._quota.bytes]
        arguments += [ended.batch, begun.batch, "1" if ended.task in self._max_running else ""]
        # With its end, not its begin: a job may be begun by its acceptance, before it has a slot.
        arguments += [self._max_running.get(begun.task, ""), "" if slot is None else slot]
        arguments += [len(endings), *ends, *begun_ids]
        return keys, arguments

    def turn_though_full(
        self,
        instance: str,
        endings: Sequence[Ending],
        beginnings: Sequence[QueuedJob] = (),
        *,
        ttl_s: int,
        slot: int | None = None,
    ) -> list[int]:
        """Do and answer as :meth:`turn`. While Redis is full, what ended is written all the same,
        it is bounded by what runs; nothing begins that would write more."""
        try:
            return self.turn(
                instance, endings=endings, beginnings=beginnings, ttl_s=ttl_s, slot=slot
            )
        except JobStoreFull:
            if not endings:
                raise
            # What does not begin now is held and not known: the audit queues it again.
            ended = self.turn(instance, endings=endings, ttl_s=ttl_s, slot=slot, force=True)
            return ended + [0] * len(beginnings)

    def report(
        self,
        attempt: Attempt,
        *,
        changes: Mapping[str, Any] | None = None,
        lines: Sequence[str] = (),
        file_bytes: int | None = None,
    ) -> ReportAnswer:
        """Write a running attempt's progress, files or log lines. ``file_bytes``:
        how many bytes the job's files have, or are about to have."""
        fields = {name: encode_field(name, value) for name, value in (changes or {}).items()}
        event = report_event(changes or {}, lines) if changes or lines else ""
        return self.note(attempt, fields, event=event, lines=lines, file_bytes=file_bytes)

    def note(
        self,
        attempt: Attempt,
        fields: Mapping[str, str],
        *,
        event: str = "",
        lines: Sequence[str] = (),
        file_bytes: int | None = None,
        replacing: str = "",
    ) -> ReportAnswer:
        """Write fields of a running job's record as they are stored; answers as :meth:`report`.
        ``replacing``: only if this is the list of files, as it is stored."""
        job = attempt.job
        keys = [
            keyspace.record(job.job_id),
            keyspace.held(attempt.instance),
            keyspace.log(job.job_id),
            keyspace.events(job.owner_id),
            keyspace.kept(job.owner_id),
        ]
        arguments: list[Any] = [job.job_id, attempt.number, LOG_LINES_KEPT, EVENTS_KEPT, event]
        arguments += [self._quota.bytes, "" if file_bytes is None else file_bytes]
        arguments += [self._quota.file_bytes, replacing, len(fields), *flat(fields), *lines]
        return ReportAnswer(cast(int, self._store.run(self._scripts["report"], keys, arguments)))

    def cancel(self, job: Job, *, instance: str, ttl_s: int) -> CancelAnswer:
        """Cancel a queued job, or ask for it when it runs."""
        now = JOBS_CLOCK.now()
        batch = job.batch or ""
        expires_at = now + ttl_s
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
            format_time_s(now),
            expires_at,
            format_time_s(expires_at),
            batch,
            EVENTS_KEPT,
            state_event(JobStatus.CANCELLED),
            CANCEL_REQUESTED,
        ]
        return CancelAnswer(self._store.run(self._scripts["cancel"], keys, arguments))


_NOTHING = QueuedJob(job_id="", task="", arguments="", owner_id="")


def _ending(ending: Ending) -> list[Any]:
    fields = ending.changes
    return [
        ending.attempt.job.job_id,
        ending.attempt.number,
        ending.status.value,
        ending.due_at or 0,
        len(fields),
        *flat(fields),
    ]
