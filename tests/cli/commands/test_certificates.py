"""Certificates are trusted alike by what asks the API and by what asks the site."""

import json
import ssl
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from gatehouse import Client, ConfigurationError
from shared.contract.api_keys import new_key
from tests.cli.command import Home
from tests.integration.tasks.test_web_tls import self_signed

LOG_IN_PAGE = (
    b'<form action=""><input name="login"><input name="password"></form>'
    b'<ul class="errorlist"><li>No.</li></ul>'
)
ME = {"id": "1", "username": "ada", "email": "", "is_staff": False, "credential": {}}


class _Service(BaseHTTPRequestHandler):
    """As much of a Gatehouse as a log-in and a log-out ask for."""

    def do_GET(self) -> None:
        if self.path != "/api/me":
            self._answer(200, LOG_IN_PAGE)
        elif "html" in self.headers["Accept"]:
            self._answer(302, b"", Location="/accounts/login/?reason=login_required")
        else:
            self._answer(200, json.dumps(ME).encode(), **{"Content-Type": "application/json"})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(200, LOG_IN_PAGE)

    def do_DELETE(self) -> None:
        self._answer(204, b"")

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """A certificate for localhost that no system knows."""
    return self_signed(tmp_path, "localhost")


@pytest.fixture
def address(authority: Path) -> Iterator[str]:
    """A service behind that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Service)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    # a refused handshake is the test's own
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"https://localhost:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def log_in(home: Home, address: str) -> None:
    """Keep a key as a log-in does that made it."""
    kept = {"address": address, "key": new_key(), "key_id": "7", "key_name": "", "username": "ada"}
    home.config_file.parent.mkdir(parents=True, exist_ok=True)
    home.config_file.write_text(json.dumps(kept))
    home.config_file.chmod(0o600)


def test_authority_of_ones_own_is_trusted_by_every_command(
    stranger: Home, address: str, authority: Path
) -> None:
    """As SSL_CERT_FILE names it: by who asks the API, who sends a password, and who revokes."""
    trusting = {"SSL_CERT_FILE": str(authority)}
    log_in(stranger, address)
    assert stranger.run("whoami", **trusting).out == f"ada at {address}\n"
    words = ("--username", "ada", "--password-stdin")
    for command in (("login", address), ("keys", "list", "--at", address)):
        asked = stranger.run(*command, *words, stdin="pw\n", **trusting)
        assert (asked.code, asked.line) == (4, "gatehouse: The log-in was refused: No.")
    gone = stranger.run("logout", **trusting)
    assert gone.line == f"Logged out of {address}; the key is revoked."


def test_refused_certificate_is_named_by_every_command(stranger: Home, address: str) -> None:
    """Not as a service that is away: waiting would not help."""
    words = ("--username", "ada", "--password-stdin")
    log_in(stranger, address)
    for command in (("whoami",), ("login", address, *words), ("keys", "list", *words)):
        done = stranger.run(*command, stdin="pw\n")
        assert done.code == 4, done
        assert f"{address} shows a certificate that is not trusted" in done.line
        assert "SSL_CERT_FILE" in done.line
    gone = stranger.run("logout")
    assert "The key still works" in gone.line
    assert "a certificate that is not trusted" in gone.line


def test_refused_certificate_is_named_by_the_library(address: str) -> None:
    """At once: it is not tried again."""
    with (
        Client(address, new_key(), patience_s=30) as client,
        pytest.raises(
            ConfigurationError, match=r"a certificate that is not trusted.*SSL_CERT_FILE"
        ),
    ):
        client.me()
