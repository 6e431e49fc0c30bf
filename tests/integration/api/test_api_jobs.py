"""Jobs over the API: submit, look, list, wait; whose they are;
what is refused when there are too many."""

import time
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from flask_api.app import create_app, start_jobs, stop_jobs
from flask_api.testing import running_api
from shared.settings import ApiSettings
from tests.integration.api.submitting import submit, tasks_api
from tests.integration.engine import sample_tasks
from tests.integration.gate.gate_bench import SAMPLE_TASKS, ask, new_visitor
from tests.waiting import wait_until

__all__ = ["tasks_api"]

pytestmark = pytest.mark.usefixtures("site")

ABSENT = "00000000-0000-7000-8000-000000000000"


def test_submitted_job_is_accepted_found_and_done(api: Flask) -> None:
    """202 with Location and Retry-After; the record there ends as succeeded with the result,
    and then says no more to retry."""
    visitor = new_visitor()
    answer = submit(api, visitor, "primes.sum", limit=100_000)
    job = answer.get_json()
    assert answer.status_code == 202
    assert answer.headers["Location"] == job["links"]["self"] == f"/api/jobs/{job['id']}"
    assert int(answer.headers["Retry-After"]) >= 1
    done = ask(api, f"{answer.headers['Location']}?wait=20", cookie=visitor.cookie)
    record = done.get_json()
    assert (done.status_code, record["status"], record["result"]) == (200, "succeeded", 454_396_537)
    assert "Retry-After" not in done.headers


def test_record_has_the_documented_members(api: Flask) -> None:
    """The record is what docs and client rely on;
    times are RFC 3339 in UTC, ids UUIDs that sort by time."""
    visitor = new_visitor()
    job = submit(api, visitor, "primes.check", wait_s=10, numbers=[2, 4]).get_json()
    assert UUID(job["id"]).version == 7
    times = [
        datetime.fromisoformat(job[name])
        for name in ("submitted_at", "started_at", "finished_at", "expires_at")
    ]
    assert times == sorted(times)
    assert all(
        job[name].endswith("Z")
        for name in ("submitted_at", "started_at", "finished_at", "expires_at")
    )
    path = f"/api/jobs/{job['id']}"
    assert job["links"] == {
        "self": path,
        **{
            name: f"{path}/{name}"
            for name in ("result", "log", "events", "cancel", "retry", "shares")
        },
    }
    del job["submitted_at"], job["started_at"], job["finished_at"], job["expires_at"], job["links"]
    assert job == {
        "id": job["id"],
        "task": "primes.check",
        "arguments": {"numbers": [2, 4]},
        "status": "succeeded",
        "executor": "processes",
        "owner": {"id": str(visitor.person.pk), "username": visitor.person.username},
        "batch": None,
        "priority": "normal",
        "attempt": 1,
        "max_attempts": 3,
        "attempts": [],
        "attempts_left_out": 0,
        "cancel_requested": False,
        "waiting_for": None,
        "progress": {"done": 2, "total": 2, "message": ""},
        "result": [{"number": 2, "is_prime": True}, {"number": 4, "is_prime": False}],
        "error": None,
        "files": [],
        "start_at": None,
    }


def test_each_task_is_listed_with_schemas_and_can_be_submitted(tasks_api: Flask) -> None:
    """What /api/tasks says is what a submit accepts."""
    visitor = new_visitor()
    tasks = {
        task["name"]: task
        for task in ask(tasks_api, "/api/tasks", cookie=visitor.cookie).get_json()["tasks"]
    }
    assert {"primes.sum", "primes.check", "web.page_sizes", "sample.echo"} <= tasks.keys()
    assert tasks["primes.sum"]["arguments_schema"]["properties"]["limit"]["maximum"] == 200_000_000
    assert all(task["summary"] and task["executor"] for task in tasks.values())
    assert "job" not in tasks["primes.sum"]["arguments_schema"]["properties"]


def test_page_that_may_not_be_fetched_is_an_error_in_its_row(api: Flask) -> None:
    """The third task over HTTP: a loopback address is refused by the guard,
    the job itself succeeds."""
    job = submit(
        api, new_visitor(), "web.page_sizes", wait_s=10, urls=["http://127.0.0.1:9/"]
    ).get_json()
    assert job["status"] == "succeeded"
    assert job["result"][0]["bytes"] is None
    assert job["result"][0]["error"]["code"]


def test_defaults_are_filled_in_and_null_is_a_value(tasks_api: Flask) -> None:
    """The record shows the arguments that the task really got."""
    job = submit(tasks_api, new_visitor(), "sample.echo", wait_s=10).get_json()
    assert (job["arguments"], job["result"]) == ({"value": None, "count": 1}, [None])


def test_waiting_ends_when_the_job_does(tasks_api: Flask) -> None:
    """Long before the asked time, and in the moment the job ends."""
    visitor = new_visitor()
    path = submit(tasks_api, visitor, "sample.hang").headers["Location"]
    started = time.monotonic()
    early = ask(tasks_api, f"{path}?wait=0.2", cookie=visitor.cookie)
    assert early.get_json()["status"] == "running"
    assert 0.2 <= time.monotonic() - started < 2
    assert "Retry-After" in early.headers
    sample_tasks.RELEASE.set()
    assert (
        ask(tasks_api, f"{path}?wait=20", cookie=visitor.cookie).get_json()["result"] == "released"
    )
    assert time.monotonic() - started < 5


def test_progress_is_seen_while_the_job_runs(tasks_api: Flask) -> None:
    """``done``, ``total`` and the message, before the end."""
    visitor = new_visitor()
    path = submit(tasks_api, visitor, "sample.steps", count=30, step_s=0.05).headers["Location"]
    seen: list[Any] = []

    def half_way() -> bool:
        job = ask(tasks_api, path, cookie=visitor.cookie).get_json()
        seen.append(job["progress"])
        return bool(
            job["status"] not in ("queued", "running")
            or (job["progress"] or {"done": 0})["done"] > 2
        )

    wait_until(half_way, timeout_s=5, what="progress shows")
    assert seen[-1]["total"] == 30
    assert 2 < seen[-1]["done"] < 30
    assert seen[-1]["message"] == f"step {seen[-1]['done']}"


def test_job_of_another_person_does_not_exist(api: Flask) -> None:
    """404 with the very answer of an id that nobody has, waiting or not, and not in the listing."""
    owner, other = new_visitor(), new_visitor()
    path = submit(api, owner, "primes.sum", wait_s=10, limit=10).get_json()["links"]["self"]
    for query in ("", "?wait=5"):
        foreign = ask(api, path + query, cookie=other.cookie)
        absent = ask(api, f"/api/jobs/{ABSENT}{query}", cookie=other.cookie)
        assert (foreign.status_code, foreign.data) == (404, absent.data)
    assert ask(api, "/api/jobs", cookie=other.cookie).get_json()["jobs"] == []
    assert ask(api, path, cookie=owner.cookie).status_code == 200


def test_staff_sees_any_job_but_lists_their_own(api: Flask) -> None:
    """Whose it is stays visible."""
    owner, staff = new_visitor(), new_visitor(is_staff=True)
    path = submit(api, owner, "primes.sum", wait_s=10, limit=10).get_json()["links"]["self"]
    assert (
        ask(api, path, cookie=staff.cookie).get_json()["owner"]["username"] == owner.person.username
    )
    assert ask(api, "/api/jobs", cookie=staff.cookie).get_json()["jobs"] == []


def test_full_queue_is_429_and_opens_again(api_settings: ApiSettings) -> None:
    """What is over the limit is refused with Retry-After and not stored;
    a place that gets free is given again."""
    sample_tasks.RELEASE.clear()
    with running_api(
        api_settings, task_modules=(SAMPLE_TASKS,), job_queue_limit=2, job_threads=1
    ) as app:
        visitor = new_visitor()
        accepted = [submit(app, visitor, "sample.hang") for _ in range(2)]
        refused = submit(app, visitor, "sample.hang")
        assert [answer.status_code for answer in accepted] == [202, 202]
        assert (refused.status_code, refused.get_json()["code"]) == (429, "queue_full")
        assert int(refused.headers["Retry-After"]) > 0
        assert len(ask(app, "/api/jobs", cookie=visitor.cookie).get_json()["jobs"]) == 2
        sample_tasks.RELEASE.set()
        for answer in accepted:
            assert (
                ask(app, f"{answer.headers['Location']}?wait=20", cookie=visitor.cookie).get_json()[
                    "status"
                ]
                == "succeeded"
            )
        assert submit(app, visitor, "sample.echo").status_code == 202


def test_full_house_of_waiters_answers_at_once(api_settings: ApiSettings) -> None:
    """Beyond the limit a long-poll is an ordinary question: threads are for everyone."""
    sample_tasks.RELEASE.clear()
    with running_api(api_settings, task_modules=(SAMPLE_TASKS,), max_waiting=0) as app:
        visitor = new_visitor()
        path = submit(app, visitor, "sample.hang").headers["Location"]
        started = time.monotonic()
        assert ask(app, f"{path}?wait=20", cookie=visitor.cookie).get_json()["status"] in (
            "queued",
            "running",
        )
        assert time.monotonic() - started < 2
        sample_tasks.RELEASE.set()


def test_shutdown_hands_over_what_does_not_end(api_settings: ApiSettings) -> None:
    """After the deadline a willing task is stopped and its job goes on with the next start;
    new jobs are 503."""
    sample_tasks.RELEASE.clear()
    visitor = new_visitor()
    app = create_app(api_settings.model_copy(update={"task_modules": (SAMPLE_TASKS,)}))
    start_jobs(app)
    path = submit(app, visitor, "sample.hang").headers["Location"]
    wait_until(
        lambda: ask(app, path, cookie=visitor.cookie).get_json()["status"] == "running", timeout_s=5
    )
    assert stop_jobs(app, deadline_s=0.1)
    late = submit(app, visitor, "sample.echo")
    assert (late.status_code, late.get_json()["code"]) == (503, "shutting_down")
    assert int(late.headers["Retry-After"]) > 0
    job = ask(app, path, cookie=visitor.cookie).get_json()
    assert (job["status"], job["error"], job["attempt"]) == ("queued", None, 0)
    stop_jobs(app, deadline_s=0.1)
    sample_tasks.RELEASE.set()
    with running_api(api_settings, task_modules=(SAMPLE_TASKS,)) as restarted:
        job = ask(restarted, f"{path}?wait=20", cookie=visitor.cookie).get_json()
        assert (job["status"], job["result"], job["attempt"]) == ("succeeded", "released", 1)


def test_shutdown_lets_running_jobs_finish_in_time(api_settings: ApiSettings) -> None:
    """What runs is done before the deadline; what waits is there for the next start."""
    visitor = new_visitor()
    with running_api(api_settings, task_modules=(SAMPLE_TASKS,), job_threads=1) as app:
        paths = [
            submit(app, visitor, "sample.steps", count=10, step_s=0.05).headers["Location"]
            for _ in range(2)
        ]
        wait_until(
            lambda: ask(app, paths[0], cookie=visitor.cookie).get_json()["status"] == "running",
            timeout_s=5,
        )
        assert stop_jobs(app, deadline_s=5)
        assert [ask(app, path, cookie=visitor.cookie).get_json()["status"] for path in paths] == [
            "succeeded",
            "queued",
        ]
    with running_api(api_settings, task_modules=(SAMPLE_TASKS,)) as restarted:
        assert (
            ask(restarted, f"{paths[1]}?wait=20", cookie=visitor.cookie).get_json()["status"]
            == "succeeded"
        )
