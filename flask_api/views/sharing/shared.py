"""Look at a job that somebody shares with you: at an address that shows this job, and nothing else
of theirs. See docs/sharing.md."""

import json
from typing import Annotated, Any

from flask import Blueprint, Response, jsonify, request, url_for
from pydantic import AwareDatetime, BaseModel, Field

from flask_api.gate.extension import current_identity, current_principal
from flask_api.gate.requirements import scope_required
from flask_api.gate.state import gate_state
from flask_api.http.answers import with_etag
from flask_api.http.job_answer import file_answer, result_of
from flask_api.http.job_json import (
    JobErrorJson,
    ProgressJson,
    error_json,
)
from flask_api.http.state import api_state
from flask_api.jobs.errors import (
    JobExpired,
    JobFailed,
    JobNotFound,
    JobUnfinished,
    JobWasCancelled,
)
from flask_api.jobs.records.job import Job, JobStatus, Owner, format_time
from flask_api.jobs.sharing.onlookers import Onlooker
from flask_api.jobs.sharing.share import Share, Showable
from flask_api.jobs.sharing.shares import NOTHING
from flask_api.operation.describe import Answer, describe
from flask_api.operation.headers import IF_NONE_MATCH
from flask_api.operation.shapes import Path
from flask_api.streams.access import SCOPE
from flask_api.streams.shared import SharedAccess, SharedJobFeed
from flask_api.tasks.tables.kept.page import ROWS_FILE
from flask_api.views.events import REFUSALS, STREAM, stream_answer
from flask_api.views.job_log import LOG, LogQuery, log_answer
from flask_api.views.tables.download import TABLE, TableQuery, table_answer
from flask_api.views.tables.rows import OF_ROWS, RowsAnswer, RowsQuery, rows_answer
from shared.errors import JobStoreUnavailable

blueprint = Blueprint("shared", __name__, url_prefix="/shared/<token>")
PLACE_IN_DOCS = 5

OF_SHARED = (JobNotFound, JobStoreUnavailable)


class SharedFileJson(BaseModel):
    """A file that the job keeps, where its owner shows files."""

    name: str
    size: Annotated[int, Field(description="bytes")]
    media_type: str
    link: Path


class SharedJobJson(BaseModel):
    """What is shown of a shared job. ``withheld`` names what its owner does not show:
    such members are null or empty, whatever the job has."""

    task: str
    status: JobStatus
    attempt: int
    max_attempts: int
    cancel_requested: bool
    progress: ProgressJson | None
    error: JobErrorJson | None
    result: Any
    arguments: dict[str, Any] | None
    files: list[SharedFileJson]
    owner: Annotated[str | None, Field(description="who shares it")]
    is_yours: Annotated[bool, Field(description="whether you share it yourself")]
    submitted_at: AwareDatetime
    started_at: AwareDatetime | None
    finished_at: AwareDatetime | None
    shared_until: AwareDatetime
    withheld: list[str]
    links: dict[str, Path]


@blueprint.get("")
@scope_required("jobs:read")
@describe(
    "getSharedJob",
    python="print(client.shared({token}).record.raw)",
    headers=(IF_NONE_MATCH,),
    answers={200: Answer("What is shown of the job.", SharedJobJson, headers=("ETag",))},
    problems=OF_SHARED,
)
def show(token: str) -> Response:
    """Look at a job that somebody shares with you.

    404 for whatever reason it is not shown to you: no such address, ended, over, not for you, or
    the job is gone. Its owner sees that you look on, by your username.
    """
    share, job = _opened(token)
    return with_etag(jsonify(_json(share, job, token)))


@blueprint.get("/result")
@scope_required("jobs:read")
@describe(
    "getSharedResult",
    headers=(IF_NONE_MATCH,),
    answers={200: Answer("What the task returned: any JSON value.", {}, headers=("ETag",))},
    problems=(*OF_SHARED, JobUnfinished, JobFailed, JobWasCancelled),
)
def result(token: str) -> Response:
    """Get the bare result of a job that somebody shares with you."""
    _, job = _opened(token)
    return with_etag(jsonify(result_of(job, staff=False)))


@blueprint.get("/log")
@scope_required("jobs:read")
@describe(
    "getSharedLog",
    query=LogQuery,
    answers={200: LOG},
    problems=OF_SHARED,
)
def read_log(token: str) -> Response:
    """Read the last log lines of a job that somebody shares with you, as NDJSON or as text."""
    return log_answer(_opened(token)[1])


@blueprint.get("/rows")
@scope_required("jobs:read")
@describe(
    "getSharedRows",
    query=RowsQuery,
    headers=(IF_NONE_MATCH,),
    answers={200: Answer("A page of rows.", RowsAnswer, headers=("ETag",))},
    problems=OF_ROWS,
)
def rows(token: str) -> Response:
    """Read the rows of a job that somebody shares with you, in pages."""
    _, job = _opened(token)
    return rows_answer(job, lambda **query: url_for("shared.rows", token=token, **query))


@blueprint.get("/table")
@scope_required("jobs:read")
@describe(
    "downloadSharedTable",
    query=TableQuery,
    headers=(IF_NONE_MATCH,),
    answers={200: TABLE},
    problems=OF_ROWS,
)
def table(token: str) -> Response:
    """Download a table of a job that somebody shares with you, whole: as CSV, JSON lines or
    Parquet. The rows that it keeps, as Parquet, are its own file: only where its files are shown.
    """
    share, job = _opened(token)
    answer = table_answer(job, shows_files=share.shows(Showable.FILES))
    answer.headers["Cache-Control"] = "no-store"  # nothing of a share is left when it has ended
    return answer


@blueprint.get("/files/<name>")
@scope_required("jobs:read")
@describe(
    "getSharedFile",
    answers={
        200: Answer("The file's bytes.", {}, media_type="*/*", headers=("Content-Disposition",))
    },
    problems=OF_SHARED,
)
def read_file(token: str, name: str) -> Response:
    """Download a file of a job that somebody shares with you, where they show its files."""
    share, job = _opened(token)
    if not share.shows(Showable.FILES):
        raise JobNotFound("The job has no such file.")
    answer = file_answer(job, name)
    answer.headers["Cache-Control"] = "no-store"  # nothing of a share is left when it has ended
    return answer


@blueprint.get("/events")
@scope_required(SCOPE)
@describe(
    "followSharedJob",
    answers={200: STREAM},
    problems=(*REFUSALS, JobNotFound),
)
def events(token: str) -> Response:
    """Follow a job that somebody shares with you: how it stands now, then what happens, until it
    has ended, or is no longer shared with you.

    Its events have no ids: after a break, ask for the log again.
    """
    share, _ = _opened(token)
    state, identity = gate_state(), current_identity()
    access = SharedAccess(
        state.guards,
        state.credentials.choose(request),
        identity,
        share=share,
        username=identity.principal.username,
    )
    return stream_answer(SharedJobFeed(share), None, access)


def _opened(token: str) -> tuple[Share, Job]:
    """Return what the token opens to who asks, and note that they look on.
    Raises JobNotFound in the same words for whatever reason it opens nothing."""
    state, principal = api_state(), current_principal()
    share = state.shares.find(token, principal)
    try:
        job = state.engine.get(share.job, viewer=Owner(id=share.owner_id, username=""))
    except (JobNotFound, JobExpired):
        raise JobNotFound(NOTHING) from None
    if principal.id != share.owner_id:
        state.onlookers.note([Onlooker(job=job.id, id=principal.id, username=principal.username)])
    return share, job


def _json(share: Share, job: Job, token: str) -> dict[str, Any]:
    shows = share.shows
    moments = {"submitted_at": job.submitted_at, "started_at": job.started_at}
    moments |= {"finished_at": job.finished_at, "shared_until": share.ends_with(job.expires_at)}
    return {
        "task": job.task,
        "status": job.status,
        "attempt": job.attempt,
        "max_attempts": job.max_attempts,
        "cancel_requested": job.cancel_requested,
        "progress": job.progress,
        "error": error_json(job.error, staff=False),
        "result": job.result,
        "arguments": json.loads(job.arguments) if shows(Showable.ARGUMENTS) else None,
        "files": _files(job, token) if shows(Showable.FILES) else [],
        "owner": job.owner.username if shows(Showable.OWNER) else None,
        "is_yours": current_principal().id == share.owner_id,
        **{name: at and format_time(at) for name, at in moments.items()},
        "withheld": sorted(set(Showable) - share.terms.shows),
        "links": _links(job, token),
    }


def _files(job: Job, token: str) -> list[dict[str, Any]]:
    return [
        {
            **{name: file[name] for name in ("name", "size", "media_type")},
            "link": url_for("shared.read_file", token=token, name=file["name"]),
        }
        for file in job.files
    ]


def _links(job: Job, token: str) -> dict[str, str]:
    below = {"self": "show", "result": "result", "log": "read_log", "events": "events"}
    if any(file["name"] == ROWS_FILE for file in job.files):
        below["rows"] = "rows"
    return {name: url_for(f"shared.{view}", token=token) for name, view in below.items()}
