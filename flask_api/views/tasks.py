"""Which tasks are there, and what do they take?"""

import inspect
from typing import Annotated, Any

from flask import Blueprint, Response, jsonify
from pydantic import BaseModel, Field

from flask_api.gate.requirements import login_required
from flask_api.http.answers import with_etag
from flask_api.http.state import api_state
from flask_api.jobs.tasks.registry import AnyTask
from flask_api.operation.describe import Answer, describe
from flask_api.operation.headers import IF_NONE_MATCH

blueprint = Blueprint("tasks", __name__)
PLACE_IN_DOCS = 1

JsonSchema = Annotated[dict[str, Any], Field(description="A JSON Schema (2020-12).")]


class TaskRecord(BaseModel):
    """One registered task."""

    name: str
    summary: str
    description: Annotated[str, Field(description="the rest of its docstring")]
    executor: str
    timeout_s: float | None
    max_attempts: int
    arguments_schema: JsonSchema
    result_schema: JsonSchema


class TaskList(BaseModel):
    """All registered tasks."""

    tasks: list[TaskRecord]


@blueprint.get("/tasks")
@login_required
@describe(
    "listTasks",
    headers=(IF_NONE_MATCH,),
    answers={200: Answer("The tasks by name.", TaskList)},
    python="print(client.tasks())",
    command="gatehouse tasks",
)
def list_tasks() -> Response:
    """List the registered tasks, with the JSON Schemas of their arguments and results."""
    return with_etag(jsonify(tasks=[task_json(task) for task in api_state().engine.registry]))


def task_json(task: AnyTask) -> dict[str, Any]:
    """Return a task as the API shows it."""
    return {
        "name": task.name,
        "summary": task.summary,
        "description": (inspect.getdoc(task.function) or "").partition("\n\n")[2].strip(),
        "executor": api_state().engine.executor_of(task.name),
        "timeout_s": task.policy.timeout_s,
        "max_attempts": task.policy.max_attempts,
        "arguments_schema": task.arguments_schema,
        "result_schema": task.result_schema,
    }
