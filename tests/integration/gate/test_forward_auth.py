"""/api/auth: a proxy asks whether a request may pass, and what the service behind it is told.

tests/e2e/mounted/test_nginx.py has a real proxy.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from flask import Flask
from pydantic import SecretStr
from werkzeug.test import TestResponse

from flask_api.gate.user_headers import ASSERTION, GROUPS_BYTES
from flask_api.testing import running_api
from shared.settings import ApiSettings
from tests.integration.gate.gate_bench import ask, new_visitor

pytestmark = pytest.mark.usefixtures("site")

SECRETS = {"reports": "a secret that only reports and the gate know", "wiki": "w" * 32}
PAGE = {"Accept": "text/html,*/*;q=0.8"}


@pytest.fixture(scope="module")
def gate(api_settings: ApiSettings) -> Iterator[Flask]:
    """An API with audiences, its log-in on another host."""
    secrets = {name: SecretStr(secret) for name, secret in SECRETS.items()}
    login = "https://id.example/accounts/login/"
    with running_api(api_settings, audience_secrets=secrets, login_url=login) as app:
        yield app


def passage(
    app: Flask, query: str = "", *, method: str = "GET", uri: str = "/monthly", **sent: Any
) -> TestResponse:
    """Ask as a proxy does about a request to reports.example."""
    headers = {
        "X-Forwarded-Method": method,
        "X-Forwarded-Host": "reports.example",
        "X-Forwarded-Uri": uri,
        **sent.pop("headers", {}),
    }
    return ask(app, f"/api/auth{query}", headers=headers, **sent)


def grouped(*names: str, **fields: Any) -> Any:
    """Return somebody in these groups, logged in."""
    from django.contrib.auth.models import Group

    visitor = new_visitor(**fields)
    visitor.person.groups.set([Group.objects.get_or_create(name=name)[0] for name in names])
    return visitor


def test_who_is_logged_in_passes_and_the_service_is_told_who(gate: Flask) -> None:
    """204 without a body; nothing in a header can be taken for two values."""
    visitor = grouped("editors", "a, b", "Größe")
    answer = passage(gate, cookie=visitor.cookie)
    assert (answer.status_code, answer.data) == (204, b"")
    headers = answer.headers
    assert headers["Remote-User"] == visitor.person.username
    assert headers["Remote-Email"] == visitor.person.email
    assert sorted(headers["Remote-Groups"].split(",")) == ["Gr%C3%B6%C3%9Fe", "a%2C b", "editors"]
    assert headers["X-Gatehouse-User-Id"] == str(visitor.person.pk)
    assert headers["X-Gatehouse-Credential"] == "session"
    assert headers["Cache-Control"] == "no-store"
    assert ASSERTION not in headers


def test_unverified_address_is_not_told(gate: Flask) -> None:
    """A service that knows people by their address would take it for somebody else."""
    from allauth.account.models import EmailAddress

    visitor = new_visitor()
    EmailAddress.objects.filter(user=visitor.person).update(verified=False)
    visitor.person.save()
    assert passage(gate, cookie=visitor.cookie).headers["Remote-Email"] == ""


def test_too_many_groups_are_left_out_and_that_is_said(gate: Flask) -> None:
    """A proxy that refuses long headers would lock the person out."""
    names = [f"{'g' * 90}{number}" for number in range(GROUPS_BYTES // 90 + 1)]
    answer = passage(gate, "?audience=reports", cookie=grouped(*names).cookie)
    assert answer.headers["X-Gatehouse-Omitted"] == "groups"
    assert answer.headers["Remote-Groups"] == ""
    assert sum(len(name) + len(value) for name, value in answer.headers) < 3_500


def test_assertion_is_good_for_its_audience_alone(gate: Flask) -> None:
    """Signed with the secret of that service; it says who, by which credential, until when."""
    visitor = grouped("editors")
    answer = passage(gate, "?audience=reports", cookie=visitor.cookie)
    token = answer.headers[ASSERTION]
    claims = jwt.decode(token, SECRETS["reports"], ["HS256"], audience="reports")
    assert claims["exp"] - claims["iat"] == 60
    told = ("iss", "sub", "preferred_username", "email", "email_verified", "groups", "credential")
    person = visitor.person
    assert [claims[name] for name in told] == [
        "gatehouse", str(person.pk), person.username, person.email, True, ["editors"], "session",
    ]  # fmt: skip
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(token, SECRETS["wiki"], ["HS256"], audience="reports")
    with pytest.raises(jwt.InvalidAudienceError):
        jwt.decode(token, SECRETS["reports"], ["HS256"], audience="wiki")
    assert claims["passage"] == {}
    asked = passage(gate, "?audience=reports&group=editors", cookie=visitor.cookie)
    claims = jwt.decode(asked.headers[ASSERTION], SECRETS["reports"], ["HS256"], audience="reports")
    assert claims["passage"] == {"group": "editors"}
    unknown = passage(gate, "?audience=shop", cookie=visitor.cookie)
    assert unknown.status_code == 404
    assert "GATEHOUSE_AUDIENCE_SECRETS" in unknown.get_json()["detail"]


@pytest.mark.parametrize(
    ("query", "fields", "status"),
    [
        ("?staff=true", {"is_staff": True}, 204),
        ("?staff=true", {}, 403),
        ("?group=editors", {"groups": ["editors"]}, 204),
        ("?group=editor", {"groups": ["editors"]}, 403),
        ("?permission=keys.view_apikey", {"is_superuser": True}, 204),
        ("?permission=keys.view_apikey", {}, 403),
        ("?permission=keys.view_apikey&group=editors", {"is_superuser": True}, 403),
        ("?scope=services:reports", {}, 204),
        ("?colour=red", {}, 400),
        ("?permission=", {}, 400),
        ("?group=", {}, 400),
        ("?scope=", {}, 400),
        ("?audience=", {}, 400),
        ("?staff=", {}, 400),
        ("?redirect=always", {}, 400),
    ],
)
def test_query_says_who_may_pass(
    gate: Flask, query: str, fields: dict[str, Any], status: int
) -> None:
    """Each that is given has to hold; a wrong one lets nobody in."""
    visitor = grouped(
        *fields.get("groups", ()), **{k: v for k, v in fields.items() if k != "groups"}
    )
    assert passage(gate, query, cookie=visitor.cookie).status_code == status


def test_key_passes_where_the_operator_says_with_which_scope(gate: Flask) -> None:
    """A key for jobs opens nothing that nobody said it opens."""
    from django_site.keys.issue import create_key

    person = new_visitor().person
    scopes = ["services:reports", "jobs:read"]
    _, token = create_key(person, name="reports", scopes=scopes, expires_in_days=1)
    key = {"Authorization": f"Bearer {token}"}
    answer = passage(gate, "?scope=services:reports&audience=reports", headers=key)
    assert answer.status_code == 204
    assert answer.headers["X-Gatehouse-Credential"] == "key"
    assert answer.headers["X-Gatehouse-Scopes"] == "jobs:read services:reports"
    assert jwt.decode(answer.headers[ASSERTION], SECRETS["reports"], ["HS256"], audience="reports")[
        "scope"
    ] == ("jobs:read services:reports")
    for query in ("", "?scope=services:wiki", "?staff=false", "?scope=jobs:read&audience=wiki"):
        assert passage(gate, query, headers=key).status_code == 403, query


def test_browser_is_sent_to_the_log_in_and_back(gate: Flask) -> None:
    """To the page that it asked the proxy for; a script gets 401, and so does nginx."""
    answer = passage(gate, uri="/monthly?year=2026&a=%26", headers=PAGE)
    assert answer.status_code == 302
    target = urlsplit(answer.headers["Location"])
    assert (target.netloc, target.path) == ("id.example", "/accounts/login/")
    asked = parse_qs(target.query)
    assert asked["next"] == ["http://reports.example/monthly?year=2026&a=%26"]
    assert asked["reason"] == ["login_required"]
    for refused in (
        passage(gate),
        passage(gate, "?redirect=never", headers=PAGE),
        passage(gate, method="POST", headers=PAGE),
    ):
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("uri", ["//evil.example/", "/\\evil.example", "https://evil.example", ""])
def test_log_in_leads_back_to_a_path_of_the_host(gate: Flask, uri: str) -> None:
    """Whatever a client makes the proxy say."""
    answer = passage(gate, uri=uri, headers=PAGE)
    assert answer.status_code == 302
    back = parse_qs(urlsplit(answer.headers["Location"]).query)["next"][0]
    assert urlsplit(back).netloc == "reports.example"


CROSS_SITE = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", CROSS_SITE, 204),
        ("POST", CROSS_SITE, 403),
        ("DELETE", {"Origin": "https://evil.example"}, 403),
        ("POST", {"Sec-Fetch-Site": "same-origin"}, 204),
        ("POST", {"Origin": "https://reports.example"}, 204),
        ("POST", {"Origin": "http://localhost"}, 403),
        ("GET, POST", CROSS_SITE, 403),
        ("", CROSS_SITE, 403),
        ("GET", {"Origin": "https://evil.example", "Sec-WebSocket-Key": "x"}, 403),
        ("GET", {"Origin": "https://reports.example", "Sec-WebSocket-Key": "x"}, 204),
    ],
)
def test_cookie_changes_something_only_from_the_services_own_pages(
    gate: Flask, method: str, headers: dict[str, str], status: int
) -> None:
    """The method is that of the request which is asked about; an unknown one changes something."""
    answer = passage(gate, method=method, headers=headers, cookie=new_visitor().cookie)
    assert answer.status_code == status, answer.text


def test_log_out_counts_at_once(gate: Flask) -> None:
    """The gate's own verdict, not one that was kept."""
    visitor = new_visitor()
    assert passage(gate, cookie=visitor.cookie).status_code == 204
    visitor.browser.post("/accounts/logout/")
    assert passage(gate, cookie=visitor.cookie).status_code == 401
