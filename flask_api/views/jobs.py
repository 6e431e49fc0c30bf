"""Submit jobs, look at them, wait for them. A job of another person does not exist here: 404."""

from typing import Annotated, Any

from flask import Blueprint, Response, jsonify, url_for
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flask_api.gate.extension import current_identity, current_principal, gate_state
from flask_api.gate.requirements import login_required, require_scope, scope_required
from flask_api.jobs.errors import ArgumentProblem, InvalidArguments
from flask_api.jobs.record import Job, JobStatus, Owner
from flask_api.json_body import read_json_object
from flask_api.query import InvalidQuery, QueryProblem, read_query
from flask_api.views.engine import current_engine
from flask_api.views.job_json import job_json, summary_json
from shared.api_keys import TASK_SCOPE_PREFIX

blueprint = Blueprint("jobs", __name__, url_prefix="/jobs")

POLL_AFTER_S = 1


class JobRequest(BaseModel):
    """The body of a submit. Nothing else is taken: owner, status or executor are not the client's to set."""

    model_config = ConfigDict(extra="forbid", strict=True)

    task: str = Field(max_length=100)
    arguments: dict[str, Any] = {}


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
def submit() -> tuple[Response, int, dict[str, str]]:
    """Accept a job: 202 with its record and Location. It is stored durably before the answer is sent."""
    wait_s = _wait_s()
    if wait_s:
        require_scope(current_identity(), "jobs:read")
    body = _job_request(read_json_object())
    require_scope(current_identity(), "jobs:submit", f"{TASK_SCOPE_PREFIX}{body.task}")
    job = current_engine().submit(body.task, body.arguments, owner=_viewer())
    if wait_s:
        job = _after_waiting(job, wait_s)
    return jsonify(_json(job)), 202, {"Location": url_for("jobs.show", job_id=job.id), **_retry_after(job)}


@blueprint.get("")
@scope_required("jobs:read")
def list_jobs() -> Response:
    """Return one page of the person's own jobs, newest first, without their results."""
    query = read_query(ListQuery)
    page = current_engine().list_of(_viewer(), limit=query.limit, cursor=query.cursor, status=query.status, task=query.task)
    answer: dict[str, Any] = {"jobs": [summary_json(job, staff=_is_staff()) for job in page.jobs], "next_cursor": page.cursor}
    if page.cursor is not None:
        filters = query.model_dump(mode="json", exclude_defaults=True, exclude={"cursor"})
        answer["links"] = {"next": url_for("jobs.list_jobs", cursor=page.cursor, **filters)}
    return jsonify(answer)


@blueprint.get("/<uuid:job_id>")
@scope_required("jobs:read")
def show(job_id: Any) -> tuple[Response, int, dict[str, str]]:
    """Return the job's record; with ``?wait=`` when it has ended, or after so many seconds."""
    wait_s = _wait_s()
    job = current_engine().get(str(job_id), viewer=_viewer(), sees_all=_is_staff())
    if wait_s and not job.status.is_outcome:
        job = _after_waiting(job, wait_s)
    return jsonify(_json(job)), 200, _retry_after(job)


def _after_waiting(job: Job, wait_s: float) -> Job:
    current_engine().wait(job.id, timeout_s=wait_s)
    return current_engine().get(job.id, viewer=_viewer(), sees_all=_is_staff())


def _wait_s() -> float:
    wait_s = read_query(WaitQuery).wait
    longest_s = gate_state().settings.max_wait_s
    if wait_s > longest_s:
        raise InvalidQuery([QueryProblem(parameter="wait", detail=f"accepted are 0 to {longest_s} seconds")])
    return wait_s


def _job_request(body: dict[str, Any]) -> JobRequest:
    try:
        return JobRequest.model_validate(body)
    except ValidationError as error:
        problems = [_body_problem(str(line["loc"][0]), line["type"], line["msg"]) for line in error.errors()]
        raise InvalidArguments("The body is not a job request.", problems=problems) from None


def _body_problem(name: str, kind: str, message: str) -> ArgumentProblem:
    pointer = "/" + name.replace("~", "~0").replace("/", "~1")[:200]
    if kind == "extra_forbidden":
        message = "There is no such member; accepted: task, arguments."
    return ArgumentProblem(pointer=pointer, detail=message)


def _viewer() -> Owner:
    principal = current_principal()
    return Owner(id=principal.id, username=principal.username)


def _is_staff() -> bool:
    return current_principal().is_staff


def _json(job: Job) -> dict[str, Any]:
    return job_json(job, staff=_is_staff())


def _retry_after(job: Job) -> dict[str, str]:
    return {} if job.status.is_outcome else {"Retry-After": str(POLL_AFTER_S)}
