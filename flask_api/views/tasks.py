"""Which tasks are there, and what do they take?"""

from typing import Any

from flask import Blueprint, Response, jsonify

from flask_api.gate.requirements import login_required
from flask_api.jobs.registry import AnyTask
from flask_api.views.engine import current_engine

blueprint = Blueprint("tasks", __name__)


@blueprint.get("/tasks")
@login_required
def list_tasks() -> Response:
    """Return every registered task with the JSON Schemas of its arguments and its result."""
    return jsonify(tasks=[task_json(task) for task in current_engine().registry])


def task_json(task: AnyTask) -> dict[str, Any]:
    """Return a task as the API shows it."""
    return {
        "name": task.name,
        "summary": task.summary,
        "executor": task.policy.executor,
        "timeout_s": task.policy.timeout_s,
        "max_attempts": task.policy.max_attempts,
        "arguments_schema": task.arguments_schema,
        "result_schema": task.result_type.json_schema(),
    }
