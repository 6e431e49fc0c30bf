"""What a newcomer runs: one command, a banner, three lines to paste, Ctrl-C.
And the ways it can go wrong, each one line."""

import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from shared.settings import ROOT
from tests.ports import free_port
from tests.processes import is_gone
from tests.waiting import wait_until

READY = "Ctrl-C stops it"
PRIME_SUM = "454396537"


class Launch:
    """One start of the launcher, with its output in files."""

    command: tuple[str, ...] = (sys.executable, "-m", "deploy.launcher")
    folder = ROOT
    names_var = True  # else it is the folder's own

    _starts = itertools.count()

    def __init__(self, var: Path, *options: str, **environment: str) -> None:
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("GATEHOUSE_", "DATABASE_URL"))
        }
        var_named = {"GATEHOUSE_VAR_DIR": str(var)} if self.names_var else {}
        self.var = var
        start = next(self._starts)
        self._output, self._errors = var.parent / f"output-{start}", var.parent / f"errors-{start}"
        with self._output.open("w") as output, self._errors.open("w") as errors:
            self.process = subprocess.Popen(
                [*self.command, *options],
                cwd=self.folder,
                env={**clean, **var_named, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        """What it printed so far."""
        return self._output.read_text()

    @property
    def errors(self) -> str:
        """What it complained about so far."""
        return self._errors.read_text()

    @property
    def address(self) -> str:
        """Where it serves, as the banner says."""
        found = re.search(r"http://\S+", self.output)
        assert found
        return found.group()

    @property
    def pasted_lines(self) -> str:
        """The banner's three lines, as they stand."""
        lines = self.output.splitlines()
        begin = (
            next(number for number, line in enumerate(lines) if "paste these three lines" in line)
            + 1
        )
        return "\n".join(lines[begin : begin + 3])

    def child_pids(self) -> list[int]:
        """The process ids of the server and of Valkey."""
        files = (self.var / "server.pid", self.var / "valkey" / "valkey.pid")
        return [int(file.read_text()) for file in files]

    def wait_until_ready(self) -> None:
        """Return when the banner is complete; fail with the output if the launcher ends instead."""
        wait_until(lambda: READY in self.output or self.process.poll() is not None, timeout_s=60)
        assert READY in self.output, self.output + self.errors

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send the signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=40)


def launched(var: Path, *options: str, **environment: str) -> AbstractContextManager[Launch]:
    """A launcher that serves on a free port; whatever the test does, nothing is left running."""
    return serving(Launch(var, "--port", str(free_port()), *options, **environment))


@contextmanager
def serving(launch: Launch) -> Iterator[Launch]:
    """Wait until it serves; end it afterwards."""
    try:
        launch.wait_until_ready()
        yield launch
    finally:
        if launch.process.poll() is None:
            launch.end()


@pytest.fixture
def var(tmp_path: Path) -> Path:
    """A var folder that does not exist yet."""
    return tmp_path / "var"


def paste(lines: str) -> str:
    """Run the lines in bash and return what they print."""
    done = subprocess.run(
        ["bash"], input=lines, capture_output=True, text=True, check=False, timeout=60
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("server", ["cherrypy", "gunicorn"])
def test_pasted_lines_log_in_and_run_a_job(var: Path, server: str) -> None:
    """The three lines of the banner, pasted as they are, show the sum of the primes;
    then Ctrl-C leaves no process."""
    with launched(var, "--server", server) as launch:
        shown = paste(launch.pasted_lines)
        assert "log-in: 302" in shown
        assert PRIME_SUM in shown
        pids = launch.child_pids()
        assert launch.end(signal.SIGINT) == 0, launch.errors
        assert all(is_gone(pid) for pid in pids)
        assert launch.errors == ""


@pytest.mark.parametrize("server", ["cherrypy", "gunicorn"])
def test_every_line_of_the_log_is_json_when_asked_for(var: Path, server: str) -> None:
    """The server's own lines too, from its start to its end,
    and those about a request that is malformed."""
    with launched(var, "--server", server, GATEHOUSE_LOG_FORMAT="json") as launch:
        for request in (b"GARBAGE\r\n\r\n", b"GET /api/me HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n"):
            with socket.create_connection(
                ("127.0.0.1", int(launch.address.rpartition(":")[2])), timeout=10
            ) as connection:
                connection.sendall(request)
                assert connection.recv(1000)
    lines = (var / "server.log").read_text().splitlines()
    assert len(lines) > 3
    assert not [
        line for line in lines if not line.startswith("{") or "event" not in json.loads(line)
    ]


def test_second_start_finds_what_the_first_left(var: Path) -> None:
    """The same password logs in, the secrets are the same,
    and the first start's job is still listed."""
    with launched(var) as first:
        job = json.loads(paste(first.pasted_lines).splitlines()[-1])["id"]
        password = (var / "demo-password").read_text()
        secrets = (var / "contract.env").read_text()
        assert first.end(signal.SIGTERM) == 0
    with launched(var) as second:
        assert (var / "demo-password").read_text() == password
        assert (var / "contract.env").read_text() == secrets
        login = "\n".join(second.pasted_lines.splitlines()[:2])
        address = second.output.split("Gatehouse is at ")[1].split()[0]
        assert job in paste(f'{login}\ncurl -sb "$jar" {address}/api/jobs')


def test_start_after_the_launcher_was_killed_recovers(var: Path) -> None:
    """kill -9 of the launcher leaves server and Valkey;
    the next start on the same port ends the one, adopts the other."""
    port = str(free_port())
    first = Launch(var, "--port", port)
    first.wait_until_ready()
    server, valkey = first.child_pids()
    first.end(signal.SIGKILL)
    assert not is_gone(server)
    second = Launch(var, "--port", port)
    try:
        second.wait_until_ready()
        assert "stopping a server that an earlier start left behind" in second.output
        assert is_gone(server)
        assert second.child_pids()[1] == valkey
        assert PRIME_SUM in paste(second.pasted_lines)
        assert second.end() == 0
        assert is_gone(valkey)
    finally:
        second.process.kill()
        second.process.wait()


def test_server_that_dies_ends_the_launcher(var: Path) -> None:
    """It says so with the exit code, stops Valkey, and ends with 1."""
    with launched(var) as launch:
        server, valkey = launch.child_pids()
        os.kill(server, signal.SIGKILL)
        assert launch.process.wait(timeout=40) == 1
        assert "the server ended by itself with exit code -9" in launch.errors
        assert "stopping" not in launch.output
        assert is_gone(valkey)


def test_second_launcher_in_one_folder_is_refused(var: Path) -> None:
    """One line names the first one's process; the first goes on."""
    with launched(var) as first:
        second = Launch(var, "--port", str(free_port()))
        assert second.process.wait(timeout=30) == 1
        assert (
            second.errors
            == f"gatehouse: already running from {var} (process {first.process.pid}, at "
            f"{first.address}); for a second one name another folder in GATEHOUSE_VAR_DIR\n"
        )
        assert first.process.poll() is None
        assert first.end() == 0


def test_interrupt_while_starting_leaves_no_process(var: Path) -> None:
    """Ctrl-C before the banner stops what was started so far."""
    launch = Launch(var, "--port", str(free_port()))
    pid_file = var / "valkey" / "valkey.pid"
    wait_until(lambda: pid_file.exists() and pid_file.read_text().strip().isdigit(), timeout_s=30)
    assert launch.end() == 0
    assert is_gone(int(pid_file.read_text()))
    assert READY not in launch.output


def test_port_in_use_is_one_line(var: Path) -> None:
    """Nothing is started; the line says what to do."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        launch = Launch(var, "--port", str(port))
        assert launch.process.wait(timeout=30) == 1
    assert launch.errors == f"gatehouse: port {port} is in use; choose another with --port\n"
    assert not (var / "valkey").exists()


@pytest.mark.parametrize(
    ("variable", "scheme", "begin"),
    [
        ("GATEHOUSE_REDIS_URL", "redis", "Redis at 127.0.0.1:"),
        ("DATABASE_URL", "postgres", "the database does not answer, see DATABASE_URL: "),
    ],
)
def test_unreachable_store_is_one_line_without_its_password(
    var: Path, variable: str, scheme: str, begin: str
) -> None:
    """The line says where Redis was expected, or which variable names the database."""
    url = f"{scheme}://me:hush-hush@127.0.0.1:{free_port()}/0"
    launch = Launch(var, "--port", str(free_port()), **{variable: url})
    assert launch.process.wait(timeout=30) == 1
    assert launch.errors.startswith(f"gatehouse: {begin}")
    assert launch.errors.count("\n") == 1
    assert "hush" not in launch.errors


@pytest.mark.parametrize(("set_one", "missing"), [("API", "SITE"), ("SITE", "API")])
def test_redis_of_one_side_alone_is_refused(var: Path, set_one: str, missing: str) -> None:
    """The other side would get ours, and nobody would be logged in."""
    url = {f"GATEHOUSE_{set_one}_REDIS_URL": f"redis://127.0.0.1:{free_port()}"}
    launch = Launch(var, "--port", str(free_port()), **url)
    assert launch.process.wait(timeout=60) == 2
    assert launch.errors.startswith(f"gatehouse: GATEHOUSE_{missing}_REDIS_URL: set it too")
    assert launch.errors.count("\n") == 1
    assert not (var / "valkey").exists()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GATEHOUSE_PORT", "eighty"),
        ("GATEHOUSE_SESSION_IDLE_S", "soon"),
        ("GATEHOUSE_JOB_THREADS", "0"),
    ],
)
def test_wrong_setting_is_one_line_that_names_it(var: Path, variable: str, value: str) -> None:
    """Whichever side the setting belongs to, the start ends at once with 2,
    and the value is not repeated."""
    launch = Launch(var, **{"GATEHOUSE_PORT": str(free_port()), variable: value})
    assert launch.process.wait(timeout=30) == 2
    assert launch.errors.startswith(f"gatehouse: {variable}: ")
    assert launch.errors.count("\n") == 1
    assert "soon" not in launch.errors
    assert not (var / "valkey").exists()
