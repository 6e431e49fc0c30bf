"""A request and its connection under CherryPy's server: a head that is read without a thread, an
answer that may wait without one, errors like every other error."""

import io
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from cheroot.makefile import MakeFile
from cheroot.server import HTTPConnection, HTTPRequest
from cheroot.wsgi import Gateway_10

from deploy.servers.bodies import ChunkedBody, KnownLengthBody, RequestBody, as_is, chunk
from deploy.servers.body_limits import body_limit
from deploy.servers.parking import ParkedConnection
from shared.http.parking import PARKING, Pause

if TYPE_CHECKING:
    from deploy.servers.cherrypy import GatehouseServer

# A client that sent a small body to an address that wants none may go on with its next request.
_DISCARDED_MAX = 65_536
_BUFFER = io.DEFAULT_BUFFER_SIZE
# Whose answers end with their fields, as those with 1xx do, which none is: RFC 9112, 6.3.
_WITHOUT_BODY = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


class CherryPyRequest(HTTPRequest):
    """A request whose head is read by us, as on every server,
    and whose early errors look like every other error."""

    _gateway: "Gateway | None" = None

    def parse_request(self) -> None:
        """Take over the head, which came while no thread waited for it."""
        if self._gateway is not None:
            return  # it was parked, and goes on
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
        """Have the application answer, until it pauses or has ended. What it leaves of the body is
        read away if it is little; else the connection ends."""
        if self._gateway is None:
            self._gateway = self._begin()
        pause = self._gateway.go_on()
        if pause is not None:
            self.conn.pause(self, pause)
            return
        if self.ready:
            self.ensure_headers_sent()
        if self.chunked_write:
            self.conn.wfile.write(b"0\r\n\r\n")
        if not self._body.is_read:
            self.conn.wfile.flush()
            self.conn.drain()

    def abandon(self) -> None:
        """Free what the application holds for an answer that nobody takes."""
        if self._gateway is not None:
            self._gateway.close()

    def _begin(self) -> "Gateway":
        length = int(self.inheaders.get(b"Content-Length", 0))
        source = self.conn.rfile
        self._body: RequestBody = (
            ChunkedBody(source, largest=self._body_limit)
            if self.chunked_read
            else KnownLengthBody(source, length)
        )
        self.rfile = io.BufferedReader(self._body, _BUFFER if length or self.chunked_read else 1)
        gateway: Gateway = self.server.gateway(self)
        return gateway

    def send_headers(self) -> None:
        """Send the head of the answer."""
        if not self._body.discard(at_most=_DISCARDED_MAX):
            self.close_connection = True
        super().send_headers()

    def write(self, chunk: bytes) -> None:
        """Send a piece of the answer's body, if it can have one: else the client, or a proxy that
        sends others' requests over this connection, would read it as the next answer."""
        if self.method != b"HEAD" and int(self.status[:3]) not in _WITHOUT_BODY:
            super().write(chunk)

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
    client, or its client for an answer."""

    # Of each connection, thousands of which may wait; what is larger goes past them.
    rbufsize = 1024
    wbufsize = 1024

    def __init__(
        self,
        server: "GatehouseServer",
        sock: socket.socket,
        makefile: Callable[..., Any] = MakeFile,
    ) -> None:
        self.client = server.admitted(sock)
        super().__init__(server, self.client, makefile)
        self.socket = sock
        self._paused: CherryPyRequest | None = None
        self._pause: Pause | None = None
        self._place: ParkedConnection | None = None

    def RequestHandlerClass(self, server: Any, conn: Any) -> CherryPyRequest:  # noqa: N802
        """Return the request that goes on, or the next one."""
        paused, self._paused = self._paused, None
        return CherryPyRequest(server, conn) if paused is None else paused

    def communicate(self) -> bool:
        """Answer a request, or go on with one that was parked.
        True when the connection is to be kept."""
        place, self._place = self._place, None
        if place is not None:
            if place.is_gone:
                return False
            self.client.begin()
            self._pause = None
            with suppress(OSError):  # what follows fails, too
                self.client.sendall(place.unsent)
        is_kept = bool(super().communicate())  # type: ignore[no-untyped-call]
        return is_kept or self._pause is not None

    def pause(self, request: CherryPyRequest, pause: Pause) -> None:
        """Remember the request whose answer pauses; the connection is parked when its thread
        lets go."""
        self._paused, self._pause = request, pause

    def park(self) -> bool:
        """Park the connection; False when its request has no pause."""
        if self._paused is None or self._pause is None:
            return False
        self._place = ParkedConnection(
            self.server.parking,
            self.client.plain,
            frame=chunk if self._paused.chunked_write else as_is,
            back=partial(self.server.requests.put, self),
        )
        self._place.begin(self._pause)
        return True

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
        paused, self._paused = self._paused, None
        if paused is not None:
            paused.abandon()
        super().close()
        self.client.close()


class Gateway(Gateway_10):
    """WSGI as cheroot does it, for answers that may pause (shared.http.parking)."""

    _answer: Any = None
    _pieces: Iterator[bytes | Pause]

    def get_environ(self) -> Any:
        """Return the request's environ."""
        environ: Any = super().get_environ()  # type: ignore[no-untyped-call]
        return {**environ, PARKING: self.req.server.parks}

    def go_on(self) -> Pause | None:
        """Send what the application has to say; return its pause, or None at the end."""
        if self._answer is None:
            self._answer = self.req.server.wsgi_app(self.env, self.start_response)
            self._pieces = iter(self._answer)
        try:
            for piece in self._pieces:
                if isinstance(piece, Pause):
                    return piece
                if piece:
                    self.write(piece)
            self.req.ensure_headers_sent()
        except BaseException:
            self.close()
            raise
        self.close()
        return None

    def close(self) -> None:
        """Close the application's iterable. Idempotent."""
        answer, self._answer = self._answer, ()
        if hasattr(answer, "close"):
            answer.close()
