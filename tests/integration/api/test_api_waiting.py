"""What spares a client: ETags, waits by query and by preference, and the bare result."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from flask_api.http.state import api_state
from flask_api.testing import running_api
from shared.settings import ApiSettings
from tests.integration.engine import sample_tasks
from tests.integration.gate.gate_bench import SAMPLE_TASKS, Visitor, ask, new_visitor
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("site")


@pytest.fixture
def app(api_settings: ApiSettings) -> Iterator[Flask]:
    """The API with the sample tasks; nobody waits longer than two seconds."""
    sample_tasks.RELEASE.clear()
    with running_api(api_settings, task_modules=(SAMPLE_TASKS,), max_wait_s=2) as app:
        yield app
        sample_tasks.RELEASE.set()


@pytest.fixture
def visitor(site: None) -> Visitor:
    """Somebody who is logged in."""
    return new_visitor()


def submit(
    app: Flask, visitor: Visitor, task: str, *, wait_s: float = 0, **arguments: object
) -> str:
    """Submit a job and return its path."""
    body = {"task": task, "arguments": arguments}
    answer = ask(app, f"/api/jobs?wait={wait_s}", method="POST", cookie=visitor.cookie, json=body)
    assert answer.status_code == 202, answer.data
    return answer.headers["Location"]


def test_unchanged_record_is_not_sent_again(app: Flask, visitor: Visitor) -> None:
    """304 without a body for who has it, by one tag, by one of many, weakly;
    the whole record once it has changed."""
    path = submit(app, visitor, "sample.hang")
    first = ask(app, f"{path}?wait=0.3", cookie=visitor.cookie)
    etag = first.headers["ETag"]
    assert not etag.startswith("W/")
    for sent in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        again = ask(app, path, cookie=visitor.cookie, headers={"If-None-Match": sent})
        assert (again.status_code, again.data) == (304, b"")
        assert again.headers["ETag"] == etag
        assert "Content-Type" not in again.headers
    sample_tasks.RELEASE.set()
    ended = ask(app, f"{path}?wait=2", cookie=visitor.cookie, headers={"If-None-Match": etag})
    assert (ended.status_code, ended.get_json()["status"]) == (200, "succeeded")


def test_tag_of_another_persons_record_tells_nothing(app: Flask, visitor: Visitor) -> None:
    """404 first: a tag that was leaked is no way to ask."""
    path = submit(app, visitor, "sample.echo", wait_s=2)
    etag = ask(app, path, cookie=visitor.cookie).headers["ETag"]
    other = new_visitor()
    assert ask(app, path, cookie=other.cookie, headers={"If-None-Match": etag}).status_code == 404
    assert ask(app, path, headers={"If-None-Match": etag}).status_code == 401


@pytest.mark.parametrize("path", ["/api/tasks", "/api/openapi.json", "/api/docs/api.css"])
def test_what_hardly_changes_has_a_tag_too(app: Flask, visitor: Visitor, path: str) -> None:
    """Clients that ask at every start get 304."""
    etag = ask(app, path, cookie=visitor.cookie).headers["ETag"]
    assert ask(app, path, cookie=visitor.cookie, headers={"If-None-Match": etag}).status_code == 304


PREFERENCES = {
    "wait=1": "wait=1",
    'wait="1"': "wait=1",
    "respond-async, wait=1": "wait=1",
    "Wait=1; foo": "wait=1",
    "wait=99999": "wait=2",
    "wait": None,
    "wait=soon": None,
    "wait=-1": None,
    "await=1": None,
    "wait=1" + "0" * 5000: None,
    "return=minimal": None,
}


@pytest.mark.parametrize(
    ("sent", "applied"), PREFERENCES.items(), ids=[key[:20] for key in PREFERENCES]
)
def test_preference_is_applied_cut_or_ignored(
    app: Flask, visitor: Visitor, sent: str, applied: str | None
) -> None:
    """RFC 7240: a preference is never an error; what was done with it is said."""
    path = submit(app, visitor, "sample.echo", wait_s=2)
    answer = ask(app, path, cookie=visitor.cookie, headers={"Prefer": sent})
    assert (answer.status_code, answer.headers.get("Preference-Applied")) == (200, applied)


def test_preference_waits_and_the_query_wins(app: Flask, visitor: Visitor) -> None:
    """``Prefer: wait=1`` holds the answer of a look and of a submit;
    ``?wait=0`` beside it does not."""
    body = {"task": "sample.hang"}
    began = time.monotonic()
    answer = ask(
        app,
        "/api/jobs",
        method="POST",
        cookie=visitor.cookie,
        json=body,
        headers={"Prefer": "wait=1"},
    )
    assert time.monotonic() - began >= 1
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (202, "wait=1")
    began = time.monotonic()
    quick = ask(
        app,
        f"{answer.headers['Location']}?wait=0",
        cookie=visitor.cookie,
        headers={"Prefer": "wait=2"},
    )
    assert time.monotonic() - began < 1
    assert "Preference-Applied" not in quick.headers


def test_result_is_bare_and_comes_when_it_is_there(app: Flask, visitor: Visitor) -> None:
    """Any JSON value, null too, with a tag; asked for with a wait it comes as soon as the job has
    ended."""
    for value in (None, {"a": [1]}, "text"):
        path = submit(app, visitor, "sample.echo", value=value)
        answer = ask(app, f"{path}/result?wait=2", cookie=visitor.cookie)
        assert (answer.status_code, answer.mimetype, answer.get_json()) == (
            200,
            "application/json",
            [value],
        )
        again = ask(
            app,
            f"{path}/result",
            cookie=visitor.cookie,
            headers={"If-None-Match": answer.headers["ETag"]},
        )
        assert again.status_code == 304


def test_job_without_a_result_says_why(app: Flask, visitor: Visitor) -> None:
    """409 with a code for each reason; the error of a failed job without its traceback,
    which staff gets."""
    running = submit(app, visitor, "sample.hang")
    failed = submit(app, visitor, "sample.fail", wait_s=2, message="no luck")
    cancelled = submit(app, visitor, "sample.hang")
    ask(app, f"{cancelled}/cancel", method="POST", cookie=visitor.cookie)
    ask(app, f"{cancelled}?wait=2", cookie=visitor.cookie)
    codes = {}
    for name, path in (("running", running), ("failed", failed), ("cancelled", cancelled)):
        answer = ask(app, f"{path}/result", cookie=visitor.cookie)
        assert answer.status_code == 409
        codes[name] = answer.get_json()["code"]
    assert codes == {
        "running": "job_unfinished",
        "failed": "job_failed",
        "cancelled": "job_cancelled",
    }
    problem = ask(app, f"{failed}/result", cookie=visitor.cookie).get_json()
    assert problem["error"] == {
        "type": "RuntimeError",
        "message": "no luck",
        "bases": ["Exception"],
    }
    staff = new_visitor(is_staff=True)
    assert "traceback" in ask(app, f"{failed}/result", cookie=staff.cookie).get_json()["error"]
    assert ask(app, f"{failed}/result", cookie=new_visitor().cookie).status_code == 404


def test_results_of_a_batch_wait_no_longer_than_anybody_may(app: Flask, visitor: Visitor) -> None:
    """The longest wait is one for all: beyond it 400 with what is accepted."""
    body = {"task": "sample.echo", "arguments": [{}]}
    batch = ask(app, "/api/batches", method="POST", cookie=visitor.cookie, json=body).get_json()
    refused = ask(app, f"{batch['links']['results']}?wait=3", cookie=visitor.cookie)
    assert (refused.status_code, refused.get_json()["errors"]) == (
        400,
        [{"parameter": "wait", "detail": "must be 0 to 2 seconds"}],
    )
    assert ask(app, f"{batch['links']['results']}?wait=2", cookie=visitor.cookie).status_code == 200


def test_who_is_logged_out_while_they_wait_reads_nothing(app: Flask, visitor: Visitor) -> None:
    """The credential is looked at again after the wait:
    401, whether they wait for a record or for a result."""
    path = submit(app, visitor, "sample.hang")
    job_id = path.rpartition("/")[2]
    watchers = api_state(app).engine._waiting._watchers
    with ThreadPoolExecutor(2) as threads:
        asked = [
            threads.submit(ask, app, f"{each}?wait=2", cookie=visitor.cookie)
            for each in (path, f"{path}/result")
        ]
        wait_until(lambda: len(watchers.get(job_id, ())) == 2, timeout_s=2, what="both wait")
        visitor.browser.logout()
        sample_tasks.RELEASE.set()
    assert [answer.result().status_code for answer in asked] == [401, 401]


def test_results_wait_only_while_a_place_is_free(
    api_settings: ApiSettings, visitor: Visitor
) -> None:
    """Where who waits holds a thread of the server: beyond the bound the answer ends with what there is,
    to be asked again."""
    sample_tasks.RELEASE.clear()
    with running_api(api_settings, task_modules=(SAMPLE_TASKS,), max_waiting=1) as app:
        body = {"task": "sample.hang", "arguments": [{}]}
        batch = ask(app, "/api/batches", method="POST", cookie=visitor.cookie, json=body).get_json()
        places = api_state(app).streams._places.long_polls
        places.take("another")
        answer = ask(app, f"{batch['links']['results']}?wait=30", cookie=visitor.cookie)
        places.free("another")
        assert (answer.status_code, answer.data) == (200, b"")
        sample_tasks.RELEASE.set()
        waited = ask(app, f"{batch['links']['results']}?wait=30", cookie=visitor.cookie)
        assert len(waited.data.splitlines()) == 1
