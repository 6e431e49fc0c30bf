"""What every page carries, and what people see when something fails."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client, override_settings

from deploy.redis.valkey import EmbeddedValkey
from django_site.contract import session_store
from shared.errors import SessionStoreUnavailable
from shared.http.response_headers import PAGE_SECURITY_HEADERS
from tests.integration.accounts.accounts_site import browser, is_logged_in, log_in, new_person
from tests.waiting import wait_until

FAILING = "tests.integration.accounts.accounts_urls"
PAGES = [
    ("/", 200),
    ("/accounts/login/", 200),
    ("/accounts/signup/", 200),
    ("/accounts/password/reset/", 200),
    ("/accounts/email/", 302),
    ("/admin/", 302),
    ("/static/gatehouse/site.css", 200),
    ("/static/gatehouse/design.css", 200),
    ("/static/admin/css/base.css", 200),
    ("/static/absent.css", 404),
    ("/nothing-here", 404),
    ("/broken", 500),
    ("/forbidden", 403),
    ("/outage", 503),
]
MEMBER_PAGES = [
    "/",
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/2fa/",
    "/accounts/logout/",
]


@pytest.fixture(autouse=True)
def _no_limit_used_up(site: None) -> Iterator[None]:
    """Rate limits start afresh, for this test and for the one after it."""
    cache.clear()
    yield
    cache.clear()


def assert_headers(answer: Any) -> None:
    """Every security header is there; only static files may be cached."""
    for name, value in PAGE_SECURITY_HEADERS.items():
        if name == "Cache-Control":
            assert "no-store" in answer[name] or answer[name] == "max-age=60, public"
        else:
            assert answer[name] == value, name


@pytest.mark.parametrize(("path", "status"), PAGES)
@override_settings(ROOT_URLCONF=FAILING)
def test_every_answer_carries_the_security_headers(path: str, status: int) -> None:
    """Pages, redirects, files and errors alike."""
    answer = Client(raise_request_exception=False, SERVER_NAME="localhost").get(path)
    assert answer.status_code == status
    assert_headers(answer)
    answer.close()  # a static file's
    assert ("public" in answer["Cache-Control"]) == (path.startswith("/static/") and status == 200)


def test_wrong_host_is_400_with_the_headers() -> None:
    """A forged Host header reaches no page and no mail."""
    answer = Client(raise_request_exception=False, SERVER_NAME="evil.example").get(
        "/accounts/login/"
    )
    assert answer.status_code == 400
    assert "evil" not in answer.content.decode()
    assert_headers(answer)


@pytest.mark.parametrize(
    "path", [path for path, status in PAGES if status == 200 and "static" not in path]
)
def test_pages_hold_nothing_inline_and_nothing_from_elsewhere(path: str) -> None:
    """What the content security policy would block isn't there in the first place."""
    page = browser().get(path).content.decode()
    for inline in (
        "<style",
        " style=",
        " onclick=",
        "javascript:",
        "https://",
        'src="http',
        'href="http',
    ):
        assert inline not in page, inline


def test_pages_of_who_is_logged_in_work_and_link_each_other() -> None:
    """The header names the person and logs out by a form."""
    client, person = browser(), new_person()
    log_in(client, person)
    for path in MEMBER_PAGES:
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert_headers(answer)
        page = answer.content.decode()
        assert 'action="/accounts/logout/"' in page
        assert person.username in page


def test_home_shows_what_the_person_keeps_by_a_script_and_by_a_link() -> None:
    """The script is a file of this site and asks the API of this site;
    without scripts the link says the same."""
    client = browser()
    log_in(client, new_person())
    page = client.get("/").content.decode()
    assert 'src="/static/gatehouse/usage.js"' in page
    assert 'data-from="/api/me/usage"' in page
    assert '<a href="/api/me/usage">' in page
    assert "usage.js" not in browser().get("/").content.decode()


@pytest.mark.parametrize(("path", "status"), [("/broken", 500), ("/outage", 503)])
@override_settings(ROOT_URLCONF=FAILING)
def test_server_errors_keep_the_session(path: str, status: int) -> None:
    """An error page neither logs out nor sets a cookie."""
    client = Client(raise_request_exception=False, SERVER_NAME="localhost")
    client.force_login(new_person())
    client.get("/")
    answer = client.get(path)
    assert answer.status_code == status
    assert not answer.cookies
    assert answer.headers.get("Retry-After") == ("1" if status == 503 else None)
    assert is_logged_in(client)


def test_outage_in_a_middleware_is_503_too_and_keeps_the_session() -> None:
    """Not only views find out that Redis is away."""
    client = browser()
    client.force_login(new_person())
    failing = Client(raise_request_exception=False, SERVER_NAME="localhost")
    failing.cookies = client.cookies
    with override_settings(MIDDLEWARE=[*settings.MIDDLEWARE, f"{FAILING}.outage_after_the_view"]):
        answer = failing.get("/")
    assert (answer.status_code, answer["Retry-After"]) == (503, "1")
    assert settings.SESSION_COOKIE_NAME not in answer.cookies
    assert is_logged_in(client)


def test_log_in_while_redis_hangs_is_503_and_counts_nothing_as_a_wrong_password(
    valkey: EmbeddedValkey,
) -> None:
    """Without the shared rate limit no password is tried; nobody is told to log in again."""
    client, person = browser(), new_person()
    client.get("/accounts/login/")
    assert valkey.pid is not None
    os.kill(valkey.pid, signal.SIGSTOP)
    try:
        answer = log_in(client, person)
    finally:
        os.kill(valkey.pid, signal.SIGCONT)
    assert (answer.status_code, answer["Retry-After"]) == (503, "1")
    assert not answer.cookies
    # What Redis was sent while it hung it does on waking:
    # also taking the lock of the rate limit, for two seconds at most.
    wait_until(lambda: _redis_is_back() and log_in(client, person).status_code == 302, timeout_s=4)


def _redis_is_back() -> bool:
    try:
        session_store().read(lambda client: client.exists("gatehouse:cache:x"))
    except SessionStoreUnavailable:
        return False
    return True


def test_site_without_the_api_at_its_side_says_so() -> None:
    """It has no pages of work, and leads to none."""
    client = browser()
    log_in(client, new_person())
    assert "/tasks/" not in client.get("/").content.decode()
    answer = client.get("/tasks/")
    assert (answer.status_code, "not served here" in answer.content.decode()) == (503, True)
