"""Servers that are away, that are something else, that change their mind:
one line, the right code, no traceback."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar
from uuid import uuid4

import pytest

from shared.contract.api_keys import new_key
from tests.cli.command import Home
from tests.e2e.service import ServiceProcess
from tests.ports import free_port


class _Somebody(BaseHTTPRequestHandler):
    """Answers everything alike."""

    status: ClassVar[int]
    headers_sent: ClassVar[dict[str, str]]
    body: ClassVar[bytes]

    def _answer(self) -> None:
        self.send_response(
            302 if self.path == "/api/me" and "X-Login" in self.headers_sent else self.status
        )
        for name, value in self.headers_sent.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815  # the library's names

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@contextmanager
def somebody_else(status: int, body: bytes, **headers: str) -> Iterator[str]:
    """A web server that is no Gatehouse; its address."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    handler = type("Handler", (_Somebody,), {"status": status, "headers_sent": names, "body": body})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


PAGE = b"<html><head><title>502</title></head><body><h1>Bad\x1b[31m Gateway</h1></body></html>"


def test_server_away_is_5(stranger: Home) -> None:
    """For each kind of command, soon."""
    address = f"http://127.0.0.1:{free_port()}"
    access = {"GATEHOUSE_URL": address, "GATEHOUSE_KEY": new_key()}
    for words in (
        ("jobs",),
        ("submit", "primes.sum", "limit=1"),
        ("login", address, "--username", "a", "--password-stdin"),
    ):
        done = stranger.run(*words, **access)
        assert done.code == 5
        assert address in done.line


@pytest.mark.parametrize("command", ["watch", "result"])
def test_timeout_holds_where_the_service_is_away(stranger: Home, command: str) -> None:
    """It is at most that long, not the minute for which a restart is waited for else."""
    began = time.monotonic()
    done = stranger.run(
        *(command, str(uuid4()), "--timeout", "1"),
        GATEHOUSE_URL=f"http://127.0.0.1:{free_port()}",
        GATEHOUSE_KEY=new_key(),
    )
    assert done.code == 5
    assert "can't be reached" in done.line
    assert time.monotonic() - began < 15


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b"<html>Welcome to our shop</html>", "text/html"),
        (404, PAGE, "text/html"),
        (502, PAGE, "text/html"),
        (200, b"{", "application/json"),
        (200, b"[" * 100_000, "application/json"),
        (200, b'{"tasks": [{"name": 7}]}', "application/json"),
        (200, b"\xff\xfe", "application/json"),
        (302, b"", "text/html"),
        (401, b"", "text/plain"),
        (500, b'{"code": "x", "detail": 5}', "application/problem+json"),
        (418, b'{"detail": "\\u001b[31mred"}', "application/problem+json"),
    ],
)
def test_what_is_no_gatehouse_is_one_line(
    stranger: Home, status: int, body: bytes, kind: str
) -> None:
    """A proxy's page, another site, nonsense."""
    with somebody_else(
        status, body, Content_Type=kind, Location="https://elsewhere.example/"
    ) as address:
        done = stranger.run("tasks", GATEHOUSE_URL=address, GATEHOUSE_KEY=new_key())
    assert done.code in (1, 5), done
    assert "unexpected" not in done.line
    assert "\x1b" not in done.line


def test_log_in_page_at_no_address_is_one_line(stranger: Home) -> None:
    """What no browser could follow."""
    with somebody_else(302, b"", Location="//[?login_required") as address:
        done = stranger.run("login", address, "--username", "a", "--password-stdin", stdin="secret")
    assert (done.code, "sends to no address" in done.line) == (5, True)


def test_service_that_is_asked_over_https_only_says_so(stranger: Home) -> None:
    """A slip in the address, or a setting that is missing behind its proxy."""
    body = b'{"code": "https_required", "detail": "\x1b[2J"}'
    with somebody_else(403, body, Content_Type="application/problem+json") as address:
        done = stranger.run("login", address, "--username", "a", "--password-stdin", stdin="secret")
    assert (done.code, "is asked over HTTPS only" in done.line) == (2, True), done


@pytest.mark.parametrize(("status", "body"), [(200, PAGE), (302, b""), (500, b"")])
def test_what_is_no_gatehouse_is_given_no_password(
    stranger: Home, status: int, body: bytes
) -> None:
    """It is found out before anything is asked for."""
    with somebody_else(
        status, body, Content_Type="text/html", Location="https://elsewhere.example/"
    ) as address:
        done = stranger.run(
            "login", address, "--username", "ada", "--password-stdin", stdin="secret"
        )
        page = stranger.run(
            "login",
            f"{address}/accounts/login/",
            "--username",
            "ada",
            "--password-stdin",
            stdin="secret",
        )
    assert (
        done.code,
        "does not answer as a Gatehouse" in done.line,
        "without the path" in done.line,
    ) == (5, True, False)
    assert (page.code, "without the path of a page" in page.line) == (5, True)


@pytest.mark.parametrize(
    "action",
    [
        "https://elsewhere.example/",
        "//elsewhere.example/x",
        "http://127.0.0.1:9/x",
        "javascript:x",
        "http://[::1",
        "//[x]/",
    ],
)
def test_password_goes_to_no_other_address(stranger: Home, action: str) -> None:
    """Whatever the form says."""
    form = f'<form action="{action}"><input name="login"><input name="password"></form>'.encode()
    where = "/accounts/login/?reason=login_required"
    with somebody_else(
        200, form, Content_Type="text/html", Location=where, X_Login="yes"
    ) as address:
        done = stranger.run(
            "login", address, "--username", "ada", "--password-stdin", stdin="secret"
        )
    assert (done.code, "another address" in done.line) == (5, True)


@pytest.mark.parametrize(
    "address",
    [
        "ftp://example.org",
        "http://",
        "http://user:pw@example.org",
        "http://x/path?query",
        "http://[::1",
        "[::1",
        "http://a:99999",
        "\x1b",
        "",
    ],
)
def test_what_is_no_address_is_refused_before_anything_is_asked(
    stranger: Home, address: str
) -> None:
    """With what it must be."""
    done = stranger.run("login", address, "--username", "ada", "--password-stdin", stdin="secret")
    assert done.code in (2, 4)
    assert "must" in done.line
    assert "\x1b" not in done.line


@pytest.mark.parametrize(
    "value", ["[::1]", "[::1]:8080", "10.0.0.0/8,fd00::/8", "a b,,[,::1]x,http://"]
)
def test_any_no_proxy_is_read(service: ServiceProcess, home: Home, value: str) -> None:
    """What it doesn't say is ignored; no entry ends the command."""
    assert home.run("whoami", NO_PROXY=value).code == 0


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("ALL_PROXY", "socks5://user:secret@127.0.0.1:1", "ALL_PROXY names a SOCKS proxy: install"),
        ("HTTP_PROXY", "http://[::1", "HTTP_PROXY can't be read: it must be http://host:port"),
        ("http_proxy", "ftp://127.0.0.1:1", "HTTP_PROXY names a 'ftp' proxy"),
    ],
)
def test_proxy_that_can_not_be_used_is_2_and_named(
    home: Home, variable: str, value: str, said: str
) -> None:
    """Its value, which may hold a password, is not shown; a log-in says the same."""
    address = f"http://127.0.0.1:{free_port()}"
    for words in (("whoami",), ("login", address, "--username", "a", "--password-stdin")):
        done = home.run(*words, **{variable: value})
        assert (done.code, said in done.line, "secret" in done.line) == (2, True, False)


def test_wrong_key_is_4_and_says_what_to_do(service: ServiceProcess, stranger: Home) -> None:
    """Alike for expired, revoked, unknown: the service does not tell."""
    done = stranger.run("jobs", GATEHOUSE_URL=service.address, GATEHOUSE_KEY=new_key())
    assert done.code == 4
    assert "gatehouse login" in done.line


def test_key_revoked_while_waiting_is_4(
    service: ServiceProcess, home: Home, stranger: Home
) -> None:
    """Within the length of one look."""
    log_in = ("login", service.address, "--username", "demo", "--password-stdin")
    assert stranger.run(*log_in, stdin=service.password).code == 0
    job_id = home.run("submit", "sample.hang").out.strip()
    with stranger.on_terminal("watch", job_id) as terminal:
        terminal.wait_for("running")
        assert stranger.run("logout").code == 0
        assert terminal.wait_for_end() == 4
        assert "revoked" in terminal.text
        assert "Traceback" not in terminal.text
    assert json.loads(home.run("jobs", "--json", "--limit", "1").out)["status"] == "running"
    home.run("cancel", job_id)


def test_debug_shows_the_traceback(stranger: Home) -> None:
    """Before the command or after it."""
    access = {"GATEHOUSE_URL": f"http://127.0.0.1:{free_port()}", "GATEHOUSE_KEY": new_key()}
    for words in (("--debug", "jobs"), ("jobs", "--debug")):
        done = stranger.run(*words, **access)
        assert done.code == 5
        assert "Traceback" in done.err
        assert access["GATEHOUSE_KEY"] not in done.err


def test_nobody_logged_in_is_4(stranger: Home) -> None:
    """With what to do about it."""
    done = stranger.run("jobs")
    assert done.code == 4
    assert "gatehouse login" in done.line


def test_file_that_others_may_read_is_refused(stranger: Home) -> None:
    """A key that lies open is no secret."""
    stranger.config_file.parent.mkdir(parents=True)
    stranger.config_file.write_text(json.dumps({"address": "http://localhost:1", "key": new_key()}))
    stranger.config_file.chmod(0o644)
    done = stranger.run("jobs")
    assert (done.code, "chmod 600" in done.line) == (4, True)
