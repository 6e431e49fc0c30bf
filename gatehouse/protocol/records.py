"""The service's answers as values. ``raw`` is the whole JSON,
with the members that have no attribute here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Self

from gatehouse.protocol.outcomes import result_of

OUTCOMES = frozenset({"succeeded", "failed", "cancelled"})

Json = Mapping[str, Any]


def _as_is(member: Any) -> Any:
    return member


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _files(raw: list[Json]) -> tuple["JobFile", ...]:
    return tuple(JobFile.from_json(each) for each in raw)


# Members that JSON has no type for; wherever they stand they are the same.
_TIMES = (
    *("submitted_at", "started_at", "finished_at", "expires_at"),
    *("created_at", "shared_until"),
)
_READ: dict[str, Callable[[Any], Any]] = {"files": _files, **dict.fromkeys(_TIMES, _time)}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    """A value whose fields are the members of the same names."""

    raw: Json = field(repr=False, compare=False)

    @classmethod
    def from_json(cls, raw: Json) -> Self:
        """Read the service's JSON."""
        names = [each.name for each in fields(cls) if each.name != "raw"]
        return cls(raw=raw, **{name: _READ.get(name, _as_is)(raw[name]) for name in names})


@dataclass(frozen=True, slots=True, kw_only=True)
class Me(_Record):
    """The person that the key acts as."""

    id: str
    username: str
    email: str
    is_staff: bool


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
class TaskInfo(_Record):
    """A task that can be submitted. ``arguments_schema`` and ``result_schema`` are JSON Schemas."""

    name: str
    summary: str
    executor: str
    arguments_schema: Json = field(repr=False)
    result_schema: Json = field(repr=False)

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
class UploadedFile(_Record):
    """A file that was sent: give its ``id`` to a task's parameter of type file."""

    id: str
    name: str
    size: int
    media_type: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _RunRecord(_Record):
    """What is told of a job to whoever may see it."""

    task: str
    status: str
    attempt: int
    cancel_requested: bool
    progress: Json | None
    files: tuple[JobFile, ...]
    submitted_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def has_ended(self) -> bool:
        """Tell whether the job is succeeded, failed or cancelled, which is final."""
        return self.status in OUTCOMES

    def result(self) -> Any:
        """Return the result of an ended job, or raise JobFailed or JobCancelled."""
        return result_of(self.raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord(_RunRecord):
    """A job as it was when the service answered.
    ``progress`` is {"done", "total", "message"} or None."""

    id: str
    arguments: Json = field(repr=False)
    batch: str | None
    expires_at: datetime | None

    @classmethod
    def page_from_json(cls, raw: Json) -> tuple[list[Self], str | None]:
        """Read a page of jobs, which have no result there, and where the next one begins."""
        return [cls.from_json(each) for each in raw["jobs"]], raw["next_cursor"]

    @property
    def has_result(self) -> bool:
        """Tell whether the job has ended and the record was not read from a listing."""
        return self.has_ended and "result" in self.raw


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedRecord(_RunRecord):
    """What is shown of a job that somebody shares. ``withheld`` names the members that are not:
    they are None or empty, whatever the job has."""

    arguments: Json | None = field(repr=False)
    owner: str | None
    withheld: list[str]
    shared_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareRecord(_Record):
    """A share of one of the person's jobs. ``audience`` is link, people or group."""

    id: str
    job: str
    task: str
    status: str
    audience: str
    people: list[str]
    group: str
    shows: list[str]
    created_at: datetime
    expires_at: datetime

    @classmethod
    def list_from_json(cls, raw: Json) -> list[Self]:
        """Read a list of shares."""
        return [cls.from_json(each) for each in raw["shares"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewShare(ShareRecord):
    """A share that was just made. Keep its address: nobody can ask for it again."""

    token: str = field(repr=False)
    page: str = field(repr=False)

    @classmethod
    def at(cls, service: str, raw: Json) -> Self:
        """Read the answer of the service at this address; ``page`` is the one to give to others."""
        return cls.from_json({**raw, "page": f"{service}/shared/{raw['token']}/"})


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRecord(_Record):
    """A batch as it was when the service answered. ``counts`` has a number for each status."""

    id: str
    task: str
    total: int
    counts: Mapping[str, int]
    finished_at: datetime | None

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
        """Read one line of a batch's results; an executor reads thousands."""
        return cls(position=raw["position"], id=raw["id"], status=raw["status"], raw=raw)

    def result(self) -> Any:
        """Return the result, or raise JobFailed or JobCancelled."""
        return result_of(self.raw)
