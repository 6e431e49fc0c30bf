"""gunicorn on a Unix socket, as behind nginx on the same machine:
who logs in there, and what is said when nothing was set."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.service import COMMANDS, Browser, ServiceProcess

SETTING = "GATEHOUSE_TRUSTED_PROXY=true"


class SocketService(ServiceProcess):
    """The service at a Unix socket."""

    def __init__(self, folder: Path, **settings: str) -> None:
        super().__init__(folder, server="gunicorn on a socket", **settings)
        self.socket = folder / "http.sock"

    def browser(self, **headers: str) -> Browser:
        """Return a browser that comes by the socket, with what a proxy would add."""
        browser = self.new_browser()
        browser.http.close()
        transport = httpx.HTTPTransport(uds=str(self.socket))
        browser.http = httpx.Client(
            base_url="http://localhost", transport=transport, timeout=30, headers=headers
        )
        return browser

    def _is_live(self) -> bool:
        if not self.socket.exists():
            return False
        try:
            browser = self.browser(**{"X-Forwarded-For": "192.0.2.1"})
            return browser.http.get("/api/health/live").status_code == 200
        except httpx.TransportError:
            return False


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SocketService]:
    """One service that believes its proxy."""
    folder = tmp_path_factory.mktemp("s")
    with pytest.MonkeyPatch.context() as patch:
        command = [
            *COMMANDS["gunicorn"][:-1],
            "--bind",
            f"unix:{folder / 'http.sock'}",
            "wsgi:application",
        ]
        patch.setitem(COMMANDS, "gunicorn on a socket", command)
        with SocketService(folder, server_workers="1", trusted_proxy="true") as service:
            yield service


def log_in(service: SocketService, **headers: str) -> httpx.Response:
    """Log in by the page's form."""
    return service.browser(**headers).send_form(
        "/accounts/login/", {"login": "demo", "password": service.password}
    )


def test_log_in_over_a_unix_socket_needs_a_proxy_that_says_who_asks(service: SocketService) -> None:
    """With the client's address people log in;
    without it a page and one line of the log say what to set.

    Without the setting no X-Forwarded-For is believed:
    there is no address either (tests/unit/test_client_address.py).
    """
    assert log_in(service, **{"X-Forwarded-For": "203.0.113.9"}).status_code == 302
    assert "address='203.0.113.9'" in service.log
    assert "over a Unix socket" not in service.log
    for _ in range(2):
        refused = log_in(service)
        assert refused.status_code == 503
        assert SETTING in refused.text
        assert "X-Forwarded-For" in refused.text
    assert service.log.count("over a Unix socket") == 1
    assert "Traceback" not in service.log
