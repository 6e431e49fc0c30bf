"""The whole below any prefix, on any server: no page, answer, mail or header leads out of the mount, and no link is dead."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.crawler import Crawler
from tests.e2e.service import Browser, ServiceProcess
from tests.e2e.stripping_proxy import StrippingProxy

STAFF = """
import django; django.setup()
from django_site.accounts.models import User
User.objects.filter(username="demo").update(is_staff=True, is_superuser=True)
"""
ROWS = b"name,size\nada,1\nbob,2\n"
# What nothing leads to, and people type in.
TYPED = (
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


@pytest.fixture(scope="module", params=["cherrypy", "gunicorn", "foreign"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """Our servers behind a proxy that cuts prefixes off, and somebody else's server that mounts the whole."""
    folder = tmp_path_factory.mktemp(f"mount-{request.param}")
    where = {"mount": "/tools"} if request.param == "foreign" else {"server": request.param, "trusted_proxy": "true"}
    with ServiceProcess(folder, **where) as service:
        service.run("-c", STAFF)
        yield service


@pytest.fixture(params=["", "/tools", "/a/b"])
def prefix(request: pytest.FixtureRequest, service: ServiceProcess) -> str:
    """Return where the browser finds the service."""
    if service.mount and request.param != service.mount:
        pytest.skip("somebody else's server mounts it at one place")
    found: str = request.param
    return found


@pytest.fixture
def browser(service: ServiceProcess, prefix: str) -> Browser:
    """A browser that nobody is logged in with, in front of the mount."""
    return service.new_browser(below=prefix, transport=None if service.mount else StrippingProxy(prefix))


def test_no_address_leads_out_of_the_mount_or_nowhere(service: ServiceProcess, browser: Browser, prefix: str) -> None:
    """Staff, a new person and a stranger walk everything: pages, answers, mails, headers, style sheets and scripts."""
    crawler, old_mails = Crawler(browser.http, f"{service.address}{prefix}"), set(_mails(service))
    stranger = service.new_browser(below=prefix, transport=None if service.mount else StrippingProxy(prefix))
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


def test_cookies_go_no_further_than_the_mount(browser: Browser, prefix: str) -> None:
    """Each cookie of the site has the mount as its Path, and logging out ends them there."""
    browser.log_in()
    paths = {cookie.name: cookie.path for cookie in browser.http.cookies.jar}
    assert set(paths) >= {"sessionid", "csrftoken", "gatehouse_device"}
    assert set(paths.values()) == {prefix or "/"}
    browser.log_out()
    assert "sessionid" not in browser.http.cookies


def test_a_page_of_the_api_leads_to_the_log_in_and_back(service: ServiceProcess, browser: Browser, prefix: str) -> None:
    """With ``next`` as it was sent, byte for byte, below the mount."""
    asked = f"{prefix}/api/files/a%3Fb%2525.txt?x=%23"
    first = browser.http.get(f"{service.address}{asked}", headers={"Accept": "text/html"})
    page = httpx.URL(first.headers["Location"])
    assert (first.status_code, page.path, page.params["next"]) == (302, f"{prefix}/accounts/login/", asked)
    form = {"login": "demo", "password": browser._password, "next": page.params["next"]}
    assert browser.send_form("/accounts/login/", form).headers["Location"] == asked


def _mails(service: ServiceProcess) -> list[Path]:
    return list((service.folder / "mail").glob("*"))


def _knock(stranger: Browser, crawler: Crawler) -> None:
    """Be refused in every way that leads somewhere."""
    for accept in ("text/html", "application/json"):
        for path in ("/api/me", "/api/nothing", "/nothing", "/static/none", "/account/keys/", "/api/jobs?x=%2F"):
            crawler.read(stranger.http.get(path, headers={"Accept": accept}))
    crawler.read(stranger.send_form("/accounts/password/reset/", {"email": "demo@localhost.localdomain"}))


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
    parsed = send("/api/jobs?wait=20", 202, json={"task": "tables.parse", "arguments": {"file": table["id"]}})
    assert parsed["status"] == "succeeded", parsed
    share = browser.http.post(parsed["links"]["share"].removeprefix(str(browser.http.base_url.path).rstrip("/")))
    crawler.read(share)
    send("/api/batches", 202, json={"task": "primes.sum", "arguments": [{"limit": 10}] * 3})
    send("/api/jobs", 404, json={"task": "none", "arguments": {}})
    send("/api/jobs", 422, json={"task": "primes.sum", "arguments": {"limit": "x"}})
    crawler.read(browser.http.get("/api/jobs", params={"limit": 1}))
    key = browser.send_form("/account/keys/", {"name": "crawled", "scopes": ["jobs:read"], "expires_in_days": "1"})
    crawler.read(key)


def _sign_up(service: ServiceProcess, prefix: str, crawler: Crawler) -> Crawler:
    """Sign up with a new address, and with one that is known."""
    name = f"new{re.sub(r'[^a-z]', '', prefix)}"
    for email in ("demo@localhost.localdomain", f"{name}@example.org"):
        browser = service.new_browser(below=prefix, transport=None if service.mount else StrippingProxy(prefix))
        passwords = {"password1": "a fine passphrase 9", "password2": "a fine passphrase 9"}
        answer = browser.send_form("/accounts/signup/", {"username": f"{name}-{email[0]}", "email": email, **passwords})
        assert answer.status_code == 302, json.dumps(re.findall(r'class="error[^<]*<[^<]*', answer.text))
        crawler.read(answer)
    return Crawler(browser.http, f"{service.address}{prefix}")
