"""The whole below any prefix, on any server:
no page, answer, mail or header leads out of the mount, and no link is dead."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from gatehouse import Client, Executor
from tests.cli.command import Home
from tests.e2e.mounted.crawler import Crawler
from tests.e2e.mounted.stripping_proxy import StrippingProxy
from tests.e2e.service import Browser, ServiceProcess

STAFF = """
import django; django.setup()
from django_site.accounts.models import User
User.objects.filter(username="demo").update(is_staff=True, is_superuser=True)
"""
ROWS = b"name,size\nada,1\nbob,2\n"
MOUNTS = {
    "mounts": "/shop=tests.e2e.mounted.shop:application,/open=tests.e2e.mounted.shop",
    "mounts_open": "/open",
}
# What nothing leads to, and people type in.
TYPED = (
    "/shop/cart?x=1",
    "",
    "/",
    "/api/docs",
    "/api/openapi.json",
    "/api/me",
    "/api/health/ready",
    "/api/metrics",
    "/favicon.ico",
    "/accounts/",
)


_BEHIND_A_PROXY = [
    (server, prefix) for server in ("cherrypy", "gunicorn") for prefix in ("", "/tools", "/a/b")
]
_IN_ANOTHERS_SERVER = [("foreign", "/tools")]


def _mounted(*places: tuple[str, str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("service", "prefix"), places, indirect=True)


everywhere = _mounted(*_BEHIND_A_PROXY, *_IN_ANOTHERS_SERVER)


@pytest.fixture(scope="module")
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceProcess]:
    """Our servers behind a proxy that cuts prefixes off,
    and somebody else's server that mounts the whole."""
    folder = tmp_path_factory.mktemp(f"mount-{request.param}")
    where = (
        {"mount": "/tools"}
        if request.param == "foreign"
        else {
            "server": request.param,
            "trusted_proxy": "true",
            "forwarded_prefixes": "/tools,/a/b",
        }
    )
    # A server that can't park streams finds out by two heartbeats that a reader has gone.
    settings = {**MOUNTS, "allowed_hosts": "localhost,127.0.0.1", "stream_heartbeat_s": "2"}
    with ServiceProcess(folder, **where, **settings) as service:
        service.run("-c", STAFF)
        yield service


@pytest.fixture(scope="module")
def prefix(request: pytest.FixtureRequest) -> str:
    """Return where the browser finds the service."""
    found: str = request.param
    return found


@pytest.fixture
def browser(service: ServiceProcess, prefix: str) -> Browser:
    """A browser that nobody is logged in with, in front of the mount."""
    return service.new_browser(
        below=prefix, transport=None if service.mount else StrippingProxy(prefix)
    )


@everywhere
def test_no_address_leads_out_of_the_mount_or_nowhere(
    service: ServiceProcess, browser: Browser, prefix: str
) -> None:
    """Staff, a new person and a stranger walk everything:
    pages, answers, mails, headers, style sheets and scripts."""
    crawler, old_mails = Crawler(browser.http, f"{service.address}{prefix}"), set(_mails(service))
    stranger = service.new_browser(
        below=prefix, transport=None if service.mount else StrippingProxy(prefix)
    )
    outside = Crawler(stranger.http, f"{service.address}{prefix}")
    outside.walk(*TYPED, "/accounts/login/", "/account/keys/", "/admin/")
    _knock(stranger, outside)
    browser.log_in()
    _work(browser, crawler)
    crawler.walk(*TYPED, "/admin/")
    new_person = _sign_up(service, prefix, crawler)
    for mail in set(_mails(service)) - old_mails:
        outside.read_text(mail.read_text(), f"the mail {mail.name}")
    outside.walk()
    new_person.walk(*TYPED)
    wrong = [line for each in (crawler, outside, new_person) for line in each.found]
    assert not wrong, "\n".join(wrong)
    assert len(crawler.seen) > 90
    assert any("/accounts/password/reset/key/" in url for url in outside.seen)


@everywhere
def test_pages_of_work_ask_below_the_mount(browser: Browser, prefix: str) -> None:
    """A form starts a job, and its page follows it where the API is."""
    browser.log_in()
    started = browser.send_form("/tasks/primes.sum/", {"limit": "10", "mode": "form"})
    place = started.headers["Location"]
    assert place.startswith(f"{prefix}/jobs/")
    page = browser.http.get(place.removeprefix(prefix)).text
    assert f'data-events="{prefix}/api{place.removeprefix(prefix)}events"' in page


@everywhere
def test_cookies_go_no_further_than_the_mount(browser: Browser, prefix: str) -> None:
    """Each cookie of the site has the mount as its Path, and logging out ends them there."""
    browser.log_in()
    paths = {cookie.name: cookie.path for cookie in browser.http.cookies.jar}
    assert set(paths) >= {"sessionid", "csrftoken", "gatehouse_device"}
    assert set(paths.values()) == {prefix or "/"}
    browser.log_out()
    assert "sessionid" not in browser.http.cookies


@everywhere
def test_a_page_of_the_api_leads_to_the_log_in_and_back(
    service: ServiceProcess, browser: Browser, prefix: str
) -> None:
    """With ``next`` as it was sent, byte for byte, below the mount."""
    asked = f"{prefix}/api/files/a%3Fb%2525.txt?x=%23"
    first = browser.http.get(f"{service.address}{asked}", headers={"Accept": "text/html"})
    page = httpx.URL(first.headers["Location"])
    assert (first.status_code, page.path, page.params["next"]) == (
        302,
        f"{prefix}/accounts/login/",
        asked,
    )
    form = {"login": "demo", "password": browser._password, "next": page.params["next"]}
    assert browser.send_form("/accounts/login/", form).headers["Location"] == asked


@everywhere
def test_their_application_is_gated_and_told_who_asks(
    service: ServiceProcess, browser: Browser, prefix: str
) -> None:
    """A stranger is sent to log in or gets 401; whoever is let in is named by us alone.
    An open one knows nobody."""
    lies = {"Remote-User": "root", "X-Forwarded-User": "root", "X-Cart": "3"}
    page = browser.http.get("/shop/cart?x=1", headers={"Accept": "text/html", **lies})
    assert page.headers["Location"].startswith(
        f"{prefix}/accounts/login/?next={quote(f'{prefix}/shop/cart?x=1', safe='')}"
    )
    refused = browser.http.get("/shop/cart", headers=lies)
    assert (refused.status_code, refused.json()["type"]) == (
        401,
        f"{prefix}/api/problems/not_authenticated",
    )
    assert {"REMOTE_USER", "AUTH_TYPE"}.isdisjoint(browser.http.get("/open/x").json())
    browser.log_in()
    told = browser.http.post("/shop/cart", content=b"a=b", headers=lies).json()
    where = {
        "SCRIPT_NAME": f"{prefix}/shop",
        "PATH_INFO": "/cart",
        "HTTP_X_CART": "3",
        "body": "a=b",
    }
    assert told == {**where, "REMOTE_USER": "demo", "AUTH_TYPE": "session", "is_staff": True}
    assert (
        browser.http.post("/shop/cart", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    )
    # their headers are theirs
    assert "Content-Security-Policy" not in browser.http.get("/shop/cart").headers


@everywhere
def test_probe_is_answered_under_any_host_and_nothing_else_is(browser: Browser) -> None:
    """An orchestrator asks by address, and both checks of the host let its probe in."""
    elsewhere = {"Host": "10.0.0.5:8080"}
    assert browser.http.get("/api/health/live", headers=elsewhere).status_code == 200
    for path in ("/", "/api/me", "/shop/cart", "/open/api/health/live"):
        assert browser.http.get(path, headers=elsewhere).status_code == 400


@_mounted(*_IN_ANOTHERS_SERVER)
def test_client_works_below_the_mount(service: ServiceProcess, prefix: str, tmp_path: Path) -> None:
    """The command logs in by the pages and keeps the address with its path, for the library too."""
    address, home = f"{service.address}{prefix}", Home(tmp_path)
    words = ("login", address, "--username", "demo", "--password-stdin")
    done = home.run(*words, stdin=f"{service.password}\n")
    assert done.code == 0, done
    assert home.run("whoami").out == f"demo at {address}\n"
    assert home.run("submit", "primes.sum", "limit=10", "--wait").out.strip().endswith("17")
    key = json.loads(home.config_file.read_text())["key"]
    with Client(f"{address}/", key) as client, Executor(client) as executor:
        assert list(executor.map("primes.sum", [10, 20])) == [17, 77]
    assert home.run("logout").line == f"Logged out of {address}; the key is revoked."


def _mails(service: ServiceProcess) -> list[Path]:
    return list((service.folder / "mail").glob("*"))


def _knock(stranger: Browser, crawler: Crawler) -> None:
    """Be refused in every way that leads somewhere."""
    for accept in ("text/html", "application/json"):
        for path in (
            "/api/me",
            "/api/nothing",
            "/nothing",
            "/static/none",
            "/account/keys/",
            "/api/jobs?x=%2F",
        ):
            crawler.read(stranger.http.get(path, headers={"Accept": accept}))
    crawler.read(
        stranger.send_form("/accounts/password/reset/", {"email": "demo@localhost.localdomain"})
    )


def _work(browser: Browser, crawler: Crawler) -> None:
    """Leave something behind at every kind of address, and read what the API says of it."""

    def send(path: str, status: int, **body: Any) -> dict[str, Any]:
        answer = browser.http.post(path, **body)
        assert answer.status_code == status, answer.text
        crawler.read(answer)
        found: dict[str, Any] = answer.json()
        return found

    table = send("/api/files", 201, content=ROWS, headers={"Content-Type": "text/csv"})
    send("/api/jobs?wait=10", 202, json={"task": "primes.sum", "arguments": {"limit": 10}})
    parsed = send(
        "/api/jobs?wait=20", 202, json={"task": "tables.parse", "arguments": {"file": table["id"]}}
    )
    assert parsed["status"] == "succeeded", parsed
    share = browser.http.post(
        parsed["links"]["shares"].removeprefix(str(browser.http.base_url.path).rstrip("/")), json={}
    )
    crawler.read(share)
    send("/api/batches", 202, json={"task": "primes.sum", "arguments": [{"limit": 10}] * 3})
    send("/api/jobs", 404, json={"task": "none", "arguments": {}})
    send("/api/jobs", 422, json={"task": "primes.sum", "arguments": {"limit": "x"}})
    crawler.read(browser.http.get("/api/jobs", params={"limit": 1}))
    key = browser.send_form(
        "/account/keys/", {"name": "crawled", "scopes": ["jobs:read"], "expires_in_days": "1"}
    )
    crawler.read(key)


def test_path_outside_gunicorns_mount_is_not_found(tmp_path: Path) -> None:
    """A proxy that passes the prefix on uncut may pass on other paths, too: no fault of ours."""
    with ServiceProcess(tmp_path, server="gunicorn", served_below="/tools") as service:
        found = {
            path: httpx.get(f"{service.address}{path}", trust_env=False).status_code
            for path in ("/tools/api/health/live", "/api/health/live", "/", "/toolshed/")
        }
    assert list(found.values()) == [200, 404, 404, 404], found


def _sign_up(service: ServiceProcess, prefix: str, crawler: Crawler) -> Crawler:
    """Sign up with a new address, and with one that is known."""
    name = f"new{re.sub(r'[^a-z]', '', prefix)}"
    for email in ("demo@localhost.localdomain", f"{name}@example.org"):
        browser = service.new_browser(
            below=prefix, transport=None if service.mount else StrippingProxy(prefix)
        )
        passwords = {"password1": "a fine passphrase 9", "password2": "a fine passphrase 9"}
        answer = browser.send_form(
            "/accounts/signup/", {"username": f"{name}-{email[0]}", "email": email, **passwords}
        )
        assert answer.status_code == 302, json.dumps(
            re.findall(r'class="error[^<]*<[^<]*', answer.text)
        )
        crawler.read(answer)
    return Crawler(browser.http, f"{service.address}{prefix}")
