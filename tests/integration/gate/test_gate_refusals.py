"""Who is not logged in: a browser goes to log in and comes back, everything else gets 401;
nothing is open by accident."""

from urllib.parse import parse_qs, quote, urlsplit

import pytest
from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from flask_api.app import OPEN_ENDPOINTS
from flask_api.testing import running_api
from shared.settings import ApiSettings
from tests.integration.gate.gate_bench import ask, new_visitor

pytestmark = pytest.mark.usefixtures("site")

CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
PAGES = [CHROME, "text/html", "text/html, application/json;q=0.9", "text/*"]
SCRIPTS = [
    "*/*",
    "",
    "application/json",
    "application/json, text/html;q=0.9",
    "application/json, text/html",
    "image/png",
    "@@",
]


def _asked(answer: TestResponse) -> dict[str, list[str]]:
    """Return the query of the log-in page that a redirect leads to."""
    assert answer.status_code == 302, answer.data
    address = urlsplit(answer.headers["Location"])
    assert (address.scheme, address.netloc, address.path) == ("", "", "/accounts/login/")
    return parse_qs(address.query)


@pytest.mark.parametrize("accept", PAGES)
def test_browser_is_sent_to_log_in_and_back(api: Flask, accept: str) -> None:
    """``next`` is the whole path with prefix and query; the reason is for the note on the page."""
    answer = ask(api, "/api/jobs?limit=5&task=primes.sum", headers={"Accept": accept})
    assert _asked(answer) == {
        "next": ["/api/jobs?limit=5&task=primes.sum"],
        "reason": ["login_required"],
    }


@pytest.mark.parametrize("accept", SCRIPTS)
def test_script_gets_401_problem(api: Flask, accept: str) -> None:
    """curl sends ``*/*``: it gets problem+json and the scheme that it can log in with,
    no redirect."""
    answer = ask(api, "/api/me", headers={"Accept": accept} if accept else {})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.mimetype == "application/problem+json"
    problem = answer.get_json()
    assert (problem["status"], problem["code"], problem["type"]) == (
        401,
        "not_authenticated",
        "/api/problems/not_authenticated",
    )


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_only_a_page_view_is_redirected(api: Flask, method: str) -> None:
    """After log-in a browser would come back with GET:
    a POST must not be lost that way, it is 401."""
    answer = ask(api, "/api/jobs", method=method, headers={"Accept": CHROME})
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")


@pytest.mark.parametrize(
    "path",
    [
        "/api//evil.example/",
        "/api/%2F%2Fevil.example",
        "/api/%5Cevil.example",
        "/api/@evil.example",
    ],
)
def test_next_never_leads_to_another_host(api: Flask, path: str) -> None:
    """Whatever the path says, ``next`` begins with this service's own prefix;
    under another's host nothing is answered."""
    (target,) = _asked(ask(api, path, headers={"Accept": CHROME, "Host": "localhost"}))["next"]
    assert target.startswith("/api/")
    assert urlsplit(target).netloc == ""
    refused = ask(api, path, headers={"Accept": CHROME, "Host": "evil.example"})
    assert (refused.status_code, refused.headers.get("Location")) == (400, None)


def test_next_keeps_escapes_that_matter(api: Flask) -> None:
    """A query value with reserved characters comes back as it was asked."""
    value = quote("a&b=c#d é\r\nX: y", safe="")
    (target,) = _asked(ask(api, f"/api/jobs?task={value}", headers={"Accept": CHROME}))["next"]
    assert parse_qs(urlsplit(target).query)["task"] == ["a&b=c#d é\r\nX: y"]


@pytest.mark.parametrize(
    "page", ["http://id.example.org:8000/in/", "https://id.example.org/in/?realm=a"]
)
def test_log_in_page_elsewhere_is_told_the_whole_way_back(
    api_settings: ApiSettings, page: str
) -> None:
    """``next`` names this service, scheme and port included, for the site serves other hosts."""
    headers = {"Accept": CHROME, "Host": "localhost:5000", "X-Forwarded-Proto": "https"}
    with running_api(api_settings, login_url=page, trusted_proxy=True) as app:
        answer = ask(app, "/api/jobs?limit=5", headers=headers)
        assert 'href="' + page.partition("in/")[0] in ask(
            app, "/api/problems/queue_full", headers=headers
        ).get_data(as_text=True)
    address = answer.headers["Location"]
    assert address.startswith(page)
    assert parse_qs(urlsplit(address).query)["next"] == ["https://localhost:5000/api/jobs?limit=5"]


def test_person_comes_back_to_the_page_after_log_in(api: Flask) -> None:
    """Django's page accepts the ``next`` that Flask made, and leads there."""
    visitor = new_visitor()
    visitor.browser.logout()
    redirect = ask(api, "/api/jobs?limit=5", headers={"Accept": CHROME}).headers["Location"]
    assert "Please log in to see that page" in visitor.browser.get(redirect).content.decode()
    data = {
        "login": visitor.person.username,
        "password": "correct horse battery staple",
        "next": "/api/jobs?limit=5",
    }
    answer = visitor.browser.post("/accounts/login/", data)
    assert (answer.status_code, answer["Location"]) == (302, "/api/jobs?limit=5")


def _path_of(api: Flask, rule: Rule) -> str:
    """Return a path that the rule matches, with a UUID for every variable part."""
    values = dict.fromkeys(rule.arguments, "00000000-0000-7000-8000-000000000000")
    return "/api" + api.url_map.bind("localhost").build(rule.endpoint, values)


def test_every_rule_is_gated_unless_it_is_on_the_open_list(api: Flask) -> None:
    """A view that somebody adds and forgets to decorate is 401 all the same, for every method."""
    gated = [rule for rule in api.url_map.iter_rules() if rule.endpoint not in OPEN_ENDPOINTS]
    assert len(gated) >= 5
    for rule in gated:
        for method in sorted(rule.methods or ()):
            answer = ask(api, _path_of(api, rule), method=method)
            assert answer.status_code == 401, f"{method} {rule}"
            assert "Set-Cookie" not in answer.headers


def test_view_without_a_decorator_is_gated(api: Flask) -> None:
    """The default is a closed door."""
    api.add_url_rule("/forgotten", view_func=lambda: "secret")
    assert ask(api, "/api/forgotten").status_code == 401
    assert ask(api, "/api/forgotten", cookie=new_visitor().cookie).data == b"secret"


@pytest.mark.parametrize(
    "path",
    ["/api/nothing-here", "/api", "/api/", "/api/jobs/", "/api/jobs/not-a-uuid", "/api/../admin"],
)
@pytest.mark.parametrize("method", ["GET", "POST", "TRACE"])
def test_unknown_path_is_401_before_404(api: Flask, path: str, method: str) -> None:
    """Who is not logged in can't find out what there is."""
    assert ask(api, path, method=method).status_code == 401


@pytest.mark.parametrize("path", ["/api/health/live", "/api/problems/not_authenticated"])
def test_open_endpoint_needs_no_credential_and_ignores_a_bad_one(api: Flask, path: str) -> None:
    """A probe that happens to carry a stale cookie is answered."""
    assert ask(api, path).status_code == 200
    assert ask(api, path, cookie="stale").status_code == 200


def test_the_open_list_is_what_this_test_says(api: Flask) -> None:
    """Opening another endpoint is a decision: it changes this line."""
    assert sorted(OPEN_ENDPOINTS) == [
        "docs.asset",
        "health.live",
        "health.ready",
        "metrics.show",
        "problems.show",
    ]
    assert {rule.endpoint for rule in api.url_map.iter_rules()} >= OPEN_ENDPOINTS
