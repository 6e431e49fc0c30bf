"""What a job said while it ran."""

import json
from typing import Any, Literal

from flask import Blueprint, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from flask_api.gate.requirements import scope_required
from flask_api.http.query import read_query
from flask_api.http.reach import job_to_see
from flask_api.http.state import api_state
from flask_api.jobs.errors import JobExpired, JobNotFound
from flask_api.jobs.records.job import Job
from flask_api.operation.describe import NDJSON, Answer, describe
from shared.errors import JobStoreUnavailable
from shared.hidden_signs import COLOURS, visible

blueprint = Blueprint("log", __name__, url_prefix="/jobs")
PLACE_IN_DOCS = 2
TEXT = "text/plain"


class LogLineJson(BaseModel):
    """One line of a job's log."""

    at: AwareDatetime
    level: str
    message: str


class LogQuery(BaseModel):
    """How the log is written."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["ndjson", "text"] = Field(
        "ndjson", description="text: a download to read; colours are left out."
    )


LOG = Answer(
    "One line for each of the last 2,000, 4 MB of them at most.",
    LogLineJson,
    media_type=NDJSON,
    also=(TEXT,),
)


@blueprint.get("/<uuid:job_id>/log")
@scope_required("jobs:read")
@describe(
    "getJobLog",
    query=LogQuery,
    answers={200: LOG},
    problems=(JobNotFound, JobExpired, JobStoreUnavailable),
    python="print(client.job({job_id}).log())",
    command="gatehouse log {job_id}",
)
def read_log(job_id: Any) -> Response:
    """Read a job's last log lines, as NDJSON or as text.

    In text a sign that a terminal would act on is shown, and each line begins with its time (UTC).
    """
    return log_answer(job_to_see(job_id))


def log_answer(job: Job) -> Response:
    """Return a job's last log lines as the query asks for them."""
    lines = api_state().engine.jobs.read_log(job.id)
    if read_query(LogQuery).format == "ndjson":
        return Response("".join(f"{line}\n" for line in lines), mimetype=NDJSON)
    answer = Response("".join(map(_as_text, lines)), mimetype=TEXT)
    answer.headers["Content-Disposition"] = f"attachment; filename={job.task}-log.txt"
    return answer


def _as_text(line: str) -> str:
    """Return a line of a job's log, which is JSON, as text that acts on no screen."""
    said = json.loads(line)
    message = visible(COLOURS.sub("", said["message"])).replace("\n", "\n    ")
    return f"{said['at']} {said['level'].upper()} {message}\n"
