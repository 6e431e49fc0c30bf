"""How a job looks as JSON: each member is listed once, with its schema and where it comes from."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, Field

from flask_api.gate.addresses import script_root
from flask_api.http.job_requests import PRIORITIES
from flask_api.http.state import api_state
from flask_api.jobs.records.job import ATTEMPTS_KEPT, TIME_FIELDS, Job, JobStatus, format_time
from flask_api.jobs.waiting_reasons import WaitingReason
from flask_api.operation.shapes import Id, PageLinksJson, Path
from flask_api.tasks.tables.kept.page import ROWS_FILE

JOBS_PATH = "/jobs"
# What lies below a job's own address. Asking the router for each of these was a fifth of a small
# request.
_BELOW = ("result", "log", "events", "cancel", "retry", "shares")
_PRIORITY_NAMES = {number: name for name, number in PRIORITIES.items()}


@dataclass(frozen=True, slots=True)
class From:
    """Where a member of the record comes from;
    without one it is the job's attribute of the same name."""

    read: Callable[[Job], Any]


@dataclass(frozen=True, slots=True)
class Contents:
    """Marks a member as what a job was given or made: a receipt has ``empty`` in its place."""

    empty: Any


def job_url(job: Job) -> str:
    """Return the address of a job's record."""
    return f"{script_root()}{JOBS_PATH}/{job.id}"


def count_left_out(job: Job) -> int:
    """Return how many attempts came before the first of its ``attempts``: the last ones are
    kept."""
    is_cut = len(job.attempts) >= ATTEMPTS_KEPT
    return int(job.attempts[0]["attempt"]) - 1 if is_cut else 0


def _waiting_for(job: Job) -> str | None:
    return api_state().engine.waiting_for(job.task) if job.status is JobStatus.QUEUED else None


def _files(job: Job) -> list[dict[str, Any]]:
    # names need no quoting
    return [{**file, "link": f"{job_url(job)}/files/{file['name']}"} for file in job.files]


def _links(job: Job) -> dict[str, str]:
    here = job_url(job)
    has_rows = any(file["name"] == ROWS_FILE for file in job.files)
    below = (*_BELOW, "rows") if has_rows else _BELOW
    return {"self": here, **{name: f"{here}/{name}" for name in below}}


class JobOwner(BaseModel):
    """Who submitted it."""

    id: str
    username: str


class ProgressJson(BaseModel):
    """How far a job is; the task chooses what it counts."""

    done: int
    total: int | None
    message: str


class JobErrorJson(BaseModel):
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


class AttemptJson(BaseModel):
    """How an earlier attempt ended."""

    attempt: int
    ended_at: AwareDatetime
    error: JobErrorJson


class JobFileJson(BaseModel):
    """A file that the job keeps."""

    name: str
    size: Annotated[int, Field(description="bytes")]
    media_type: str
    link: Path


class JobSummary(BaseModel):
    """A job without its result, as listings have it."""

    id: Id
    task: str
    arguments: Annotated[
        dict[str, Any], From(lambda job: json.loads(job.arguments)), Contents(empty={})
    ]
    status: JobStatus
    executor: str
    owner: Annotated[
        JobOwner, From(lambda job: {"id": job.owner.id, "username": job.owner.username})
    ]
    batch: Id | None
    priority: Annotated[
        Literal["low", "normal", "high"],
        From(lambda job: _PRIORITY_NAMES.get(job.priority, "normal")),
    ]
    attempt: int
    max_attempts: int
    attempts: Annotated[
        list[AttemptJson], Contents(empty=[]), Field(description="that failed: the last 20")
    ]
    attempts_left_out: Annotated[
        int,
        From(count_left_out),
        Contents(empty=0),
        Field(description="how many came before the first of these, of more than 20"),
    ] = 0
    cancel_requested: bool
    waiting_for: Annotated[
        str | None,
        From(_waiting_for),
        Field(description="why a queued job can't begin at all just now; null when it can"),
    ]
    progress: Annotated[ProgressJson | None, Contents(empty=None)]
    error: Annotated[JobErrorJson | None, Contents(empty=None)]
    files: Annotated[list[JobFileJson], From(_files), Contents(empty=[])]
    submitted_at: AwareDatetime
    start_at: AwareDatetime | None
    started_at: AwareDatetime | None
    finished_at: AwareDatetime | None
    expires_at: AwareDatetime | None
    links: Annotated[dict[str, Path], From(_links)]


class WaitingJson(BaseModel):
    """For what a job waits that has not begun."""

    reason: Annotated[
        Literal["start_time", "paused", "task_limit", "turn"],
        Field(description="for its time, an operator, a place among its task's, or its turn"),
    ]
    ahead: Annotated[
        int | None,
        Field(description="unfinished ones of its owner before it; null for who has over 1,000"),
    ]
    until: AwareDatetime | None
    running: Annotated[int | None, Field(description="jobs of its task that run, for a limit")]
    limit: int | None
    since: Annotated[AwareDatetime | None, Field(description="of a pause: its beginning")]
    note: Annotated[str, Field(description="of a pause: what the operator says of it")]


class JobRecordJson(JobSummary):
    """A job. ``result`` is what the task returned, once it succeeded."""

    result: Annotated[Any, Contents(empty=None)]
    waiting: Annotated[
        WaitingJson | None, Field(description="said when a job is looked at that has not begun")
    ] = None
    withheld: Annotated[
        list[str],
        Field(
            description="for a key without jobs:read: the members that are left "
            "empty, whatever the job holds"
        ),
    ] = []


class ListedJob(JobSummary):
    """A job in a listing."""

    waiting: WaitingJson | None = None
    instance: Annotated[
        str, Field(description="of a batch's job: the server process that last held it")
    ] = ""
    slot: Annotated[int | None, Field(description="of such a job: the slot it ended in")] = None


class SearchedJson(BaseModel):
    """How much was looked at for a page of a search."""

    jobs: int
    long_results: Annotated[int, Field(description="too long to be searched, among these jobs")]


class JobPage(BaseModel):
    """One page of a listing, newest first; ``next_cursor`` is null on the last one."""

    jobs: list[ListedJob]
    next_cursor: Id | None
    links: PageLinksJson | None = None
    searched: SearchedJson | None = None
    under_way: list[ListedJob] | None = None
    unfinished: Annotated[int | None, Field(description="with under_way: all, of batches too")] = (
        None
    )


def _marks(model: type[BaseModel], kind: type[Any]) -> dict[str, Any]:
    return {
        name: mark
        for name, field in model.model_fields.items()
        for mark in field.metadata
        if isinstance(mark, kind)
    }


_FROM = _marks(JobSummary, From)
_SUMMARY: tuple[tuple[str, Callable[[Job], Any]], ...] = tuple(
    (name, _FROM[name].read if name in _FROM else attrgetter(name))
    for name in JobSummary.model_fields
)
# What a receipt has in place of contents, in the order that ``withheld`` has always had.
_EMPTY: dict[str, Any] = {
    name: mark.empty
    for name, mark in sorted(
        _marks(JobRecordJson, Contents).items(), key=lambda each: each[0] in ("error", "files")
    )
}


def job_json(job: Job, *, staff: bool) -> dict[str, Any]:
    """Return the whole record. A traceback is for staff: it may show what the service holds."""
    return {**summary_json(job, staff=staff), "result": job.result}


def receipt_json(job: Job) -> dict[str, Any]:
    """Return the record without what the job was given and what it made:
    where it is and how it stands.

    ``withheld`` names the members that are left empty.
    """
    record = {name: _EMPTY.get(name, value) for name, value in job_json(job, staff=False).items()}
    return {**record, "links": {"self": job_url(job)}, "withheld": list(_EMPTY)}


def summary_json(job: Job, *, staff: bool) -> dict[str, Any]:
    """Return the record without its result, for listings."""
    record = {name: read(job) for name, read in _SUMMARY}
    record["error"] = error_json(job.error, staff=staff)
    for name in TIME_FIELDS:
        record[name] = None if record[name] is None else format_time(record[name])
    return record


def waiting_json(reason: WaitingReason) -> dict[str, Any]:
    """Return for what a job waits."""
    until = None if reason.until is None else format_time(reason.until)
    return {
        "reason": reason.reason,
        "ahead": reason.ahead,
        "until": until,
        "running": reason.running,
        "limit": reason.limit,
        "since": (reason.pause and reason.pause.since) or None,
        "note": reason.pause.note if reason.pause else "",
    }


def error_json(error: dict[str, Any] | None, *, staff: bool) -> dict[str, Any] | None:
    """Return a job's error; its traceback is for staff."""
    if error is None or staff:
        return error
    return {name: value for name, value in error.items() if name != "traceback"}
