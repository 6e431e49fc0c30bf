"""Sharing the rows of a job: an address for whoever is logged in, until its owner ends it,
and nothing but the rows."""

import base64
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from deploy.redis.valkey import EmbeddedValkey
from flask_api.testing import running_api
from shared.settings import ApiSettings
from tests.integration.gate.gate_bench import Visitor, admin_of, ask, keys_of, new_visitor
from tests.integration.tables.test_tables_rows import run
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("site")


@pytest.fixture
def app(api_settings: ApiSettings, tmp_path: Path) -> Iterator[Flask]:
    """The API with tasks that keep rows."""
    url = f"file://{tmp_path / 'files'}"
    with running_api(
        api_settings, task_modules=("tests.integration.tables.row_tasks",), job_files_url=url
    ) as app:
        yield app


@pytest.fixture
def visitor(site: None) -> Visitor:
    """Somebody who is logged in."""
    return new_visitor()


@pytest.fixture
def job(app: Flask, visitor: Visitor) -> dict[str, Any]:
    """A job of theirs that keeps rows."""
    return run(app, visitor)


def share(app: Flask, visitor: Visitor, job: dict[str, Any], method: str = "POST") -> TestResponse:
    """Share the job's rows, or end it."""
    return ask(app, f"/api/jobs/{job['id']}/share", method=method, cookie=visitor.cookie)


def test_shared_rows_are_seen_by_whoever_is_logged_in(
    app: Flask, visitor: Visitor, job: dict[str, Any]
) -> None:
    """By several people, page by page; not by somebody who is not logged in;
    the job itself stays the owner's."""
    answer = share(app, visitor, job)
    url = answer.get_json()["url"]
    assert (answer.status_code, answer.headers["Location"]) == (201, url)
    assert answer.get_json()["expires_at"] == job["expires_at"]
    for other in (new_visitor(), new_visitor(), visitor):
        page = ask(app, f"{url}?size=200", cookie=other.cookie)
        assert (page.status_code, page.get_json()["total"]) == (200, 250)
        rest = ask(app, page.get_json()["links"]["next"], cookie=other.cookie).get_json()
        assert rest["rows"][-1] == [249, "word 249"]
    assert ask(app, url).status_code == 401
    stranger = new_visitor()
    for path in ("", "/rows", "/result", "/files/rows.parquet"):
        assert ask(app, f"/api/jobs/{job['id']}{path}", cookie=stranger.cookie).status_code == 404


def test_shared_answer_tells_nothing_but_the_rows(
    app: Flask, visitor: Visitor, job: dict[str, Any]
) -> None:
    """Not whose they are, which job made them, nor from what."""
    answer = ask(app, share(app, visitor, job).get_json()["url"], cookie=new_visitor().cookie)
    assert set(answer.get_json()) == {"columns", "rows", "page", "size", "pages", "total", "links"}
    for secret in (job["id"], visitor.person.username, visitor.person.email, "SELECT"):
        assert secret not in answer.get_data(as_text=True)


def test_ended_share_opens_nothing(app: Flask, visitor: Visitor, job: dict[str, Any]) -> None:
    """404 from the next request on; ending it again is fine."""
    url = share(app, visitor, job).get_json()["url"]
    assert [share(app, visitor, job, "DELETE").status_code for _ in range(2)] == [204, 204]
    assert ask(app, url, cookie=visitor.cookie).status_code == 404


def test_sharing_again_ends_the_old_address(
    app: Flask, visitor: Visitor, job: dict[str, Any]
) -> None:
    """Whom the old one was given to no longer sees anything."""
    old, new = (share(app, visitor, job).get_json()["url"] for _ in range(2))
    assert ask(app, old, cookie=visitor.cookie).status_code == 404
    assert ask(app, new, cookie=visitor.cookie).status_code == 200


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_only_the_owner_shares(
    app: Flask, visitor: Visitor, job: dict[str, Any], method: str
) -> None:
    """Not another person, not staff, not nobody, not another site's page."""
    url = share(app, visitor, job).get_json()["url"]
    assert share(app, new_visitor(), job, method).status_code == 404
    assert share(app, new_visitor(is_staff=True), job, method).status_code == 404
    assert ask(app, f"/api/jobs/{job['id']}/share", method=method).status_code == 401
    headers = {"Sec-Fetch-Site": "cross-site"}
    path = f"/api/jobs/{job['id']}/share"
    assert ask(app, path, method=method, cookie=visitor.cookie, headers=headers).status_code == 403
    assert ask(app, url, cookie=visitor.cookie).status_code == 200, "nothing has changed"


def test_only_rows_can_be_shared(app: Flask, visitor: Visitor) -> None:
    """A job that keeps none is 404, one that failed or has not ended 409."""
    assert share(app, visitor, run(app, visitor, "rows.none")).status_code == 404
    assert share(app, visitor, run(app, visitor, "rows.fail")).status_code == 409
    body = {"task": "rows.keep", "delay_s": 3600}
    waiting = ask(app, "/api/jobs", method="POST", cookie=visitor.cookie, json=body).get_json()
    assert share(app, visitor, waiting).status_code == 409


def test_expired_share_is_410(app: Flask, visitor: Visitor) -> None:
    """It ends with the job; who has the address is told so, who has not is not."""
    job = run(app, visitor, "rows.brief")
    url = share(app, visitor, job).get_json()["url"]
    wait_until(lambda: ask(app, url, cookie=visitor.cookie).status_code == 410, timeout_s=5)
    assert ask(app, url[:-20] + "A" * 15 + "/rows", cookie=visitor.cookie).status_code == 404


def test_altered_token_opens_nothing(app: Flask, visitor: Visitor, job: dict[str, Any]) -> None:
    """Any bit of it, a piece of it, what is no token at all: 404, never a 500."""
    token = share(app, visitor, job).get_json()["token"]
    raw = base64.urlsafe_b64decode(token)
    assert len(raw) == 48
    altered = [
        raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :] for place in (0, 15, 16, 47)
    ]
    tokens = [
        base64.urlsafe_b64encode(each).decode()
        for each in [*altered, raw[:-1], raw + b"x", raw[:16]]
    ]
    for wrong in [
        *tokens,
        "x",
        "ü",
        "%00",
        "a" * 5000,
        token.replace(token[0], "*", 1),
        f"{token}=",
        job["id"],
    ]:
        answer = ask(app, f"/api/shared/{wrong}/rows", cookie=visitor.cookie)
        assert (answer.status_code, answer.get_json()["code"]) == (404, "job_not_found"), wrong


def test_log_holds_no_token(
    app: Flask, visitor: Visitor, job: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Who follows the address before they log in, or misspells it,
    leaves a line that opens nothing."""
    shared = share(app, visitor, job).get_json()
    url, token = shared["url"], shared["token"]
    with caplog.at_level(logging.INFO, logger="gatehouse.security"):
        for path in (url, f"{url}/x", url.replace("rows", "row")):
            assert ask(app, path).status_code == 401
    paths = [vars(record)["path"] for record in caplog.records if record.getMessage() == "refused"]
    assert len(paths) == 3
    assert token not in str(paths)


def test_redis_holds_no_token(
    app: Flask, visitor: Visitor, job: dict[str, Any], valkey: EmbeddedValkey
) -> None:
    """Who reads a dump can't open anything; the entry goes some time after the job."""
    secret = base64.urlsafe_b64decode(share(app, visitor, job).get_json()["token"])[16:]
    with admin_of(valkey) as admin:
        assert keys_of(admin, f"gatehouse:jobs:shared:{job['id']}")
        stored = admin.get(f"gatehouse:jobs:shared:{job['id']}")
        assert isinstance(stored, bytes)
        assert len(stored) == 64
        assert secret.hex().encode() not in stored
        lives_s = admin.ttl(f"gatehouse:jobs:shared:{job['id']}")
        assert isinstance(lives_s, int)
        assert 3500 < lives_s - 7 * 86_400 <= 3600
