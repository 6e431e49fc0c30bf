"""The job as a value: what was asked for, by whom, how far it is, how it ended."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from enum import StrEnum
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple

from pydantic_core import to_json

from shared.job_ids import made_at


class JobStatus(StrEnum):
    """queued -> running -> succeeded | failed | cancelled;
    the last three are outcomes and final."""

    QUEUED = "queued"  # accepted and durable, not started
    RUNNING = "running"  # an attempt holds it
    SUCCEEDED = "succeeded"  # the task returned; result is set
    FAILED = "failed"  # the task raised, or its attempt was lost; error is set
    CANCELLED = "cancelled"  # ended on request

    @property
    def is_outcome(self) -> bool:
        """Tell whether a job in this status has ended."""
        return self not in (JobStatus.QUEUED, JobStatus.RUNNING)


ATTEMPTS_KEPT = 20  # of a job that fails and is retried again and again

OUTCOMES = frozenset(status for status in JobStatus if status.is_outcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Who submitted a job."""

    id: str
    username: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One queued of a task. Times are aware UTC;
    ``progress``, ``result`` and ``error`` are JSON data.

    ``arguments`` is an object as JSON text: on its way from the check to the task nobody reads it.
    """

    id: str
    task: str
    arguments: str
    executor: str
    owner: Owner
    submitted_at: datetime
    status: JobStatus = JobStatus.QUEUED
    batch: str | None = None
    position: int = 0  # in its batch
    priority: int = 0
    attempt: int = 0
    max_attempts: int = 1
    attempts: list[dict[str, Any]] = field(default_factory=list)  # how earlier attempts ended
    cancel_requested: bool = False
    progress: dict[str, Any] | None = None
    result: Any = None
    error: dict[str, Any] | None = None
    files: list[dict[str, Any]] = field(default_factory=list)  # as clients see them
    start_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    expires_at: datetime | None = None


WORKER_LOST = "WorkerLost"  # the type of the error that an attempt ends with when its process dies


class QueuedJob(NamedTuple):
    """What is needed to begin a job, and to write about it. A tuple:
    a frozen dataclass takes thrice as long to make."""

    job_id: str
    task: str
    arguments: str  # JSON text
    owner_id: str
    batch: str = ""
    priority: int = 0
    max_attempts: int = 1
    attempts: tuple[Mapping[str, Any], ...] = ()
    due_at: float = 0.0  # when it might begin, in seconds since 1970; 0: at once

    @property
    def was_lost(self) -> bool:
        """Whether the process of its last attempt died. Raises nothing: the queue asks under its
        lock, also of a record that another version wrote."""
        last = self.attempts[-1] if self.attempts else None
        error = last.get("error") if isinstance(last, Mapping) else None
        return isinstance(error, Mapping) and error.get("type") == WORKER_LOST

    @property
    def waits_since(self) -> float:
        """Since when it has waited for its first attempt, in seconds since 1970: its id tells when
        it was submitted (shared.job_ids); of an id that tells none, 1970."""
        submitted_at = made_at(self.job_id)
        return submitted_at if submitted_at > self.due_at else self.due_at


class Attempt(NamedTuple):
    """One try at a job: which one, counted from 1, and the instance that holds the job for it.
    ``begun_at``: seconds since 1970, 0 where nobody asks."""

    job: QueuedJob
    number: int
    instance: str
    begun_at: float = 0.0


# A job of a batch: its id and its arguments as JSON text.
# All else it has in common with the others.
Member = tuple[str, str]

_JSON_FIELDS = frozenset({"progress", "result", "error", "attempts", "files"})
TIME_FIELDS = frozenset({"submitted_at", "start_at", "started_at", "finished_at", "expires_at"})
_INTEGER_FIELDS = frozenset({"attempt", "max_attempts", "position", "priority"})

# A value that is as good as no field. Scripts read attempt, so that is always there.
_OMITTED: dict[str, Any] = {
    "attempts": [],
    "files": [],
    "position": 0,
    "priority": 0,
    "cancel_requested": False,
}

_STORED = tuple(each.name for each in fields(Job) if each.name not in ("id", "owner"))

# What a listing reads: a page of a hundred records must not carry a hundred results.
SUMMARY_FIELDS = (
    "owner_id",
    "owner_username",
    *(name for name in _STORED if name != "result"),
)


# Made once: json.dumps makes one at every call that asks for something.
_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


def queued_job_of(job: Job) -> QueuedJob:
    """Return what is needed to begin a job."""
    return queued_jobs_of(job, [(job.id, job.arguments)])[0]


def queued_jobs_of(pattern: Job, members: Sequence[Member]) -> list[QueuedJob]:
    """Return what is needed to begin each of many jobs;
    ``pattern`` has what they have in common."""
    batch, attempts = pattern.batch or "", tuple(pattern.attempts)
    due_at = pattern.start_at.timestamp() if pattern.start_at else 0.0
    return [
        QueuedJob(
            job_id=job_id,
            task=pattern.task,
            arguments=arguments,
            owner_id=pattern.owner.id,
            batch=batch,
            priority=pattern.priority,
            max_attempts=pattern.max_attempts,
            attempts=attempts,
            due_at=due_at,
        )
        for job_id, arguments in members
    ]


def to_fields(job: Job) -> dict[str, str]:
    """Return the job as fields of a Redis hash; what is None, or not worth a field, has none."""
    stored: dict[str, str] = {"owner_id": job.owner.id, "owner_username": job.owner.username}
    for (name, omitted, encode), value in zip(_ENCODED, _VALUES(job), strict=True):
        if value is not None and value != omitted:
            stored[name] = encode(value)
    return stored


def flat(fields: Mapping[str, Any]) -> Iterable[Any]:
    """Return the fields of a hash as a script takes them: names and values in turn."""
    return chain.from_iterable(fields.items())


def json_text(value: Any) -> str:
    """Return JSON data as text. Raises ValueError for a number that JSON has not,
    or that nobody could read again."""
    try:
        text = to_json(value).decode()  # an eighth of the other's time
    except ValueError:  # half a character, or too many levels for it
        return _ENCODER.encode(value)
    if "NaN" in text or "Infinity" in text or len(text) > sys.get_int_max_str_digits() > 0:
        _ENCODER.encode(value)  # it may just be a word, or long: the encoder knows
    return text


def encode_field(name: str, value: Any) -> str:
    """Return one value of a job as the text stored for it.
    Raises ValueError for what JSON can't hold."""
    return _encoder_of(name)(value)


def _encoder_of(name: str) -> Callable[[Any], str]:
    if name == "result":
        return json_text
    if name in _JSON_FIELDS:
        return _ENCODER.encode
    if name in TIME_FIELDS:
        return format_time
    return _flag if name == "cancel_requested" else str


def _flag(value: bool) -> str:
    return "1" if value else "0"


def from_fields(job_id: str, stored: dict[str, str]) -> Job:
    """Return the job that these fields of a Redis hash describe."""
    values: dict[str, Any] = {"arguments": "{}"}  # of an expired job they are gone
    values |= {name: _decode_field(name, text) for name, text in stored.items()}
    owner = Owner(id=values.pop("owner_id"), username=values.pop("owner_username"))
    return Job(
        id=job_id, owner=owner, **{name: value for name, value in values.items() if name in _STORED}
    )


def shown_file(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return a file's entry as clients see it: without as what it is stored."""
    return {name: value for name, value in entry.items() if name != "stored_as"}


def _decode_field(name: str, text: str) -> Any:
    if name == "files":
        return [shown_file(entry) for entry in json.loads(text)]
    if name in _JSON_FIELDS:
        return json.loads(text)
    if name in TIME_FIELDS:
        return datetime.fromisoformat(text)
    if name in _INTEGER_FIELDS:
        return int(text)
    if name == "status":
        return JobStatus(text)
    return text == "1" if name == "cancel_requested" else text


def format_time_s(seconds: float) -> str:
    """Return seconds since 1970 as :func:`format_time` does."""
    return format_time(datetime.fromtimestamp(seconds, UTC))


def format_time(moment: datetime) -> str:
    """Return an aware time as RFC 3339 in UTC with milliseconds: 2026-11-20T09:30:00.125Z."""
    in_utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return in_utc.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


_VALUES = attrgetter(*_STORED)
# How each of these is stored, and its value that is not.
_ENCODED = tuple((name, _OMITTED.get(name), _encoder_of(name)) for name in _STORED)


def slot_in(stored: str | None, status: str | None) -> int | None:
    """Return the slot in which a job ended; None while it goes on: it is of an earlier attempt."""
    return int(stored) if stored and status in OUTCOMES else None
