"""What every answer of the API carries, errors too; and that the API works under any prefix."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from flask_api.testing import running_api
from shared.http.response_headers import SECURITY_HEADERS
from shared.settings import ApiSettings
from tests.integration.gate.gate_bench import Visitor, ask, new_visitor

pytestmark = pytest.mark.usefixtures("site")

JOB = {"task": "primes.sum", "arguments": {"limit": 10}}
HTML = {"Accept": "text/html"}


@pytest.fixture
def visitor(site: None) -> Visitor:
    """Somebody who is logged in."""
    return new_visitor()


@pytest.fixture
def elsewhere(api_settings: ApiSettings) -> Iterator[Flask]:
    """The API under another prefix, of two parts."""
    with running_api(api_settings, api_prefix="/backend/v1") as app:
        yield app


Request = Callable[[Flask, Visitor], TestResponse]

ANSWERS: dict[str, tuple[int, Request]] = {
    "found": (200, lambda app, v: ask(app, "/api/me", cookie=v.cookie)),
    "open": (200, lambda app, v: ask(app, "/api/health/live")),
    "accepted": (
        202,
        lambda app, v: ask(app, "/api/jobs", method="POST", cookie=v.cookie, json=JOB),
    ),
    "to log in": (302, lambda app, v: ask(app, "/api/me", headers=HTML)),
    "two cookies": (
        400,
        lambda app, v: ask(app, "/api/me", headers={"Cookie": "sessionid=a; sessionid=b"}),
    ),
    "wrong query": (400, lambda app, v: ask(app, "/api/jobs?limit=0", cookie=v.cookie)),
    "not logged in": (401, lambda app, v: ask(app, "/api/me")),
    "from elsewhere": (
        403,
        lambda app, v: ask(
            app, "/api/jobs", method="POST", cookie=v.cookie, headers={"Origin": "null"}, json=JOB
        ),
    ),
    "absent": (404, lambda app, v: ask(app, "/api/nothing", cookie=v.cookie)),
    "wrong method": (405, lambda app, v: ask(app, "/api/me", method="PUT", cookie=v.cookie)),
    "too large": (
        413,
        lambda app, v: ask(
            app, "/api/jobs", method="POST", cookie=v.cookie, json={"task": "x" * 2_000_000}
        ),
    ),
    "a form": (
        415,
        lambda app, v: ask(app, "/api/jobs", method="POST", cookie=v.cookie, data={"task": "x"}),
    ),
    "wrong arguments": (
        422,
        lambda app, v: ask(app, "/api/jobs", method="POST", cookie=v.cookie, json={"task": 1}),
    ),
    "our own fault": (500, lambda app, v: ask(app, "/api/broken", cookie=v.cookie)),
    "options": (200, lambda app, v: ask(app, "/api/me", method="OPTIONS", cookie=v.cookie)),
    "head": (200, lambda app, v: ask(app, "/api/me", method="HEAD", cookie=v.cookie)),
}


def _broken() -> str:
    raise ZeroDivisionError("canary: what is in the exception")


@pytest.mark.parametrize(("status", "request_it"), ANSWERS.values(), ids=ANSWERS.keys())
def test_every_answer_carries_the_security_headers(
    api: Flask, visitor: Visitor, status: int, request_it: Request
) -> None:
    """OWASP ASVS 3.4, on errors and redirects too;
    no cookie, and no cache may mix up two people."""
    api.add_url_rule("/broken", view_func=_broken)
    answer = request_it(api, visitor)
    assert answer.status_code == status
    for name, value in SECURITY_HEADERS.items():
        assert answer.headers[name] == value
    assert {"Cookie", "Authorization"} <= set(answer.vary.as_set(preserve_casing=True))
    assert "Set-Cookie" not in answer.headers
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_unexpected_error_is_opaque_and_its_id_is_in_the_log(
    api: Flask, visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    """The client gets an id; only the log has the exception."""
    api.add_url_rule("/broken", view_func=_broken)
    answer = ask(api, "/api/broken", cookie=visitor.cookie)
    problem = answer.get_json()
    assert (answer.status_code, answer.mimetype) == (500, "application/problem+json")
    assert b"canary" not in answer.data
    assert b"ZeroDivision" not in answer.data
    (record,) = [record for record in caplog.records if record.name == "gatehouse.api"]
    assert vars(record)["error_id"] == problem["error_id"]
    assert "canary" in str(record.exc_info)


def test_type_of_a_problem_leads_to_its_meaning(api: Flask, visitor: Visitor) -> None:
    """Without a log-in: who gets 401 may read what that is."""
    for answer in (ask(api, "/api/me"), ask(api, "/api/jobs?limit=0", cookie=visitor.cookie)):
        problem = answer.get_json()
        page = ask(api, problem["type"])
        assert page.status_code == 200
        assert (page.get_json()["code"], page.get_json()["status"]) == (
            problem["code"],
            problem["status"],
        )
        assert page.get_json()["meaning"]


def test_production_answers_demand_https(api_settings: ApiSettings) -> None:
    """HSTS, and the cookie is the one with the __Host- prefix."""
    secure = {"X-Forwarded-Proto": "https"}
    with running_api(api_settings, production=True, trusted_proxy=True) as app:
        assert ask(app, "/api/me").headers["Strict-Transport-Security"].startswith("max-age=")
        visitor = new_visitor()
        assert ask(app, "/api/me", cookie=visitor.cookie, headers=secure).status_code == 401
        headers = {"Cookie": f"__Host-sessionid={visitor.cookie}", **secure}
        assert ask(app, "/api/me", headers=headers).status_code == 200


def test_links_follow_the_prefix(elsewhere: Flask, visitor: Visitor) -> None:
    """Location, links of a record, of a page of a listing:
    each is a path that works as it stands."""
    prefix = "/backend/v1"
    paths = []
    for _ in range(2):
        answer = ask(
            elsewhere, f"{prefix}/jobs?wait=10", method="POST", cookie=visitor.cookie, json=JOB
        )
        assert answer.headers["Location"] == answer.get_json()["links"]["self"]
        paths.append(answer.headers["Location"])
    page: dict[str, Any] = ask(
        elsewhere, f"{prefix}/jobs?limit=1", cookie=visitor.cookie
    ).get_json()
    for path in (*paths, page["links"]["next"], page["jobs"][0]["links"]["self"]):
        assert path.startswith(f"{prefix}/jobs")
        assert ask(elsewhere, path, cookie=visitor.cookie).status_code == 200


def test_problem_type_and_log_in_follow_the_prefix(elsewhere: Flask) -> None:
    """``type`` is an address that answers, ``next`` leads back under the prefix."""
    problem = ask(elsewhere, "/backend/v1/me").get_json()
    assert problem["type"] == "/backend/v1/problems/not_authenticated"
    assert ask(elsewhere, problem["type"]).status_code == 200
    redirect = ask(elsewhere, "/backend/v1/jobs?limit=3", headers=HTML)
    assert redirect.headers["Location"].startswith(
        "/accounts/login/?next=%2Fbackend%2Fv1%2Fjobs%3Flimit%3D3&"
    )


def test_old_prefix_is_not_the_apis_any_more(elsewhere: Flask, visitor: Visitor) -> None:
    """Nothing is bound to /api."""
    assert ask(elsewhere, "/api/me", cookie=visitor.cookie).status_code == 404
    assert ask(elsewhere, "/backend/v1/me", cookie=visitor.cookie).status_code == 200
