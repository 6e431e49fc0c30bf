"""CherryPy's HTTP server (cheroot) as Gatehouse runs it:
bounded, without a version banner, its own errors like ours."""

import errno
import io
import selectors
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any

import cherrypy
from cheroot.connections import ConnectionManager
from cheroot.makefile import MakeFile
from cheroot.server import HTTPConnection, HTTPRequest
from cheroot.wsgi import Gateway_10, Server

from deploy.servers.bodies import ChunkedBody, KnownLengthBody, RequestBody
from deploy.servers.body_limits import body_limit
from deploy.servers.cherrypy_threads import CherryPyThreads
from deploy.servers.descriptors import connections_possible
from deploy.servers.shares import AddressShares, holder_of
from deploy.servers.slow_clients import Arrival, ClientSocket
from shared.http.raw_response import raw_error
from shared.settings import ServerSettings

# A client that sent a small body to an address that wants none may go on with its next request.
_DISCARDED_MAX = 65_536


class CherryPyRequest(HTTPRequest):
    """A request whose head is read by us, as on every server,
    and whose early errors look like every other error."""

    def parse_request(self) -> None:
        """Take over the head, which came while no thread waited for it."""
        client = self.conn.client
        client.begin()
        self.started_request = True
        if client.head is None:
            self.simple_response(client.refusal or HTTPStatus.BAD_REQUEST)
            return
        self.rfile = io.BytesIO(client.head.request_line)
        is_read: Callable[[], bool] = self.read_request_line
        self.ready = is_read() and self.read_request_headers()

    def header_reader(self, rfile: Any, hdict: dict[bytes, bytes]) -> None:
        """Fill ``hdict`` with the header fields."""
        del rfile
        hdict.update(self.conn.client.head.joined())

    def read_request_headers(self) -> bool:
        """Read the headers; False when the request was answered with an error."""
        is_read: Callable[[], bool] = super().read_request_headers
        if not is_read():
            return False
        if int(self.inheaders.get(b"Content-Length", 0)) > self._body_limit:
            self.simple_response(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return False
        return True

    def respond(self) -> None:
        """Have the application answer. What it leaves of the body is read away if it is little;
        else the connection ends."""
        length = int(self.inheaders.get(b"Content-Length", 0))
        source = self.conn.rfile
        self._body: RequestBody = (
            ChunkedBody(source, largest=self._body_limit)
            if self.chunked_read
            else KnownLengthBody(source, length)
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
    def _body_limit(self) -> int:
        return body_limit(
            self.server.settings,
            method=self.method.decode("latin-1"),
            path=self.path.decode("latin-1"),
        )

    def simple_response(self, status: str | int, msg: str = "") -> None:
        """Refuse the request and close: after a framing error nobody knows where the next request
        begins."""
        del msg  # it may repeat the request
        code = HTTPStatus(int(str(status)[:3]))
        self.close_connection = True
        self.conn.wfile.write(self.server.error(code))
        self.conn.wfile.flush()
        self.conn.drain()


class CherryPyConnection(HTTPConnection):
    """A connection of such requests, which holds no thread that others need while it waits for its
    client."""

    RequestHandlerClass = CherryPyRequest

    def __init__(
        self,
        server: "GatehouseServer",
        sock: socket.socket,
        makefile: Callable[..., Any] = MakeFile,
    ) -> None:
        self.client = server.admitted(sock)
        super().__init__(server, self.client, makefile)
        self.socket = sock

    def await_head(self) -> None:
        """Let the next request begin, with what was read of it already."""
        self.last_used = time.time()
        self.client.await_head(
            self.rfile.read1(len(self.rfile.peek())) if self.rfile.has_data() else b""
        )

    def drain(self) -> None:
        """Close our side of it, and read away what the client still sends."""
        self.client.linger()

    def close(self) -> None:
        """Close it."""
        super().close()
        self.client.close()


class Connections(ConnectionManager):
    """Connections that wait for a head: for the rest of one that has begun, or for the next."""

    _selector: Any

    def put(self, conn: CherryPyConnection) -> None:
        """Wait for the connection's next request."""
        conn.await_head()
        self.server.process_conn(conn)

    def await_more(self, conn: CherryPyConnection) -> None:
        """Wake up for the next piece of the head. Thread-safe."""
        self._selector.register(conn.socket.fileno(), selectors.EVENT_READ, data=conn)

    def _expire(self, threshold: float) -> None:
        """End those that have kept us waiting; who had begun is told."""
        del threshold
        now = time.monotonic()
        late = [
            (fd, conn)
            for fd, conn in self._selector.connections
            if conn is not self.server and conn.client.is_late(now)
        ]
        for fd, conn in late:
            self._selector.unregister(fd)
            if conn.client.has_begun:
                conn.client.say(self.server.error(HTTPStatus.REQUEST_TIMEOUT))
            conn.close()


class Gateway(Gateway_10):
    """WSGI as cheroot does it, and the client's socket for who must know that it is gone:
    event streams."""

    def get_environ(self) -> Any:
        """Return the request's environ, with the socket under the name that
        flask_api.streams.connection looks for."""
        environ: Any = super().get_environ()  # type: ignore[no-untyped-call]
        return {**environ, "gatehouse.socket": self.req.conn.client}


class GatehouseServer(Server):
    """cheroot's server, with what its requests must know."""

    ConnectionClass = CherryPyConnection
    settings: ServerSettings
    requests: CherryPyThreads
    open_connections: AddressShares
    keep_alive_conn_limit: int | None  # type: ignore[assignment]
    _connections: "Connections"

    def prepare(self) -> None:
        """Bind the socket."""
        super().prepare()
        self._connections.close()
        self._connections = Connections(self)

    def admitted(self, sock: socket.socket) -> ClientSocket:
        """Return the client's socket; one whose address has too many open is refused by an OSError
        that cheroot ignores."""
        holder = holder_of(sock.getpeername(), trusted_proxy=self.settings.trusted_proxy)
        if not self.open_connections.take(holder):
            sock.setblocking(False)
            with sock, suppress(OSError):
                sock.send(self.error(HTTPStatus.TOO_MANY_REQUESTS))
            raise ConnectionResetError(
                errno.ECONNRESET, "this address has too many connections open"
            )
        return ClientSocket(
            sock,
            self.requests,
            holder=holder,
            closed=partial(self.open_connections.give_back, holder),
        )

    def process_conn(self, conn: CherryPyConnection) -> None:
        """Have a request answered as soon as its head is whole. Thread-safe, doesn't block."""
        arrival = conn.client.receive()
        if arrival is Arrival.WHOLE:
            super().process_conn(conn)
        elif arrival is Arrival.PART:
            self._connections.await_more(conn)
        else:
            conn.close()

    def error(self, status: HTTPStatus) -> bytes:
        """Return the server's own answer."""
        return raw_error(status.value, status.phrase, production=self.settings.production)


def build_server(application: Callable[..., Any], settings: ServerSettings) -> GatehouseServer:
    """Return the server, not started."""
    server = GatehouseServer(
        (settings.host, settings.port),
        application,
        server_name="Gatehouse",  # cheroot would tell its version
        request_queue_size=128,
        shutdown_timeout=settings.drain_s,
    )
    server.requests = CherryPyThreads(server, threads=settings.server_threads)
    server.open_connections = AddressShares(
        total=connections_possible(settings.server_connections), each=settings.address_connections
    )
    server.gateway = Gateway
    server.settings = settings
    server.keep_alive_conn_limit = None  # those that wait cost no thread, and all are counted
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
    cherrypy.config.update(
        {"environment": "production", "engine.autoreload.on": False, "log.screen": False}
    )
    cherrypy.log.error_log.propagate = False  # the same lines, through ``log``
    cherrypy.engine.subscribe("log", log)
    cherrypy.server.socket_host, cherrypy.server.socket_port = settings.host, settings.port
    cherrypy.server.httpserver = build_server(application, settings)
    cherrypy.engine.subscribe("start", start, priority=10)
    cherrypy.engine.subscribe("stop", begin_stop, priority=10)
    # the server stops at 50, between the two
    cherrypy.engine.subscribe("stop", end_stop, priority=90)
    cherrypy.engine.signals.subscribe()
    cherrypy.engine.start()
    cherrypy.engine.block()
