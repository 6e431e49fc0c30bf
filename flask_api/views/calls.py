"""Before a job is submitted: the calls that would do it, and whether its arguments are right."""

from typing import Any

from flask import Blueprint, Response, current_app, jsonify
from pydantic import BaseModel, ConfigDict, Field

from flask_api.gate.requirements import login_required
from flask_api.gate.state import gate_state
from flask_api.http.job_requests import (
    REFUSALS,
    BatchRequest,
    check_body,
    may_submit,
    read_batch_request,
)
from flask_api.http.json_body import UnsupportedMediaType, read_json_object
from flask_api.http.state import api_state
from flask_api.jobs.errors import InvalidArguments, UnknownTask
from flask_api.openapi.submit_calls import submit_calls
from flask_api.operation.describe import JSON, Answer, describe, find_operation
from shared.errors import RequestError

blueprint = Blueprint("calls", __name__)
PLACE_IN_DOCS = 1


class CallsRequest(BaseModel):
    """A task, and the arguments that it is called with; they are not checked."""

    model_config = ConfigDict(extra="forbid", strict=True)

    task: str = Field(max_length=100)
    arguments: dict[str, Any] = {}


class Calls(BaseModel):
    """The text of each call; empty where there is none."""

    curl: str
    python: str
    executor: str
    command: str


@blueprint.post("/calls")
@login_required
@describe(
    "showCalls",
    body={JSON: CallsRequest},
    answers={200: Answer("The calls.", Calls)},
    problems=(InvalidArguments, UnknownTask, RequestError, UnsupportedMediaType),
)
def show() -> Response:
    """Write the calls that submit a job with these arguments.

    Nothing is submitted. The key and the service's address stand in them as variables.
    """
    wanted = check_body(CallsRequest, read_json_object(), "The body does not say which call.")
    task = api_state().engine.registry.get(wanted.task)
    submit = find_operation(current_app.view_functions["jobs.submit"])
    calls = submit_calls(
        submit, task.name, wanted.arguments, api_prefix=gate_state().settings.api_prefix
    )
    return jsonify(calls)


class Checked(BaseModel):
    """That sets of arguments are right."""

    total: int


@blueprint.post("/batches/check")
@may_submit
@describe(
    "checkArguments",
    body={JSON: BatchRequest},
    per_task=True,
    answers={200: Answer("All of them are right.", Checked)},
    problems=REFUSALS,
)
def check() -> Response:
    """Check sets of arguments as a batch of them would be, and submit nothing.

    What is wrong is named by its pointer, as with submitBatch. Room and limits are not looked at.
    """
    engine = api_state().engine
    wanted = read_batch_request(engine.settings)
    engine.check(wanted["task_name"], wanted["arguments"], owner=wanted["owner"])
    return jsonify({"total": len(wanted["arguments"])})
