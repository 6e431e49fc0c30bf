"""The API on a host of its own: a real gunicorn that knows where Redis is and what verifies
sessions, and has no Django."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from django.test import Client, override_settings

from deploy.redis.valkey import EmbeddedValkey
from django_site.contract import contract_settings
from django_site.submitting import SubmitError, submit
from flask_api.app import create_app
from shared.errors import ConfigurationError
from shared.settings import ROOT
from tests.ports import free_port
from tests.waiting import wait_until

if TYPE_CHECKING:
    from django_site.accounts.models import User

HOST = "jobs.example.org"
GUNICORN = ["-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), "flask_api.app:create_app()"]
ACCESS_LOG = [
    "--access-logfile",
    "-",
    "--access-logformat",
    '%(r)s %(f)s "%({X-Of}i)s" %(U)s?%(q)s',
]
TOKEN = "t" * 43  # as long as a share's
PRIMES = {"task": "primes.sum", "arguments": {"limit": 100}}


class Here(httpx.HTTPTransport):
    """Resolves every host to this machine, as a name server would."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send it here; its Host and cookies are of the name."""
        request.url = request.url.copy_with(host="127.0.0.1")
        return super().handle_request(request)


@pytest.fixture
def alone(site: None, valkey: EmbeddedValkey, tmp_path: Path) -> Iterator[httpx.Client]:
    """A browser at that API."""
    for name in ("django", "django_site"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('there is no Django here')\n")
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{tmp_path}:{ROOT}",
        "GATEHOUSE_API_REDIS_URL": valkey.url("api"),
        "GATEHOUSE_SESSION_SECRETS": os.environ["GATEHOUSE_SESSION_SECRETS"],
        "GATEHOUSE_ALLOWED_HOSTS": f"{HOST},127.0.0.1",
        "GATEHOUSE_PORT": str(port),
        "GATEHOUSE_REDIS_TIMEOUT_MS": "250",
        "GATEHOUSE_VAR_DIR": str(tmp_path / "var"),
        "GATEHOUSE_MAX_WAITNG": "8",
    }
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, *GUNICORN, *ACCESS_LOG],
            cwd=tmp_path,
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        with httpx.Client(
            base_url=f"http://{HOST}:{port}/api", transport=Here(), timeout=60
        ) as http:
            wait_until(lambda: is_ready(http, server), timeout_s=60, what="the API is ready")
            yield http
    finally:
        server.terminate()
        assert server.wait(timeout=30) == 0, (tmp_path / "log").read_text()


def is_ready(http: httpx.Client, server: "subprocess.Popen[bytes]") -> bool:
    """Tell whether the API takes jobs."""
    assert server.poll() is None, "the server has ended"
    try:
        return http.get("/health/ready").status_code == 200
    except httpx.TransportError:
        return False


def test_api_without_django_knows_who_is_logged_in_and_runs_their_jobs(
    alone: httpx.Client, person: "User", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the cookie of the parent domain, by a key, and for what Django submits; until the person
    goes. The log names what is misspelt, and never what opens something."""
    from django_site.keys.issue import create_key

    assert alone.get("/me").status_code == 401
    browser = Client()
    with override_settings(SESSION_COOKIE_DOMAIN="example.org"):
        browser.force_login(person)
    cookie = browser.cookies["sessionid"]
    alone.cookies.set("sessionid", cookie.value, domain=f".{cookie['domain']}")
    assert alone.get("/me").json()["username"] == person.username
    own_page = {"Origin": f"http://{HOST}:{alone.base_url.port}"}
    by_cookie = alone.post("/jobs?wait=20", json=PRIMES, headers=own_page)
    assert (by_cookie.status_code, by_cookie.json()["result"]) == (202, 1060)
    assert by_cookie.headers["Location"].startswith("/api/jobs/")
    alone.cookies.clear()

    _, token = create_key(
        person, name="alone", scopes=["jobs:submit", "jobs:read"], expires_in_days=1
    )
    bearer = {"Authorization": f"Bearer {token}"}
    by_key = alone.post("/jobs?wait=20", json=PRIMES, headers=bearer)
    assert by_key.json()["status"] == "succeeded"

    where = f"http://127.0.0.1:{alone.base_url.port}"
    try:
        monkeypatch.setenv("GATEHOUSE_API_URL", where)
        contract_settings.cache_clear()
        with pytest.raises(SubmitError, match=r"does GATEHOUSE_API_URL end in /api\?"):
            submit("primes.sum", {"limit": 10}, user=person)
        monkeypatch.setenv("GATEHOUSE_API_URL", f"{where}/api")
        contract_settings.cache_clear()
        submission = submit("primes.sum", {"limit": 10}, user=person)
    finally:
        monkeypatch.undo()
        contract_settings.cache_clear()
    assert alone.get(f"/jobs/{submission.id}?wait=20", headers=bearer).json()["result"] == 17

    person.is_active = False
    person.save()
    assert alone.get("/me", headers=bearer).status_code == 401

    named = {"Referer": f"http://{HOST}/x/{TOKEN}/", "X-Of": f"/{TOKEN}"}
    assert alone.get(f"/shared/{TOKEN}?of={TOKEN}", headers=named).status_code == 401
    log = tmp_path / "log"
    wait_until(lambda: "GET /api/shared/" in log.read_text(), timeout_s=20)
    assert TOKEN not in log.read_text()
    assert "GATEHOUSE_MAX_WAITNG is not a setting" in log.read_text()


def test_api_without_django_keeps_threads_for_what_does_not_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Were all of them kept by long-polls and streams, nothing else would be answered."""
    monkeypatch.setenv("GATEHOUSE_SERVER_THREADS", "16")
    with pytest.raises(ConfigurationError, match="GATEHOUSE_SERVER_THREADS: it must be more"):
        create_app()
