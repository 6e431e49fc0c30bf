"""The service's answers as values. ``raw`` is the whole JSON,
with the members that have no attribute here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from gatehouse.protocol.outcomes import result_of

OUTCOMES = frozenset({"succeeded", "failed", "cancelled"})

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Me:
    """The person that the key acts as."""

    id: str
    username: str
    email: str
    is_staff: bool
    raw: Json = field(repr=False, compare=False)

    @classmethod
    def from_json(cls, raw: Json) -> Self:
        """Read an answer of /api/me."""
        return cls(
            id=raw["id"],
            username=raw["username"],
            email=raw["email"],
            is_staff=raw["is_staff"],
            raw=raw,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """How much of each quota the person has used: ``kinds`` has used and limit of each kind."""

    kinds: Mapping[str, tuple[int, int]]
    raw: Json = field(repr=False, compare=False)

    @classmethod
    def from_json(cls, raw: Json) -> Self:
        """Read an answer of /api/me/usage."""
        kinds = {
            kind: (told["used"], told["limit"]) for kind, told in raw.items() if "used" in told
        }
        return cls(kinds=kinds, raw=raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskInfo:
    """A task that can be submitted. ``arguments_schema`` and ``result_schema`` are JSON Schemas."""

    name: str
    summary: str
    executor: str
    arguments_schema: Json = field(repr=False)
    result_schema: Json = field(repr=False)
    raw: Json = field(repr=False, compare=False)

    @classmethod
    def from_json(cls, raw: Json) -> Self:
        """Read one of /api/tasks."""
        return cls(
            name=raw["name"],
            summary=raw["summary"],
            executor=raw["executor"],
            arguments_schema=raw["arguments_schema"],
            result_schema=raw["result_schema"],
            raw=raw,
        )

    @classmethod
    def list_from_json(cls, raw: Json) -> list[Self]:
        """Read an answer of /api/tasks."""
        return [cls.from_json(each) for each in raw["tasks"]]

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of its parameters, in the order of the function's signature."""
        return tuple(self.arguments_schema.get("properties", {}))


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFile:
    """A file that a job kept."""

    name: str
    size: int
    media_type: str

    @classmethod
    def from_json(cls, raw: Json) -> Self:
        """Read one of a job's files."""
        return cls(name=raw["name"], size=raw["size"], media_type=raw["media_type"])


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadedFile:
    """A file that was sent: give its ``id`` to a task's parameter of type file."""

    id: str
    name: str
    size: int
    media_type: str
    expires_at: datetime | None
    raw: Json = field(repr=False, compare=False)

    @classmethod
    def from_json(cls, raw: Json) -> Self:
        """Read an answer of /api/files."""
        return cls(
            id=raw["id"],
            name=raw["name"],
            size=raw["size"],
            media_type=raw["media_type"],
            expires_at=_time(raw.get("expires_at")),
            raw=raw,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """A job as it was when the service answered.
    ``progress`` is {"done", "total", "message"} or None."""

    id: str
    task: str
    status: str
    arguments: Json = field(repr=False)
    attempt: int
    cancel_requested: bool
    progress: Json | None
    files: tuple[JobFile, ...]
    batch: str | None
    submitted_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime | None
    raw: Json = field(repr=False, compare=False)

    @classmethod
    def from_json(cls, raw: Json) -> Self:
        """Read a job's record."""
        return cls(
            id=raw["id"],
            task=raw["task"],
            status=raw["status"],
            arguments=raw["arguments"],
            attempt=raw["attempt"],
            cancel_requested=raw["cancel_requested"],
            progress=raw["progress"],
            files=tuple(JobFile.from_json(each) for each in raw["files"]),
            batch=raw["batch"],
            submitted_at=_time(raw["submitted_at"]),
            started_at=_time(raw["started_at"]),
            finished_at=_time(raw["finished_at"]),
            expires_at=_time(raw["expires_at"]),
            raw=raw,
        )

    @classmethod
    def page_from_json(cls, raw: Json) -> tuple[list[Self], str | None]:
        """Read a page of jobs, which have no result there, and where the next one begins."""
        return [cls.from_json(each) for each in raw["jobs"]], raw["next_cursor"]

    @property
    def has_result(self) -> bool:
        """Tell whether the job has ended and the record was not read from a listing."""
        return self.has_ended and "result" in self.raw

    @property
    def has_ended(self) -> bool:
        """Tell whether the job is succeeded, failed or cancelled, which is final."""
        return self.status in OUTCOMES

    def result(self) -> Any:
        """Return the result of an ended job, or raise JobFailed or JobCancelled."""
        return result_of(self.raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRecord:
    """A batch as it was when the service answered. ``counts`` has a number for each status."""

    id: str
    task: str
    total: int
    counts: Mapping[str, int]
    finished_at: datetime | None
    raw: Json = field(repr=False, compare=False)

    @classmethod
    def from_json(cls, raw: Json) -> Self:
        """Read a batch's record."""
        return cls(
            id=raw["id"],
            task=raw["task"],
            total=raw["total"],
            counts=raw["counts"],
            finished_at=_time(raw["finished_at"]),
            raw=raw,
        )

    @classmethod
    def page_from_json(cls, raw: Json) -> tuple[list[Self], str | None]:
        """Read a page of batches, and where the next one begins."""
        return [cls.from_json(each) for each in raw["batches"]], raw["next_cursor"]

    @property
    def has_ended(self) -> bool:
        """Tell whether all jobs of the batch have ended."""
        return self.finished_at is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """How one job of a batch ended; ``position`` is its place in the order of submission."""

    position: int
    id: str
    status: str
    raw: Json = field(repr=False, compare=False)

    @classmethod
    def from_json(cls, raw: Json) -> Self:
        """Read one line of a batch's results."""
        return cls(position=raw["position"], id=raw["id"], status=raw["status"], raw=raw)

    def result(self) -> Any:
        """Return the result, or raise JobFailed or JobCancelled."""
        return result_of(self.raw)


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
