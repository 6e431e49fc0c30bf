"""CherryPy's HTTP server (cheroot) as Gatehouse runs it: bounded, without a version banner, its own errors like ours."""

import io
import socket
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import cherrypy
from cheroot.makefile import MakeFile
from cheroot.server import HeaderReader, HTTPConnection, HTTPRequest
from cheroot.wsgi import Gateway_10, Server

from deploy.bodies import Body, ChunkedBody, KnownLengthBody
from deploy.body_limits import body_limit
from deploy.framing import is_plain_head, is_plain_target, read_field, repeated_field
from deploy.lingering import drain
from deploy.slow_clients import HEAD_PATIENCE_S, PATIENCE_S, ClientSocket, Pool
from shared.raw_response import raw_error
from shared.settings import ServerSettings

# A client that sent a small body to an address that wants none may go on with its next request.
_DISCARDED_MAX = 65_536


class StrictHeaderReader(HeaderReader):
    """Reads headers as gunicorn does: no folded lines, no underscores, repeated fields joined by a comma or refused."""

    def __call__(self, rfile: Any, hdict: dict[bytes, bytes] | None = None) -> dict[bytes, bytes]:
        """Fill and return ``hdict``. Raises ValueError, which is answered with 400."""
        fields: dict[bytes, bytes] = {} if hdict is None else hdict
        names: list[str] = []
        while (line := rfile.readline()) != b"\r\n":
            name, value = read_field(line)
            names.append(name.decode())
            if b"_" in name:
                continue  # X_User would become the same variable as X-User, past a proxy that removes the latter
            key = name.title()
            fields[key] = fields[key] + b"," + value if key in fields else value
        if repeated_field(names):
            raise ValueError("a header that may come once comes twice")
        return fields


class Request(HTTPRequest):
    """A request that is read as gunicorn reads it, and whose early errors look like every other error."""

    header_reader = StrictHeaderReader()

    def parse_request(self) -> None:
        """Read the head."""
        self.conn.client.begin(HEAD_PATIENCE_S)
        super().parse_request()
        self.conn.client.begin(PATIENCE_S)

    def read_request_line(self) -> bool:
        """Read the first line; False when it was answered with an error."""
        is_read: Callable[[], bool] = super().read_request_line
        if not is_read():
            return False
        if is_plain_target(self.uri.decode("latin-1")):
            return True
        self.simple_response(HTTPStatus.BAD_REQUEST)
        return False

    def read_request_headers(self) -> bool:
        """Read the headers; False when the request was answered with an error."""
        is_read: Callable[[], bool] = super().read_request_headers
        if not is_read():
            return False
        length = self.inheaders.get(b"Content-Length", b"0")
        if not length.isdigit() or (self.chunked_read and b"Content-Length" in self.inheaders) or not self._is_plain:
            self.simple_response(HTTPStatus.BAD_REQUEST)  # where the body ends would be anyone's guess
        elif int(length) > self._body_limit:
            self.simple_response(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        else:
            return True
        return False

    def respond(self) -> None:
        """Have the application answer. What it leaves of the body is read away if it is little; else the connection ends."""
        length = int(self.inheaders.get(b"Content-Length", 0))
        source = self.conn.rfile
        self._body: Body = (
            ChunkedBody(source, largest=self._body_limit) if self.chunked_read else KnownLengthBody(source, length)
        )
        self.rfile = io.BufferedReader(self._body)
        self.server.gateway(self).respond()
        if self.ready:
            self.ensure_headers_sent()
        if self.chunked_write:
            self.conn.wfile.write(b"0\r\n\r\n")
        if not self._body.is_read:
            self.conn.wfile.flush()
            self.conn.drain()

    def send_headers(self) -> None:
        """Send the head of the answer."""
        if not self._body.discard(at_most=_DISCARDED_MAX):
            self.close_connection = True
        super().send_headers()

    @property
    def _is_plain(self) -> bool:
        host, coding = (self.inheaders.get(name) for name in (b"Host", b"Transfer-Encoding"))
        return is_plain_head(
            host=host and host.decode("latin-1"),
            coding=coding and coding.decode("latin-1"),
            is_http_1_1=self.response_protocol == "HTTP/1.1",
        )

    @property
    def _body_limit(self) -> int:
        return body_limit(self.server.settings, method=self.method.decode("latin-1"), path=self.path.decode("latin-1"))

    def simple_response(self, status: str | int, msg: str = "") -> None:
        """Refuse the request and close: after a framing error nobody knows where the next request begins."""
        del msg  # it may repeat the request
        code = HTTPStatus(int(str(status)[:3]))
        self.close_connection = True
        self.conn.wfile.write(raw_error(code.value, code.phrase, production=self.server.settings.production))
        if code is HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            self.conn.wfile.flush()
            self.conn.drain()


class Connection(HTTPConnection):
    """A connection of such requests, which holds no thread that others need while it waits for its client."""

    RequestHandlerClass = Request

    def __init__(self, server: "GatehouseServer", sock: socket.socket, makefile: Callable[..., Any] = MakeFile) -> None:
        self.client = ClientSocket(sock, server.requests)
        super().__init__(server, self.client, makefile)
        self.socket = sock

    def drain(self) -> None:
        """Close our side of it, and read away what the client still sends."""
        with self.server.requests.lent():
            drain(self.socket)


class Gateway(Gateway_10):
    """WSGI as cheroot does it, and the client's socket for who must know that it is gone: event streams."""

    def get_environ(self) -> Any:
        """Return the request's environ, with the socket under the name that flask_api.streams.connection looks for."""
        environ: Any = super().get_environ()  # type: ignore[no-untyped-call]
        return {**environ, "gatehouse.socket": self.req.conn.socket}


class GatehouseServer(Server):
    """cheroot's server, with what its requests must know."""

    ConnectionClass = Connection
    settings: ServerSettings
    requests: Pool


def build_server(application: Callable[..., Any], settings: ServerSettings) -> GatehouseServer:
    """Return the server, not started."""
    server = GatehouseServer(
        (settings.host, settings.port),
        application,
        server_name="Gatehouse",  # cheroot would tell its version
        request_queue_size=128,
        shutdown_timeout=settings.drain_s,
    )
    server.requests = Pool(server, threads=settings.server_threads)
    server.gateway = Gateway
    server.settings = settings
    server.max_request_header_size = 32_768
    server.max_request_body_size = 0  # what a body may have depends on what it is for
    return server


def serve(
    application: Callable[..., Any],
    settings: ServerSettings,
    *,
    start: Callable[[], None],
    begin_stop: Callable[[], None],
    end_stop: Callable[[], None],
    log: Callable[[str, int], None],
) -> None:
    """Run CherryPy's engine until SIGTERM or SIGINT.

    ``begin_stop`` is called before the server drains its requests, ``end_stop`` after.
    """
    cherrypy.config.update({"environment": "production", "engine.autoreload.on": False, "log.screen": False})
    cherrypy.log.error_log.propagate = False  # the same lines, through ``log``
    cherrypy.engine.subscribe("log", log)
    cherrypy.server.socket_host, cherrypy.server.socket_port = settings.host, settings.port
    cherrypy.server.httpserver = build_server(application, settings)
    cherrypy.engine.subscribe("start", start, priority=10)
    cherrypy.engine.subscribe("stop", begin_stop, priority=10)
    cherrypy.engine.subscribe("stop", end_stop, priority=90)  # the server stops at 50, between the two
    cherrypy.engine.signals.subscribe()
    cherrypy.engine.start()
    cherrypy.engine.block()
