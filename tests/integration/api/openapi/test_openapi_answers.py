"""The OpenAPI document is true of what the API really answers."""

from typing import Any

import pytest
from flask import Flask

from flask_api.openapi.document import build_document
from tests.integration.api.openapi.described import ABSENT, app, check_answer, visitor
from tests.integration.gate.gate_bench import Visitor, ask
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("site")

__all__ = ["app", "visitor"]


def test_answers_of_jobs_are_as_described(app: Flask, visitor: Visitor) -> None:
    """In every state, with files, progress, errors and log lines;
    and every member is in the document."""
    document = build_document(app)

    def asked(operation_id: str, path: str, status: int, **options: Any) -> Any:
        answer = ask(app, f"/api{path}", cookie=visitor.cookie, **options)
        assert answer.status_code == status, answer.data
        check_answer(document, operation_id, answer)
        return answer.get_json(silent=True)

    def submit(task: str, query: str = "", **body: Any) -> Any:
        return asked("submitJob", f"/jobs{query}", 202, method="POST", json={"task": task, **body})

    words = submit("fuzz.words", "?wait=5", arguments={"count": 2})
    assert (words["status"], len(words["files"])) == ("succeeded", 2)
    refused = submit("fuzz.refuse", "?wait=5")
    later = submit("fuzz.words", delay_s=60)
    assert asked("getJobResult", f"/jobs/{words['id']}/result", 200) == ["word", "word"]
    assert asked("getJobResult", f"/jobs/{refused['id']}/result", 409)["error"] == {
        "type": "TaskError",
        "message": "no",
        "bases": ["Exception"],
    }
    assert asked("getJobResult", f"/jobs/{later['id']}/result", 409)["code"] == "job_unfinished"
    running = submit("fuzz.last")
    wait_until(
        lambda: asked("getJob", f"/jobs/{running['id']}", 200)["status"] == "running", timeout_s=5
    )
    cancelled = ask(app, f"/api/jobs/{running['id']}/cancel", method="POST", cookie=visitor.cookie)
    assert cancelled.status_code in (200, 202)  # 200 if its task was that quick
    check_answer(document, "cancelJob", cancelled)
    asked("getJobLog", f"/jobs/{words['id']}/log", 200)
    asked("cancelJob", f"/jobs/{later['id']}/cancel", 200, method="POST")
    asked("cancelJob", f"/jobs/{later['id']}/cancel", 409, method="POST")
    assert asked("getJobResult", f"/jobs/{later['id']}/result", 409)["code"] == "job_cancelled"
    asked("retryJob", f"/jobs/{refused['id']}/retry", 202, method="POST")
    asked("retryJob", f"/jobs/{words['id']}/retry", 409, method="POST")
    for path in (words, refused, later):
        asked("getJob", f"/jobs/{path['id']}", 200)
    asked("getJob", f"/jobs/{ABSENT}", 404)
    asked("listJobs", "/jobs?limit=1", 200)
    asked("listJobs", "/jobs", 200)
    asked(
        "submitJob",
        "/jobs",
        422,
        method="POST",
        json={"task": "fuzz.shapes", "arguments": {"number": "x"}},
    )
    asked("submitJob", "/jobs", 404, method="POST", json={"task": "no.such"})
    asked("submitJob", "/jobs", 415, method="POST", data="x")


def test_other_answers_are_as_described(app: Flask, visitor: Visitor) -> None:
    """Batches and their results, tasks, the principal, health, problems."""
    document = build_document(app)

    def asked(operation_id: str, path: str, **options: Any) -> Any:
        answer = ask(app, f"/api{path}", cookie=visitor.cookie, **options)
        assert answer.status_code < 300, answer.data
        check_answer(document, operation_id, answer)
        return answer.get_json(silent=True)

    body = {"task": "fuzz.refuse", "arguments": [{"reason": "a"}, {"reason": "b"}]}
    batch = asked("submitBatch", "/batches", method="POST", json=body)
    asked("getBatchResults", f"/batches/{batch['id']}/results?wait=5")
    asked("getBatch", f"/batches/{batch['id']}")
    asked("checkArguments", "/batches/check", method="POST", json=body)
    asked("listBatchJobs", f"/batches/{batch['id']}/jobs?limit=1")
    asked("cancelBatch", f"/batches/{batch['id']}/cancel", method="POST")
    asked("listTasks", "/tasks")
    asked("getPrincipal", "/me")
    asked("getProblem", "/problems/job_failed")
    asked("getLive", "/health/live")
    asked("getReady", "/health/ready")
