"""A cookie rides on requests that other sites cause:
only this site's own pages may change something with it.

Source: OWASP ASVS 5.0, 3.5.1; the Fetch Metadata specification; RFC 6454.
"""

from collections.abc import Iterator

import pytest
import redis
from flask import Flask

from deploy.redis.valkey import EmbeddedValkey
from flask_api.testing import running_api
from shared.settings import ApiSettings
from tests.integration.gate.gate_bench import admin_of, ask, keys_of, new_visitor

pytestmark = pytest.mark.usefixtures("site")

JOB = {"task": "primes.sum", "arguments": {"limit": 10}}

REFUSED = {
    "another site": {"Sec-Fetch-Site": "cross-site"},
    "a sibling host": {"Sec-Fetch-Site": "same-site"},
    "a value that is none": {"Sec-Fetch-Site": "elsewhere"},
    "an empty value": {"Sec-Fetch-Site": ""},
    "two values": {"Sec-Fetch-Site": "same-origin, cross-site"},
    "metadata counts before origin": {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    "origin null": {"Origin": "null"},
    "other host": {"Origin": "http://evil.example"},
    "other port": {"Origin": "http://localhost:81"},
    "sub-domain": {"Origin": "http://evil.localhost"},
    "host as a prefix": {"Origin": "http://localhost.evil.example"},
    "host as a user name": {"Origin": "http://localhost@evil.example"},
    "empty origin": {"Origin": ""},
    "origin without a host": {"Origin": "file://"},
    "origin that is no URL": {"Origin": "http://["},
}
ACCEPTED: dict[str, dict[str, str]] = {
    "page of this site": {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"},
    "typed by the person": {"Sec-Fetch-Site": "none"},
    "same origin, older browser": {"Origin": "http://localhost"},
    "no browser": {},
}


@pytest.fixture
def admin(valkey: EmbeddedValkey) -> Iterator[redis.Redis]:
    """A client that may do everything."""
    with admin_of(valkey) as client:
        yield client


@pytest.mark.parametrize("headers", REFUSED.values(), ids=REFUSED.keys())
def test_unsafe_request_from_elsewhere_is_refused(
    api: Flask, admin: redis.Redis, headers: dict[str, str]
) -> None:
    """403 with a code, and no job is stored."""
    visitor, before = new_visitor(), keys_of(admin)
    answer = ask(api, "/api/jobs", method="POST", cookie=visitor.cookie, headers=headers, json=JOB)
    assert (answer.status_code, answer.get_json()["code"]) == (403, "cross_site")
    assert keys_of(admin) == before


@pytest.mark.parametrize("headers", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_unsafe_request_of_this_site_or_no_browser_is_accepted(
    api: Flask, headers: dict[str, str]
) -> None:
    """A page of the same origin, and scripts."""
    visitor = new_visitor()
    assert (
        ask(
            api, "/api/jobs", method="POST", cookie=visitor.cookie, headers=headers, json=JOB
        ).status_code
        == 202
    )


@pytest.mark.parametrize("headers", REFUSED.values(), ids=REFUSED.keys())
def test_reading_is_allowed_from_anywhere(api: Flask, headers: dict[str, str]) -> None:
    """A link from another page may lead here; the browser keeps the answer from that page."""
    visitor = new_visitor()
    assert ask(api, "/api/me", cookie=visitor.cookie, headers=headers).status_code == 200


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}])
def test_cross_site_request_does_not_tell_whether_one_is_logged_in(
    api: Flask, headers: dict[str, str]
) -> None:
    """A good and a worthless cookie get the same answer."""
    visitor = new_visitor()
    answers = [
        ask(api, "/api/jobs", method="POST", cookie=cookie, headers=headers, json=JOB)
        for cookie in (visitor.cookie, "a" * 32)
    ]
    assert answers[0].data == answers[1].data
    assert [answer.status_code for answer in answers] == [403, 403]


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "",
        "application/jsonx",
        "text/json",
    ],
)
def test_body_that_a_form_can_send_is_415(
    api: Flask, admin: redis.Redis, content_type: str
) -> None:
    """A browser without either header could still be used by a form:
    what forms send is not read."""
    visitor, before = new_visitor(), keys_of(admin)
    body = b'{"task": "primes.sum", "arguments": {"limit": 10}}'
    answer = ask(
        api,
        "/api/jobs",
        method="POST",
        cookie=visitor.cookie,
        data=body,
        headers={"Content-Type": content_type},
    )
    assert (answer.status_code, answer.get_json()["code"]) == (415, "unsupported_media_type")
    assert "application/json" in answer.get_json()["detail"]
    assert keys_of(admin) == before


def test_json_with_a_charset_parameter_is_json(api: Flask) -> None:
    """Clients that add ``; charset=utf-8`` are common."""
    visitor = new_visitor()
    headers = {"Content-Type": "application/json; charset=utf-8"}
    body = b'{"task": "primes.sum", "arguments": {"limit": 10}}'
    assert (
        ask(
            api, "/api/jobs", method="POST", cookie=visitor.cookie, data=body, headers=headers
        ).status_code
        == 202
    )


def test_port_in_host_must_be_the_origins(api: Flask) -> None:
    """On a port of its own the service is its own origin; the default port may be left out."""
    visitor = new_visitor()

    def status(host: str, origin: str) -> int:
        headers = {"Host": host, "Origin": origin}
        return ask(
            api, "/api/jobs", method="POST", cookie=visitor.cookie, headers=headers, json=JOB
        ).status_code

    assert status("127.0.0.1:8765", "http://127.0.0.1:8765") == 202
    assert status("127.0.0.1:8765", "http://127.0.0.1:8766") == 403
    assert status("127.0.0.1:8765", "http://127.0.0.1") == 403
    assert status("example.org:443", "https://example.org") == 202
    assert status("[::1]:8765", "http://[::1]:8765") == 202


@pytest.mark.parametrize(("scheme", "status"), [("https", 202), ("http", 403)])
def test_plain_page_of_the_same_host_is_another_origin_in_production(
    api_settings: ApiSettings, scheme: str, status: int
) -> None:
    """Whoever is on the way can write one, for a browser that sends no Sec-Fetch-Site."""
    headers = {"Origin": f"{scheme}://localhost", "X-Forwarded-Proto": "https"}
    production = {"production": True, "trusted_proxy": True, "session_cookie_name": "sessionid"}
    with running_api(api_settings.model_copy(update=production)) as api:
        answer = ask(
            api, "/api/jobs", method="POST", cookie=new_visitor().cookie, headers=headers, json=JOB
        )
    assert answer.status_code == status


TRUSTED = {"csrf_trusted_origins": ("https://app.example.org", "http://*.example.net")}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://app.example.org"}, 202),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://a.example.net"}, 202),
        ({"Origin": "http://example.net"}, 202),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://app.example.org"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_origin_that_django_trusts_is_trusted_here_too(
    api_settings: ApiSettings, headers: dict[str, str], status: int
) -> None:
    """One list for both sides; what is not on it is refused as ever."""
    with running_api(api_settings.model_copy(update=TRUSTED)) as api:
        answer = ask(
            api, "/api/jobs", method="POST", cookie=new_visitor().cookie, headers=headers, json=JOB
        )
    assert answer.status_code == status
