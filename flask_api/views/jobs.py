"""Submit jobs, look at them, wait for them, stop them. A job of another person does not exist here: 404."""

from typing import Annotated, Any

from flask import Blueprint, Response, jsonify, send_file, url_for
from pydantic import BaseModel, ConfigDict, Field

from flask_api.gate.extension import current_identity, gate_state
from flask_api.gate.requirements import login_required, require_scope, scope_required
from flask_api.jobs.record import Job, JobStatus
from flask_api.query import InvalidQuery, QueryProblem, read_query
from flask_api.rate_limit import rate_limit_headers
from flask_api.views.engine import current_engine
from flask_api.views.job_json import job_json, summary_json
from flask_api.views.job_requests import PRIORITIES, JobRequest, is_staff, read_request, viewer

blueprint = Blueprint("jobs", __name__, url_prefix="/jobs")

POLL_AFTER_S = 1

Answer = tuple[Response, int, dict[str, str]]


class WaitQuery(BaseModel):
    """``?wait=`` seconds: answer when the job has ended, or after so long."""

    model_config = ConfigDict(extra="forbid")

    wait: float = Field(0, ge=0, allow_inf_nan=False)


class ListQuery(BaseModel):
    """The filters and the page of a listing."""

    model_config = ConfigDict(extra="forbid")

    status: JobStatus | None = None
    task: Annotated[str, Field(max_length=100)] | None = None
    cursor: Annotated[str, Field(pattern=r"^[0-9a-f-]{36}$")] | None = None
    limit: int = Field(20, ge=1, le=100)


@blueprint.post("")
@login_required
def submit() -> Answer:
    """Accept a job: 202 with its record and Location. It is stored durably before the answer is sent."""
    wait_s = _wait_s()
    if wait_s:
        require_scope(current_identity(), "jobs:read")
    wanted, idempotency = read_request(JobRequest)
    engine = current_engine()
    submitted = engine.submit(
        wanted.task,
        wanted.arguments,
        owner=viewer(),
        priority=PRIORITIES[wanted.priority],
        start_at=wanted.due_at,
        idempotency=idempotency,
    )
    job = submitted.job or _find(submitted.id)
    if wait_s:
        job = _after_waiting(job, wait_s)
    limits = rate_limit_headers(limit=engine.settings.job_person_limit, unfinished=submitted.unfinished)
    return jsonify(_json(job)), 202, {"Location": url_for("jobs.show", job_id=job.id), **_retry_after(job), **limits}


@blueprint.get("")
@scope_required("jobs:read")
def list_jobs() -> Response:
    """Return one page of the person's own jobs, newest first, without their results."""
    query = read_query(ListQuery)
    page = current_engine().list_of(viewer(), limit=query.limit, cursor=query.cursor, status=query.status, task=query.task)
    answer: dict[str, Any] = {"jobs": [summary_json(job, staff=is_staff()) for job in page.jobs], "next_cursor": page.cursor}
    if page.cursor is not None:
        filters = query.model_dump(mode="json", exclude_defaults=True, exclude={"cursor"})
        answer["links"] = {"next": url_for("jobs.list_jobs", cursor=page.cursor, **filters)}
    return jsonify(answer)


@blueprint.get("/<uuid:job_id>")
@scope_required("jobs:read")
def show(job_id: Any) -> Answer:
    """Return the job's record; with ``?wait=`` when it has ended, or after so many seconds."""
    wait_s = _wait_s()
    job = _find(job_id)
    if wait_s and not job.status.is_outcome:
        job = _after_waiting(job, wait_s)
    return jsonify(_json(job)), 200, _retry_after(job)


@blueprint.post("/<uuid:job_id>/cancel")
@scope_required("jobs:cancel")
def cancel(job_id: Any) -> Answer:
    """Cancel the job: at once while it waits; a running one says ``cancel_requested`` until it has stopped."""
    current_engine().cancel(_find(job_id))
    job = _find(job_id)
    return jsonify(_json(job)), 200 if job.status.is_outcome else 202, _retry_after(job)


@blueprint.post("/<uuid:job_id>/retry")
@scope_required("jobs:submit")
def retry(job_id: Any) -> Answer:
    """Queue a failed or cancelled job again."""
    current_engine().retry(_find(job_id))
    job = _find(job_id)
    return jsonify(_json(job)), 202, _retry_after(job)


@blueprint.get("/<uuid:job_id>/log")
@scope_required("jobs:read")
def read_log(job_id: Any) -> Response:
    """Return the job's last log lines as NDJSON: at, level, message."""
    lines = current_engine().read_log(_find(job_id))
    return Response("".join(f"{line}\n" for line in lines), mimetype="application/x-ndjson")


@blueprint.get("/<uuid:job_id>/files/<name>")
@scope_required("jobs:read")
def read_file(job_id: Any, name: str) -> Response:
    """Return one of the job's files, always as a download: what a task wrote is not a page of this site."""
    job = _find(job_id)
    opened = current_engine().open_file(job, name)
    media_type = next(str(file["media_type"]) for file in job.files if file["name"] == name)
    return send_file(opened, mimetype=media_type, as_attachment=True, download_name=name)


def _find(job_id: object) -> Job:
    return current_engine().get(str(job_id), viewer=viewer(), sees_all=is_staff())


def _after_waiting(job: Job, wait_s: float) -> Job:
    current_engine().wait(job.id, timeout_s=wait_s)
    return _find(job.id)


def _wait_s() -> float:
    wait_s = read_query(WaitQuery).wait
    longest_s = gate_state().settings.max_wait_s
    if wait_s > longest_s:
        raise InvalidQuery([QueryProblem(parameter="wait", detail=f"accepted are 0 to {longest_s} seconds")])
    return wait_s


def _json(job: Job) -> dict[str, Any]:
    return job_json(job, staff=is_staff())


def _retry_after(job: Job) -> dict[str, str]:
    return {} if job.status.is_outcome else {"Retry-After": str(POLL_AFTER_S)}
