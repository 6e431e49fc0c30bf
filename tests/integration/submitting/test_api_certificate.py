"""The API behind a certificate of the firm's own authority, as Django's side asks it."""

import ssl
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from django_site.contract import contract_settings
from django_site.submitting import ApiAway
from django_site.submitting.asking import ask
from tests.integration.tasks.test_web_tls import self_signed

if TYPE_CHECKING:
    from django_site.accounts.models import User


class _Api(BaseHTTPRequestHandler):
    """Says yes."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """A certificate for localhost that no system knows."""
    return self_signed(tmp_path, "localhost")


@pytest.fixture
def _api(authority: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An API behind that certificate, which GATEHOUSE_API_URL names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Api)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    # a refused handshake is the test's own
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("GATEHOUSE_API_URL", f"https://localhost:{server.server_port}/api")
    contract_settings.cache_clear()
    try:
        yield
    finally:
        monkeypatch.undo()
        contract_settings.cache_clear()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.usefixtures("site", "_api")
def test_authority_of_ones_own_is_trusted_where_the_system_or_a_variable_names_it(
    person: "User", authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused, it is named as a certificate: trying again would not help."""
    with pytest.raises(ApiAway, match=r"certificate.*SSL_CERT_FILE"):
        ask(str(person.pk), "GET", "/me")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    assert ask(str(person.pk), "GET", "/me") == {}
