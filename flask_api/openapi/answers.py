"""The shapes of the API's answers, for the document; a test compares them with real answers.

Members may be added to any of them: a client must not mind one that it does not know.
"""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, Field, WithJsonSchema

from flask_api.jobs.records.job import JobStatus
from flask_api.openapi.quotas import Path, Quota

Id = Annotated[str, WithJsonSchema({"type": "string", "format": "uuid"})]
Pointer = Annotated[str, WithJsonSchema({"type": "string", "format": "json-pointer"})]
JsonSchema = Annotated[dict[str, Any], Field(description="A JSON Schema (2020-12).")]


class ProblemLine(BaseModel):
    """One thing that is wrong: a place in the body, or a query parameter."""

    pointer: Annotated[Pointer, Field(description="RFC 6901, into the body")] = ""
    parameter: Annotated[str, Field(description="the query parameter")] = ""
    detail: Annotated[str, Field(description="what is accepted")]


class Problem(BaseModel):
    """Problem details (RFC 9457). ``type`` leads to a page that says what to do;
    ``code`` is stable."""

    type: Path
    title: str
    status: int
    code: str
    detail: str
    errors: Annotated[
        list[ProblemLine], Field(description="every single thing that is wrong, up to 100")
    ] = []
    error_id: Annotated[str, Field(description="of a 500: what to look for in the log")] = ""
    error: Annotated[dict[str, Any], Field(description="of job_failed: the job's error")] = {}
    quota: Annotated[
        Quota | None, Field(description="of quota_exceeded and too_many_files: what is kept")
    ] = None


class ProblemMeaning(BaseModel):
    """A word on one kind of problem."""

    code: str
    status: int
    meaning: str
    advice: str


class Credential(BaseModel):
    """What the request was made with."""

    kind: Literal["session", "key"]
    name: Annotated[str, Field(description="of a key")] = ""
    scopes: Annotated[list[str], Field(description="of a key")] = []


class Principal(BaseModel):
    """Who this request acts as."""

    id: str
    username: str
    email: str
    email_verified: bool
    is_staff: bool
    is_superuser: bool
    permissions: list[str]
    groups: list[str]
    credential: Credential


class TaskRecord(BaseModel):
    """One registered task."""

    name: str
    summary: str
    executor: str
    timeout_s: float | None
    max_attempts: int
    arguments_schema: JsonSchema
    result_schema: JsonSchema


class TaskList(BaseModel):
    """All registered tasks."""

    tasks: list[TaskRecord]


class JobOwner(BaseModel):
    """Who submitted it."""

    id: str
    username: str


class Progress(BaseModel):
    """How far a job is; the task chooses what it counts."""

    done: int
    total: int | None
    message: str


class JobError(BaseModel):
    """What ended an attempt. Without ``bases`` it is what the engine itself says (TimedOut,
    WorkerLost)."""

    type: str
    message: str
    bases: Annotated[
        list[str],
        Field(
            description="by what else it is caught, nearest first: built-in classes "
            "by name, others with module"
        ),
    ] = []
    errno: Annotated[
        int | None, Field(description="of an OSError: the server's number for what happened")
    ] = None
    traceback: Annotated[str, Field(description="for staff only")] = ""


class Attempt(BaseModel):
    """How an earlier attempt ended."""

    attempt: int
    ended_at: AwareDatetime
    error: JobError


class JobFile(BaseModel):
    """A file that the job keeps."""

    name: str
    size: Annotated[int, Field(description="bytes")]
    media_type: str
    link: Path


class JobSummary(BaseModel):
    """A job without its result, as listings have it."""

    id: Id
    task: str
    arguments: dict[str, Any]
    status: JobStatus
    executor: str
    owner: JobOwner
    batch: Id | None
    priority: Literal["low", "normal", "high"]
    attempt: int
    max_attempts: int
    attempts: list[Attempt]
    cancel_requested: bool
    progress: Progress | None
    error: JobError | None
    files: list[JobFile]
    submitted_at: AwareDatetime
    start_at: AwareDatetime | None
    started_at: AwareDatetime | None
    finished_at: AwareDatetime | None
    expires_at: AwareDatetime | None
    links: dict[str, Path]


class JobRecord(JobSummary):
    """A job. ``result`` is what the task returned, once it succeeded."""

    result: Any
    withheld: Annotated[
        list[str],
        Field(
            description="for a key without jobs:read: the members that are left "
            "empty, whatever the job holds"
        ),
    ] = []


class PageLinks(BaseModel):
    """Where to go on."""

    next: Path


class JobPage(BaseModel):
    """One page of a listing, newest first; ``next_cursor`` is null on the last one."""

    jobs: list[JobSummary]
    next_cursor: Id | None
    links: PageLinks | None = None


class LogLine(BaseModel):
    """One line of a job's log."""

    at: AwareDatetime
    level: str
    message: str


class BatchCounts(BaseModel):
    """How many of a batch's jobs are in which state."""

    queued: int
    running: int
    succeeded: int
    failed: int
    cancelled: int


class BatchProgress(BaseModel):
    """How many of a batch's jobs have ended."""

    done: int
    total: int


class BatchRecord(BaseModel):
    """Many jobs of one task, submitted together."""

    id: Id
    task: str
    total: int
    counts: BatchCounts
    progress: BatchProgress
    submitted_at: AwareDatetime
    finished_at: AwareDatetime | None
    expires_at: Annotated[
        AwareDatetime | None, Field(description="when its results are forgotten, once it has ended")
    ]
    links: dict[str, Path]


class BatchPage(BaseModel):
    """One page of a listing, newest first; `next_cursor` is null on the last one."""

    batches: list[BatchRecord]
    next_cursor: Id | None
    links: PageLinks | None = None


class BatchResult(BaseModel):
    """How one job of a batch ended; ``position`` is its place in the submitted list."""

    position: int
    id: Id
    status: JobStatus
    result: Any
    error: JobError | None


class FileRecord(BaseModel):
    """A file that was uploaded for jobs."""

    id: Id
    name: str
    size: Annotated[int, Field(description="bytes")]
    media_type: Annotated[str, Field(description="found in its content")]
    sha256: str
    created_at: AwareDatetime
    expires_at: AwareDatetime
    links: dict[str, Path]


class FilePage(BaseModel):
    """One page of a listing, newest first; `next_cursor` is null on the last one."""

    files: list[FileRecord]
    next_cursor: Id | None
    links: PageLinks | None = None


class Live(BaseModel):
    """The process answers."""

    status: Literal["live"]
    version: str


class ReadyCheck(BaseModel):
    """One thing that must hold for requests to be worth sending here."""

    name: Literal["sessions", "jobs", "durable", "accepting"]
    ok: bool
    detail: str


class Ready(BaseModel):
    """Whether this process can do its work, and why not."""

    status: Literal["ready", "not_ready"]
    checks: list[ReadyCheck]
