"""What a newcomer runs: one command, a banner, three lines to paste, Ctrl-C.
And the ways it can go wrong, each one line."""

import json
import os
import signal
import socket
from pathlib import Path

import pytest

from tests.e2e.launching import READY, Launch, launched, paste
from tests.ports import free_port
from tests.processes import is_gone
from tests.waiting import wait_until

PRIME_SUM = "454396537"


@pytest.fixture
def var(tmp_path: Path) -> Path:
    """A var folder that does not exist yet."""
    return tmp_path / "var"


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
        assert launch.wait() == 1
        assert "the server ended by itself with exit code -9" in launch.errors
        assert "stopping" not in launch.output
        assert is_gone(valkey)


def test_second_launcher_in_one_folder_is_refused(var: Path) -> None:
    """One line names the first one's process; the first goes on."""
    with launched(var) as first:
        second = Launch(var, "--port", str(free_port()))
        assert second.wait() == 1
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
        assert launch.wait() == 1
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
    assert launch.wait() == 1
    assert launch.errors.startswith(f"gatehouse: {begin}")
    assert launch.errors.count("\n") == 1
    assert "hush" not in launch.errors


@pytest.mark.parametrize(("set_one", "missing"), [("API", "SITE"), ("SITE", "API")])
def test_redis_of_one_side_alone_is_refused(var: Path, set_one: str, missing: str) -> None:
    """The other side would get ours, and nobody would be logged in."""
    url = {f"GATEHOUSE_{set_one}_REDIS_URL": f"redis://127.0.0.1:{free_port()}"}
    launch = Launch(var, "--port", str(free_port()), **url)
    assert launch.wait(60) == 2
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
    assert launch.wait() == 2
    assert launch.errors.startswith(f"gatehouse: {variable}: ")
    assert launch.errors.count("\n") == 1
    assert "soon" not in launch.errors
    assert not (var / "valkey").exists()
