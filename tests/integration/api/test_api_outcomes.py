"""How jobs end: the owner reads what went wrong, staff sees where,
and nothing a task does hurts the service."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from flask_api.testing import running_api
from shared.settings import ApiSettings
from tests.integration.gate.gate_bench import SAMPLE_TASKS, Visitor, ask, new_visitor

pytestmark = pytest.mark.usefixtures("site")


@pytest.fixture
def tasks_api(api_settings: ApiSettings) -> Iterator[Flask]:
    """The API with the sample tasks; a result may have 2,000 bytes."""
    with running_api(api_settings, task_modules=(SAMPLE_TASKS,), job_result_max_bytes=2000) as app:
        yield app


def outcome(app: Flask, visitor: Visitor, name: str, **arguments: Any) -> dict[str, Any]:
    """Submit a job and return its record when it has ended."""
    body = {"task": name, "arguments": arguments}
    answer = ask(app, "/api/jobs?wait=10", method="POST", cookie=visitor.cookie, json=body)
    assert answer.status_code == 202, answer.data
    job: dict[str, Any] = answer.get_json()
    return job


def test_owner_reads_the_error_and_only_staff_the_traceback(tasks_api: Flask) -> None:
    """A traceback may show what the service holds; the owner gets type and message."""
    owner, staff = new_visitor(), new_visitor(is_staff=True)
    job = outcome(tasks_api, owner, "sample.fail", message="the disk is on fire")
    assert (job["status"], job["result"]) == ("failed", None)
    assert job["error"] == {
        "type": "RuntimeError",
        "message": "the disk is on fire",
        "bases": ["Exception"],
    }
    listed = ask(tasks_api, "/api/jobs", cookie=owner.cookie).get_json()["jobs"][0]
    assert "traceback" not in listed["error"]
    seen = ask(tasks_api, job["links"]["self"], cookie=staff.cookie).get_json()
    assert "sample_tasks.py" in seen["error"]["traceback"]


def test_staff_sees_the_traceback_of_their_own_job_everywhere(tasks_api: Flask) -> None:
    """In the answer to the submit and in the listing."""
    staff = new_visitor(is_staff=True)
    assert "traceback" in outcome(tasks_api, staff, "sample.fail", message="x")["error"]
    assert (
        "traceback"
        in ask(tasks_api, "/api/jobs", cookie=staff.cookie).get_json()["jobs"][0]["error"]
    )


def test_task_error_is_for_the_owner_and_has_no_traceback(tasks_api: Flask) -> None:
    """A failure in plain words is not a fault of the code: staff gets no traceback either."""
    job = outcome(
        tasks_api, new_visitor(is_staff=True), "sample.refuse", message="There is no such report."
    )
    assert job["error"] == {
        "type": "TaskError",
        "message": "There is no such report.",
        "bases": ["Exception"],
    }


@pytest.mark.parametrize("name", ["sample.not_json", "sample.not_finite", "sample.wrong_type"])
def test_result_that_does_not_fit_fails_the_job(tasks_api: Flask, name: str) -> None:
    """What is not JSON, or not what the annotation promises,
    is an error of the job and no broken answer."""
    job = outcome(tasks_api, new_visitor(), name)
    assert (job["status"], job["result"]) == ("failed", None)
    assert job["error"]["message"]


def test_result_over_the_limit_fails_with_the_limit(tasks_api: Flask) -> None:
    """The message names both sizes; one byte less is kept."""
    visitor = new_visitor()
    error = outcome(tasks_api, visitor, "sample.big", size=1999)["error"]
    assert "2001" in error["message"]
    assert "2000" in error["message"]
    assert outcome(tasks_api, visitor, "sample.big", size=1998)["status"] == "succeeded"


def test_message_of_an_error_is_cut(tasks_api: Flask) -> None:
    """A task that puts a megabyte into its error does not fill Redis."""
    assert (
        len(
            outcome(tasks_api, new_visitor(), "sample.fail", message="x" * 100_000)["error"][
                "message"
            ]
        )
        == 2000
    )


@pytest.mark.parametrize(
    "text", ["line\r\nforged='1'", "\x00\x1b[31m", "<script>alert(1)</script>", "é\u2028\U0001f600"]
)
def test_text_comes_back_as_it_was(tasks_api: Flask, text: str) -> None:
    """Control characters, markup and every plane of Unicode survive arguments,
    results and errors."""
    visitor = new_visitor()
    assert outcome(tasks_api, visitor, "sample.echo", value=text)["result"] == [text]
    assert outcome(tasks_api, visitor, "sample.fail", message=text)["error"]["message"] == text


def test_task_that_tries_to_exit_ends_only_itself(tasks_api: Flask) -> None:
    """SystemExit in a task is a failed job; the thread that ran it takes the next one."""
    visitor = new_visitor()
    for _ in range(20):  # more than there are threads
        assert outcome(tasks_api, visitor, "sample.leave")["status"] == "failed"
    assert outcome(tasks_api, visitor, "sample.echo")["status"] == "succeeded"
