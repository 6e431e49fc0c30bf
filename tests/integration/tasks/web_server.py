"""A web server on this machine that behaves well or badly on request,
and remembers what it was asked."""

import gzip
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from typing import Any
from urllib.parse import unquote

import pytest

from flask_api.tasks.web.fetching.access import GuardedClient

LOCAL = (ip_network("127.0.0.1/32"),)  # what a task may reach here
PAUSE_S = 0.05
GATHER_S = 20.0


@dataclass(frozen=True)
class Page:
    """A whole answer."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class WebServer(ThreadingHTTPServer):
    """One server. ``gather``: how many requests of /gather must be there together before any is
    answered; ``raw``: what /raw sends, HTTP or not; ``pages``: whole answers by path;
    ``most_busy``: how many requests of /busy were there at once.
    """

    daemon_threads = False  # closing waits for every handler: a test leaves no thread
    request_queue_size = 256

    def __init__(self, host: str, *, gather: int = 1, tls: ssl.SSLContext | None = None) -> None:
        super().__init__((host, 0), _Handler)
        self.scheme = "https" if tls else "http"
        self.host, self.port = host, int(self.server_address[1])
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.stopping = threading.Event()
        self.held = threading.Event()
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.raw = b""
        self.pages: dict[str, Page] = {}
        self.busy = self.most_busy = 0
        self.gather = gather
        self.gathered = 0
        self.changed = threading.Condition()

    def url(self, path: str, *, host: str = "") -> str:
        """Return the URL of a path, under another name for the host if one is given."""
        return f"{self.scheme}://{host or self.host}:{self.port}{path}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that hangs up is what many tests are about."""


@contextmanager
def running_server(
    host: str = "127.0.0.1", *, gather: int = 1, tls: ssl.SSLContext | None = None
) -> Iterator[WebServer]:
    """Serve until the block ends, then end every handler and close."""
    server = WebServer(host, gather=gather, tls=tls)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: WebServer
    timeout = 20

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name is the base class's
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer as the first part of the path says; the rest is its argument."""
        self.server.requests.append((self.path, dict(self.headers.items())))
        path = self.path.partition("?")[0]
        if (page := self.server.pages.get(path)) is not None:
            self.answer(page.status, page.body, **page.headers)
            return
        _, name, argument = [*path.split("/", 2), ""][:3]
        ROUTES.get(name, _not_found)(self, argument)

    def do_HEAD(self) -> None:
        """Answer as to GET, without the body."""
        self.do_GET()

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Send a whole, correct answer."""
        self.send_response(status)
        for header, value in headers.items():
            self.send_header(header.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def repeat(self, piece: bytes, *, pause_s: float = 0.0) -> None:
        """Send a piece again and again until the client hangs up or the server stops."""
        while not self.server.stopping.wait(pause_s):
            self.wfile.write(piece)


def _not_found(handler: _Handler, argument: str) -> None:
    handler.answer(404, b"nothing here")


def _size(handler: _Handler, argument: str) -> None:
    handler.answer(200, b"x" * int(argument))


def _redirect(handler: _Handler, argument: str) -> None:
    left = int(argument)
    handler.answer(302, b"going on", Location=f"/redirect/{left - 1}") if left else handler.answer(
        200, b"end"
    )


def _to(handler: _Handler, argument: str) -> None:
    handler.answer(302, Location=unquote(argument), Set_Cookie="seen=1; Path=/")


def _endless(handler: _Handler, argument: str) -> None:
    handler.send_response(int(argument or 200))
    handler.send_header("Location", "/size/3")
    handler.end_headers()
    handler.repeat(b"x" * 65_536)


def _trickle(handler: _Handler, argument: str) -> None:
    handler.send_response(200)
    handler.end_headers()
    handler.repeat(b"x", pause_s=PAUSE_S)


def _slow_header(handler: _Handler, argument: str) -> None:
    handler.wfile.write(b"HTTP/1.0 200 OK\r\nX-Slow: ")
    handler.repeat(b"x", pause_s=PAUSE_S)


def _late(handler: _Handler, argument: str) -> None:
    """Be silent longer than the client's slice, then answer."""
    handler.server.stopping.wait(0.6)
    handler.answer(200, b"late")


def _gzip(handler: _Handler, argument: str) -> None:
    handler.answer(200, gzip.compress(bytes(20_000_000)), Content_Encoding="gzip")


def _raw(handler: _Handler, argument: str) -> None:
    handler.wfile.write(handler.server.raw)


def _gather(handler: _Handler, argument: str) -> None:
    server = handler.server
    with server.changed:
        server.gathered += 1
        server.changed.notify_all()
        server.changed.wait_for(lambda: server.gathered >= server.gather, timeout=GATHER_S)
    handler.server.stopping.wait(0.1)
    handler.answer(200 if server.gathered >= server.gather else 503, b"together")


def _busy(handler: _Handler, argument: str) -> None:
    """Count who is here at the same time."""
    server = handler.server
    with server.changed:
        server.busy += 1
        server.most_busy = max(server.most_busy, server.busy)
    server.stopping.wait(PAUSE_S)
    with server.changed:
        server.busy -= 1
    handler.answer(200, b"done")


def _hold(handler: _Handler, argument: str) -> None:
    handler.server.held.set()
    handler.server.stopping.wait()


ROUTES: dict[str, Callable[[_Handler, str], None]] = {
    "size": _size,
    "redirect": _redirect,
    "to": _to,
    "endless": _endless,
    "trickle": _trickle,
    "slow-header": _slow_header,
    "late": _late,
    "gzip": _gzip,
    "raw": _raw,
    "gather": _gather,
    "busy": _busy,
    "hold": _hold,
}


@pytest.fixture
def server() -> Iterator[WebServer]:
    """A web server on 127.0.0.1."""
    with running_server() as running:
        yield running


def fetch(client: GuardedClient, url: str, *, timeout_s: float = 10) -> bytes:
    """Return the body of a guarded client's answer."""
    with client.stream(url, timeout_s=timeout_s, max_bytes=1_000_000) as reply:
        return b"".join(reply.iter_body())
