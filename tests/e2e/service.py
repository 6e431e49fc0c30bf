"""The whole service as it runs for people: a real server in a process of its own,
with its own Valkey, database and port.

with ServiceProcess(folder, server="gunicorn") as service:
    person = service.new_browser()
    person.log_in()
    person.http.get("/api/me")
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from shared.settings import ROOT
from tests.e2e.prepared import clean_environment, prepared_database
from tests.plain_http import NO_TLS
from tests.ports import free_port
from tests.processes import end_by_force
from tests.started import Started

COMMANDS = {
    "cherrypy": [sys.executable, "wsgi.py"],
    "gunicorn": [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:application"],
}
PERSON = "demo"
READY_DEADLINE_S = 30.0
STOP_DEADLINE_S = 20.0
_POLL_S = 0.02
PATIENT = 5  # tries of a fixture: that a log-in works at once is for tests to say
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


class Browser:
    """A person's browser: cookies, the form's token,
    the headers that a page's own requests carry."""

    def __init__(
        self, address: str, *, password: str, transport: httpx.BaseTransport | None = None
    ) -> None:
        self.http = httpx.Client(
            base_url=address, timeout=30, trust_env=False, verify=NO_TLS, transport=transport
        )
        self._password = password

    @property
    def cookie(self) -> str:
        """The session cookie's value. Raises KeyError without one."""
        return self.http.cookies["sessionid"]

    def send_form(
        self, path: str, data: Mapping[str, str | list[str]], *, page: str | None = None
    ) -> httpx.Response:
        """Load the page, then send its form as the browser does."""
        found = _TOKEN.search(self.http.get(page or path).text)
        assert found, f"no form at {page or path}"
        headers = {"Origin": address_of(self.http.base_url), "Sec-Fetch-Site": "same-origin"}
        return self.http.post(path, data={**data, "csrfmiddlewaretoken": found[1]}, headers=headers)

    def log_in(self, *, tries: int = 1) -> None:
        """Log in as the service's person. A fixture on a busy machine may try several times, as the
        page says of a part that is away for a moment."""
        form = {"login": PERSON, "password": self._password}
        for _ in range(tries):
            answer = self.send_form("/accounts/login/", form)
            if answer.status_code != 503:
                break
            time.sleep(0.5)
        assert answer.status_code == 302, answer.text

    def log_out(self) -> None:
        """Log out by the page's form."""
        answer = self.send_form("/accounts/logout/", {})
        assert answer.status_code == 302, answer.text


def address_of(url: httpx.URL) -> str:
    """Return scheme, host and port, as an Origin header has them."""
    return f"{url.scheme}://{url.netloc.decode()}"


class ServiceProcess(Started):
    """One service in one folder. ``settings`` are further GATEHOUSE_ variables, without the prefix,
    in lower case.

    With ``mount`` it is a part of somebody else's server; with ``served_below`` that is gunicorn's
    SCRIPT_NAME.
    """

    def __init__(
        self,
        folder: Path,
        *,
        server: str = "cherrypy",
        mount: str = "",
        served_below: str = "",
        **settings: str,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.log_file = folder / "server.log"
        self.valkey = EmbeddedValkey(folder / "valkey", passwords=new_passwords())
        self.password, database = prepared_database()
        shutil.copy(database, folder / database.name)
        self.mount = mount or served_below
        foreign = [sys.executable, "-m", "tests.e2e.mounted.foreign_server", mount, str(self.port)]
        self._command = foreign if mount else COMMANDS[server]
        self._process: subprocess.Popen[bytes] | None = None
        self._browsers: list[Browser] = []
        self._environment = {
            **clean_environment(folder),
            "GATEHOUSE_SITE_REDIS_URL": self.valkey.url("django"),
            "GATEHOUSE_API_REDIS_URL": self.valkey.url("api"),
            "GATEHOUSE_PORT": str(self.port),
            **{f"GATEHOUSE_{name.upper()}": value for name, value in settings.items()},
            **({"SCRIPT_NAME": served_below} if served_below else {}),
        }

    @property
    def pid(self) -> int:
        """The server's process id (gunicorn's: the master's)."""
        assert self._process is not None
        return self._process.pid

    @property
    def host(self) -> str:
        """What stands in a Host header."""
        return f"127.0.0.1:{self.port}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret of the service that no log and no answer may show."""
        urls = [self._environment[f"GATEHOUSE_{side}_REDIS_URL"] for side in ("SITE", "API")]
        return (
            *self.session_secrets,
            self._environment["GATEHOUSE_SECRET_KEY"],
            *(url.split(":")[2].split("@")[0] for url in urls),
        )

    @property
    def session_secrets(self) -> tuple[str, ...]:
        """What the service signs its entries with."""
        return tuple(self._environment["GATEHOUSE_SESSION_SECRETS"].split(","))

    @property
    def log(self) -> str:
        """All that the server has written so far."""
        return self.log_file.read_text(errors="replace")

    def start(self) -> None:
        """Start Valkey and the server; return when it answers.
        Fails with the log when it ends or does not answer."""
        self.valkey.start()
        self._start_server()

    def restart(self, **settings: str) -> None:
        """Stop the server and start it with these settings changed;
        Valkey, database and port stay."""
        self.ask_to_stop()
        assert self.wait_for_exit() == 0, self.log
        self.configure(**settings)
        self._start_server()

    def configure(self, **settings: str) -> None:
        """Change settings of the next start of the server."""
        self._environment |= {
            f"GATEHOUSE_{name.upper()}": value for name, value in settings.items()
        }

    def run(self, *arguments: str) -> str:
        """Run Python beside the server, with its settings, and return what it prints."""
        environment = {**self._environment, "DJANGO_SETTINGS_MODULE": "django_site.settings"}
        command = [sys.executable, *arguments]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _start_server(self) -> None:
        with self.log_file.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self._environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        deadline = time.monotonic() + READY_DEADLINE_S
        while not self._is_live():
            assert self._process.poll() is None, (
                f"the server ended with {self._process.returncode}:\n{self.log}"
            )
            assert time.monotonic() < deadline, f"the server did not answer:\n{self.log}"
            time.sleep(_POLL_S)

    def new_browser(
        self, *, below: str = "", transport: httpx.BaseTransport | None = None
    ) -> Browser:
        """Return a browser that is closed with the service;
        ``below`` stands before all paths that it is asked for."""
        browser = Browser(f"{self.address}{below}", password=self.password, transport=transport)
        self._browsers.append(browser)
        return browser

    def ask_to_stop(self) -> None:
        """Send SIGTERM, as a service manager does."""
        os.kill(self.pid, signal.SIGTERM)

    def wait_for_exit(self, timeout_s: float = STOP_DEADLINE_S) -> int:
        """Return the exit code; fails after ``timeout_s``, with what the server does instead."""
        assert self._process is not None
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            waited_for = end_by_force(self.pid)
            pytest.fail(f"the server did not end within {timeout_s:.0f} s\n{waited_for}{self.log}")

    def close(self) -> None:
        """Stop the server, by force if it must be, and let go of all that asked it."""
        for browser in self._browsers:
            browser.http.close()
        if self._process is not None and self._process.poll() is None:
            self.ask_to_stop()
            with suppress(subprocess.TimeoutExpired):  # it may drain what the test left waiting
                self._process.wait(STOP_DEADLINE_S)
            if self._process.poll() is None:
                os.killpg(self.pid, signal.SIGKILL)
                self._process.wait(STOP_DEADLINE_S)
        self.valkey.stop()

    def _is_live(self) -> bool:
        try:
            return (
                httpx.get(
                    f"{self.address}{self.mount}/api/health/live",
                    timeout=1,
                    trust_env=False,
                    verify=NO_TLS,
                ).status_code
                == 200
            )
        except httpx.TransportError:
            return False
