"""docs/forward-auth.md, run: a real nginx in front of the service and of another one that knows
nothing of log-ins."""

import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest

from shared.settings import ROOT
from tests.e2e.service import PATIENT, PERSON, Browser, ServiceProcess
from tests.plain_http import NO_TLS
from tests.ports import free_port
from tests.waiting import wait_until

SECRET = "a secret that only reports and the gate know"
PAGE = {"Accept": "text/html"}
MAIN = """
pid nginx.pid; error_log stderr warn; daemon off; worker_processes 1;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path body; proxy_temp_path proxy;
  fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  {site}
}}"""


class Reports(BaseHTTPRequestHandler):
    """A service that answers with what it was sent."""

    def do_GET(self) -> None:
        """Answer with method, path and headers."""
        size = int(self.headers.get("Content-Length", 0))
        told = {
            "method": self.command,
            "path": self.path,
            "body": self.rfile.read(size).decode(),
            "headers": {name.lower(): value for name, value in self.headers.items()},
        }
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        """Answer as to GET."""
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """The service, which believes its proxy."""
    settings = {"trusted_proxy": "true", "audience_secrets": f"reports={SECRET}"}
    with ServiceProcess(tmp_path_factory.mktemp("service"), **settings) as service:
        yield service


@pytest.fixture(scope="module")
def nginx(service: ServiceProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of nginx, set up as the page says."""
    reports = ThreadingHTTPServer(("127.0.0.1", 0), Reports)
    thread = threading.Thread(target=reports.serve_forever)
    thread.start()
    folder, port = tmp_path_factory.mktemp("nginx"), free_port()
    passage, site = _configurations()
    for standard, own in ((8080, service.port), (9000, reports.server_port), (8000, port)):
        assert f"127.0.0.1:{standard}" in site
        site = site.replace(f"127.0.0.1:{standard}", f"127.0.0.1:{own}")
    (folder / "passage.conf").write_text(passage)
    (folder / "nginx.conf").write_text(MAIN.format(site=site))
    log = folder / "log"
    with log.open("wb") as output:
        environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin"}
        command = ["nginx", "-p", f"{folder}/", "-c", "nginx.conf", "-e", "stderr"]
        process = subprocess.Popen(command, env=environment, stderr=output)
    try:
        address = f"http://127.0.0.1:{port}"
        wait_until(lambda: _answers(address), timeout_s=20, what="nginx answers")
        yield address
        assert process.poll() is None, log.read_text()
    finally:
        process.terminate()
        process.wait(10)
        reports.shutdown()
        reports.server_close()
        thread.join()


@pytest.fixture
def browser(service: ServiceProcess, nginx: str) -> Iterator[Browser]:
    """A person's browser that is logged in by way of nginx."""
    browser = Browser(nginx, password=service.password)
    browser.log_in(tries=PATIENT)
    yield browser
    browser.http.close()


def _configurations() -> tuple[str, str]:
    """Return the two files of nginx's that the page shows."""
    page = (Path(ROOT) / "docs" / "forward-auth.md").read_text()
    passage, site = re.findall(r"```nginx\n(.*?)```", page, flags=re.DOTALL)
    return passage, site


def _answers(address: str) -> bool:
    try:
        return (
            httpx.get(f"{address}/api/health/live", trust_env=False, verify=NO_TLS).status_code
            == 200
        )
    except httpx.TransportError:
        return False


def test_service_is_told_who_it_is_and_can_check_it(browser: Browser) -> None:
    """What a client says of itself is replaced; the body arrives."""
    lies = dict.fromkeys(
        ["Remote-User", "Remote-Email", "Remote-Groups", "X-Gatehouse-User-Id"], "lie"
    ) | dict.fromkeys(
        ["X-Gatehouse-Credential", "X-Gatehouse-Scopes", "X-Gatehouse-Omitted"], "lie"
    )
    told = browser.http.get("/reports/monthly?year=2026", headers=lies).json()
    assert told["path"] == "/reports/monthly?year=2026"
    assert told["headers"]["remote-user"] == PERSON
    assert "lie" not in told["headers"].values()
    assertion = told["headers"]["x-gatehouse-assertion"]
    claims = jwt.decode(assertion, SECRET, ["HS256"], audience="reports")
    assert claims["preferred_username"] == PERSON
    posted = browser.http.post("/reports/", content="some body").json()
    assert (posted["method"], posted["body"]) == ("POST", "some body")


def test_stranger_gets_the_way_to_the_log_in_or_401(nginx: str) -> None:
    """A browser comes back to where it wanted to go; a script is told why in JSON."""
    with httpx.Client(base_url=nginx, trust_env=False) as stranger:
        answer = stranger.get("/reports/a%20b?x=%26&y", headers=PAGE)
        assert answer.status_code == 302
        target = urlsplit(answer.headers["Location"])
        assert target.path == "/accounts/login/"
        assert parse_qs(target.query)["next"] == ["/reports/a%20b?x=%26&y"]
        for script in (stranger.get("/reports/"), stranger.post("/reports/", content="x")):
            assert script.status_code == 401
            assert script.json()["code"] == "not_authenticated"
        lie = stranger.get("/reports/", headers={"Remote-User": "root"})
        assert lie.status_code == 401
        for inner in ("/_passage", "/api/auth"):
            assert stranger.get(inner).status_code == 404


def test_other_site_changes_nothing_with_the_persons_cookie(browser: Browser) -> None:
    """Links from elsewhere work, forms from elsewhere don't."""
    elsewhere = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    assert browser.http.get("/reports/", headers=elsewhere).status_code == 200
    assert browser.http.post("/reports/", headers=elsewhere).status_code == 403


def test_log_out_shuts_the_service_too(browser: Browser) -> None:
    """At the next request."""
    cookie = browser.cookie
    browser.log_out()
    answer = browser.http.get("/reports/", headers={"Cookie": f"sessionid={cookie}"})
    assert answer.status_code == 401


def test_key_of_that_scope_passes_alone(browser: Browser, nginx: str) -> None:
    """A script with a key for this service, made on the site's page."""
    made = browser.send_form(
        "/account/keys/", {"name": "nightly", "services": "reports", "expires_in_days": "1"}
    )
    found = re.search(r"gh_[0-9A-Za-z]{49}", made.text or browser.http.get("/account/keys/").text)
    assert found, made.text
    key = {"Authorization": f"Bearer {found[0]}"}
    with httpx.Client(base_url=nginx, trust_env=False, headers=key) as script:
        told = script.get("/reports/").json()
        assert told["headers"]["remote-user"] == PERSON
        assert "authorization" not in told["headers"]
        assert script.get("/api/jobs").status_code == 403
