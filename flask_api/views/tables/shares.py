"""Rows that their owner shows to others: at an address that opens them, and nothing else,
for everybody who is logged in."""

from typing import Any

from flask import Blueprint, Response, jsonify, url_for
from pydantic import AwareDatetime, BaseModel

from flask_api.gate.requirements import scope_required
from flask_api.http.job_requests import viewer
from flask_api.http.state import api_state
from flask_api.jobs.errors import JobExpired, JobNotFound
from flask_api.jobs.records.job import Job, Owner, format_time
from flask_api.operation.describe import Answer, describe
from flask_api.operation.headers import IF_NONE_MATCH
from flask_api.views.tables.rows import OF_ROWS, RowsAnswer, RowsQuery, require_rows, rows_answer
from shared.errors import JobStoreUnavailable

blueprint = Blueprint("shares", __name__)


class Share(BaseModel):
    """Where others find the rows. Nobody can ask for the token again: it is not stored."""

    url: str
    token: str
    expires_at: AwareDatetime


@blueprint.post("/jobs/<uuid:job_id>/share")
@scope_required("jobs:submit")
@scope_required("jobs:read")
@describe(
    "shareJobRows",
    answers={201: Answer("The rows are shared.", Share, headers=("Location",))},
    problems=OF_ROWS,
)
def share(job_id: Any) -> tuple[Response, int, dict[str, str]]:
    """Share the rows of your own job with everybody who is logged in and has the address.

    Sharing again makes a new address and ends the old one. It ends with the job.
    """
    job = _own(job_id)
    require_rows(job)
    token = api_state().shares.share(job)
    url = url_for("shares.show", token=token)
    expires_at = None if job.expires_at is None else format_time(job.expires_at)
    return jsonify(url=url, token=token, expires_at=expires_at), 201, {"Location": url}


@blueprint.delete("/jobs/<uuid:job_id>/share")
@scope_required("jobs:submit")
@describe(
    "endJobShare",
    answers={204: Answer("The address opens nothing any more.")},
    problems=(JobNotFound, JobExpired, JobStoreUnavailable),
)
def end(job_id: Any) -> tuple[str, int]:
    """End the share of your own job's rows; there may be none."""
    api_state().shares.end(_own(job_id))
    return "", 204


@blueprint.get("/shared/<token>/rows")
@scope_required("jobs:read")
@describe(
    "getSharedRows",
    query=RowsQuery,
    headers=(IF_NONE_MATCH,),
    answers={200: Answer("A page of rows.", RowsAnswer, headers=("ETag",))},
    problems=OF_ROWS,
)
def show(token: str) -> Response:
    """Read the rows that somebody shares with you, in pages.

    The rows are all that the address shows: not whose they are, nor what the job was given.
    """
    job = api_state().engine.get(api_state().shares.job_of(token), viewer=viewer(), sees_all=True)
    api_state().shares.require_owner(job)
    return rows_answer(job, lambda **query: url_for("shares.show", token=token, **query))


def _own(job_id: object) -> Job:
    """Find a job of the asking person's own: staff may look at everything, but not give it away."""
    owner: Owner = viewer()
    return api_state().engine.get(str(job_id), viewer=owner)
