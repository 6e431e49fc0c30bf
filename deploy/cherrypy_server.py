"""CherryPy's HTTP server (cheroot) as Gatehouse runs it: bounded, without a version banner, its own errors like ours."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import cherrypy
from cheroot.server import HeaderReader, HTTPConnection, HTTPRequest
from cheroot.wsgi import Server

from deploy.framing import is_plain_target, read_field, repeated_field
from deploy.lingering import drain
from shared.raw_response import raw_error
from shared.settings import ServerSettings


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

    def read_request_line(self) -> bool:
        """Read the first line; False when it was answered with an error."""
        is_read: Callable[[], bool] = super().read_request_line
        if not is_read():
            return False
        if is_plain_target(self.uri.decode("latin-1")):
            return True
        self.simple_response(HTTPStatus.BAD_REQUEST)
        return False

    def simple_response(self, status: str | int, msg: str = "") -> None:
        """Refuse the request and close: after a framing error nobody knows where the next request begins."""
        del msg  # it may repeat the request
        code = HTTPStatus(int(str(status)[:3]))
        self.close_connection = True
        self.conn.wfile.write(raw_error(code.value, code.phrase, production=self.server.production))
        if code is HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            self.conn.wfile.flush()
            drain(self.conn.socket)


class Connection(HTTPConnection):
    """A connection of such requests."""

    RequestHandlerClass = Request


class GatehouseServer(Server):
    """cheroot's server, with what its requests must know."""

    ConnectionClass = Connection
    production = False


def build_server(application: Callable[..., Any], settings: ServerSettings) -> GatehouseServer:
    """Return the server, not started."""
    server = GatehouseServer(
        (settings.host, settings.port),
        application,
        numthreads=settings.server_threads,
        server_name="Gatehouse",  # cheroot would tell its version
        request_queue_size=128,
        shutdown_timeout=settings.drain_s,
    )
    server.production = settings.production
    server.max_request_header_size = 32_768
    server.max_request_body_size = settings.site_max_body_bytes
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
