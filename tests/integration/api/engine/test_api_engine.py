"""What the engine can do, over HTTP: idempotent submits, delays, priorities, cancel, retry,
files, limits."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.integration.api.engine.engine_api import app, get, lines_of, post, visitor
from tests.integration.gate.gate_bench import Visitor, ask, new_visitor
from tests.waiting import wait_until

__all__ = ["app", "visitor"]

pytestmark = pytest.mark.usefixtures("site")


def test_idempotency_key_repeats_and_refuses(app: Flask, visitor: Visitor) -> None:
    """Same key and body: the same record, 202 again; other body, or the same one as a batch: 422;
    no key: another job."""
    body = {"task": "sample.echo", "arguments": {"value": 1}}
    first = post(app, visitor, "/api/jobs", body, Idempotency_Key="k1")
    again = post(
        app,
        visitor,
        "/api/jobs?wait=5",
        {"arguments": {"value": 1}, "task": "sample.echo"},
        Idempotency_Key="k1",
    )
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.get_json()["id"] == again.get_json()["id"]
    assert first.headers["Location"] == again.headers["Location"]
    other = post(
        app, visitor, "/api/jobs", {**body, "arguments": {"value": 2}}, Idempotency_Key="k1"
    )
    assert (other.status_code, other.get_json()["code"]) == (422, "idempotency_conflict")
    batch = post(
        app,
        visitor,
        "/api/batches",
        {"task": "sample.echo", "arguments": [{}]},
        Idempotency_Key="k1",
    )
    assert batch.status_code == 422
    assert post(app, visitor, "/api/jobs", body).get_json()["id"] != first.get_json()["id"]


def test_repeated_submit_is_its_job_though_its_task_is_gone(
    app: Flask, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later version of the service has the task no more: who lost the answer still finds the
    job and the batch, and nobody submits another."""
    sent = {
        "/api/jobs": {"task": "sample.echo", "arguments": {"value": 1}},
        "/api/batches": {"task": "sample.echo", "arguments": [{"value": 1}]},
    }
    first = [post(app, visitor, path, sent[path], Idempotency_Key=path) for path in sent]
    job, batch = (answer.get_json()["links"]["self"] for answer in first)
    for ended in (f"{job}?wait=5", f"{batch}/results?wait=5"):
        assert ask(app, ended, cookie=visitor.cookie).status_code == 200
    monkeypatch.delitem(app.extensions["gatehouse_api"].engine.registry._tasks, "sample.echo")
    again = [post(app, visitor, path, sent[path], Idempotency_Key=path) for path in sent]
    assert [each.status_code for each in again] == [202, 202]
    assert [each.get_json()["id"] for each in again] == [each.get_json()["id"] for each in first]
    other = post(app, visitor, "/api/jobs", sent["/api/jobs"], Idempotency_Key="another")
    assert (other.status_code, other.get_json()["code"]) == (404, "unknown_task")


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb"])
def test_odd_idempotency_key_is_refused(app: Flask, visitor: Visitor, key: str) -> None:
    """1 to 255 printable characters are a key."""
    answer = post(app, visitor, "/api/jobs", {"task": "sample.echo"}, Idempotency_Key=key)
    assert (answer.status_code, answer.get_json()["code"]) == (400, "bad_request")


def test_limits_are_told_before_they_are_reached(app: Flask, visitor: Visitor) -> None:
    """RateLimit counts down; at zero it is 429 with Retry-After, for a job and a batch;
    others are not concerned."""
    remaining = []
    for _ in range(5):
        answer = post(app, visitor, "/api/jobs", {"task": "sample.hang"})
        assert answer.headers["RateLimit-Policy"] == '"unfinished";q=5'
        remaining.append(answer.headers["RateLimit"])
    assert remaining == [f'"unfinished";r={number}' for number in (4, 3, 2, 1, 0)]
    for path, arguments in (("/api/jobs", {}), ("/api/batches", [{}])):
        refused = post(app, visitor, path, {"task": "sample.echo", "arguments": arguments})
        assert (refused.status_code, refused.get_json()["code"]) == (429, "too_many_unfinished")
        assert refused.headers["RateLimit"] == '"unfinished";r=0'
        assert int(refused.headers["Retry-After"]) > 0
    assert post(app, new_visitor(), "/api/jobs", {"task": "sample.echo"}).status_code == 202


def test_delayed_job_is_shown_with_its_time(app: Flask, visitor: Visitor) -> None:
    """By seconds or by a time of any zone; until then it is queued and can be cancelled."""
    late = post(app, visitor, "/api/jobs", {"task": "sample.echo", "delay_s": 3600}).get_json()
    assert late["status"] == "queued"
    due = datetime.fromisoformat(late["start_at"])
    assert abs(due - datetime.now(UTC) - timedelta(hours=1)) < timedelta(seconds=10)
    zoned = post(
        app, visitor, "/api/jobs", {"task": "sample.echo", "start_at": "2020-01-01T00:00:00+02:00"}
    ).get_json()
    assert zoned["start_at"] == "2019-12-31T22:00:00.000Z"
    assert get(app, visitor, f"{zoned['links']['self']}?wait=5")["status"] == "succeeded"
    answer = post(app, visitor, late["links"]["cancel"])
    assert (answer.status_code, answer.get_json()["status"]) == (200, "cancelled")


WRONG: dict[str, dict[str, Any]] = {
    "both": {"delay_s": 1, "start_at": "2030-01-01T00:00:00Z"},
    "negative": {"delay_s": -1},
    "far": {"delay_s": 31 * 86_400},
    "far away": {"start_at": "2999-01-01T00:00:00Z"},
    "no zone": {"start_at": "2026-01-01T00:00:00"},
    "no time": {"start_at": "tomorrow"},
    "text": {"delay_s": "1"},
    "priority": {"priority": "urgent"},
    "priority by number": {"priority": 1},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_wrong_time_or_priority_is_422(app: Flask, visitor: Visitor, wrong: dict[str, Any]) -> None:
    """With where and what."""
    answer = post(app, visitor, "/api/jobs", {"task": "sample.echo", **wrong})
    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid_arguments")
    assert answer.get_json()["errors"]


def test_priority_is_shown(app: Flask, visitor: Visitor) -> None:
    """By its name."""
    for priority in ("low", "normal", "high"):
        job = post(
            app, visitor, "/api/jobs?wait=5", {"task": "sample.echo", "priority": priority}
        ).get_json()
        assert (job["priority"], job["status"]) == (priority, "succeeded")


def test_running_job_says_that_cancel_was_asked_for(app: Flask, visitor: Visitor) -> None:
    """202 until it took effect; then cancelled; then 409."""
    path = post(app, visitor, "/api/jobs", {"task": "sample.hang"}).headers["Location"]
    wait_until(lambda: get(app, visitor, path)["status"] == "running", timeout_s=5)
    answer = post(app, visitor, f"{path}/cancel")
    assert answer.status_code in (200, 202)
    assert answer.get_json()["cancel_requested"] is True
    assert get(app, visitor, f"{path}?wait=5")["status"] == "cancelled"
    late = post(app, visitor, f"{path}/cancel")
    assert (late.status_code, late.get_json()["code"]) == (409, "illegal_transition")


def test_failed_job_is_retried(app: Flask, visitor: Visitor) -> None:
    """202 with the record; its attempts are kept; a succeeded one is 409."""
    job = post(
        app, visitor, "/api/jobs?wait=5", {"task": "sample.fail", "arguments": {"message": "no"}}
    ).get_json()
    answer = post(app, visitor, job["links"]["retry"])
    assert answer.status_code == 202
    again = get(app, visitor, f"{job['links']['self']}?wait=5")
    assert [each["attempt"] for each in again["attempts"]] == [1, 2]
    assert all("traceback" not in each["error"] for each in again["attempts"])
    done = post(app, visitor, "/api/jobs?wait=5", {"task": "sample.echo"}).get_json()
    assert post(app, visitor, done["links"]["retry"]).status_code == 409


def test_log_and_files_are_the_owners(app: Flask, visitor: Visitor, tmp_path: Path) -> None:
    """Lines as NDJSON, files as downloads that no browser shows as a page of ours;
    anybody else gets 404, staff sees."""
    body = {"task": "sample.words", "arguments": {"folder": str(tmp_path)}}
    job = post(app, visitor, "/api/jobs?wait=5", body).get_json()
    lines = lines_of(ask(app, job["links"]["log"], cookie=visitor.cookie))
    assert [line["level"] for line in lines] == ["info", "warning", "warning"]
    other, staff = new_visitor(), new_visitor(is_staff=True)
    for file in job["files"]:
        answer = ask(app, file["link"], cookie=visitor.cookie)
        assert (answer.status_code, len(answer.data)) == (200, file["size"])
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        answer.close()
        assert ask(app, file["link"], cookie=other.cookie).status_code == 404
        assert ask(app, file["link"]).status_code == 401
        seen = ask(app, file["link"], cookie=staff.cookie)
        assert seen.status_code == 200
        seen.close()
    for path in (
        job["links"]["log"],
        f"{job['links']['self']}/files/none",
        f"{job['links']['self']}/files/..%2fx",
    ):
        assert ask(app, path, cookie=other.cookie).status_code == 404
    assert ask(app, f"{job['links']['self']}/files/none", cookie=visitor.cookie).status_code == 404


@pytest.mark.parametrize("verb", ["cancel", "retry"])
def test_other_peoples_jobs_can_not_be_touched(app: Flask, visitor: Visitor, verb: str) -> None:
    """404 by every verb, and nothing happens."""
    job = post(app, visitor, "/api/jobs", {"task": "sample.echo", "delay_s": 60}).get_json()
    batch = post(
        app, visitor, "/api/batches", {"task": "sample.hang", "arguments": [{}]}
    ).get_json()
    other = new_visitor()
    assert post(app, other, job["links"][verb]).status_code == 404
    for link in batch["links"].values():
        method = "POST" if link.endswith("cancel") else "GET"
        assert ask(app, link, method=method, cookie=other.cookie).status_code == 404
    assert get(app, visitor, job["links"]["self"])["status"] == "queued"


def test_expired_job_is_410(app: Flask, visitor: Visitor, tmp_path: Path) -> None:
    """Its record names the moment; from then on everything of it is gone, for its owner;
    for others it never was."""
    body = {"task": "sample.brief", "arguments": {"folder": str(tmp_path)}}
    sent: dict[str, Any] = {
        "method": "POST",
        "cookie": visitor.cookie,
        "json": body,
        "headers": {"Idempotency-Key": "brief"},
    }
    job = ask(app, "/api/jobs?wait=5", **sent).get_json()
    assert job["expires_at"]
    path = job["links"]["self"]
    wait_until(lambda: ask(app, path, cookie=visitor.cookie).status_code == 410, timeout_s=3)
    for link in (path, job["links"]["log"], job["files"][0]["link"]):
        answer = ask(app, link, cookie=visitor.cookie)
        assert (answer.status_code, answer.get_json()["code"]) == (410, "job_expired")
    assert post(app, visitor, job["links"]["retry"]).status_code == 410
    # the key is remembered longer than the job
    assert ask(app, "/api/jobs", **sent).status_code == 410
    submit = ask(app, "/api/openapi.json", cookie=visitor.cookie).get_json()["paths"]["/jobs"][
        "post"
    ]
    assert {"404", "410"} <= submit["responses"].keys()
    assert ask(app, path, cookie=new_visitor().cookie).status_code == 404
