"""CherryPy's HTTP server (cheroot) as Gatehouse runs it:
bounded, without a version banner, its own errors like ours."""

import errno
import logging
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any

import cherrypy
from cheroot.connections import ConnectionManager
from cheroot.wsgi import Server

from deploy.servers.cherrypy_requests import CherryPyConnection, Gateway
from deploy.servers.cherrypy_threads import CherryPyThreads
from deploy.servers.descriptors import connections_possible
from deploy.servers.parking import Parking, can_park
from deploy.servers.shares import AddressShares, holder_of
from deploy.servers.slow_clients import Arrival, ClientSocket
from shared.http.raw_response import raw_error
from shared.settings import ServerSettings

# So long the answers that were parked have to end, once they were told to.
_PARKED_END_S = 2.0


class Connections(ConnectionManager):
    """Connections that wait for a head: for the rest of one that has begun, or for the next."""

    _selector: Any

    def put(self, conn: CherryPyConnection) -> None:
        """Wait for the rest of the answer, or for the connection's next request."""
        if not conn.park():
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


class GatehouseServer(Server):
    """cheroot's server, with what its requests must know."""

    ConnectionClass = CherryPyConnection
    settings: ServerSettings
    requests: CherryPyThreads
    open_connections: AddressShares
    keep_alive_conn_limit: int | None  # type: ignore[assignment]
    _connections: "Connections"
    parking: Parking

    @property
    def parks(self) -> bool:
        """Whether an answer may wait without a thread."""
        return can_park() and self.ssl_adapter is None

    def prepare(self) -> None:
        """Bind the socket."""
        self.parking = Parking()
        super().prepare()
        self._connections.close()
        self._connections = Connections(self)

    def admitted(self, sock: socket.socket) -> ClientSocket:
        """Return the client's socket; one whose address has too many open is refused by an OSError
        that cheroot ignores."""
        try:
            peer = sock.getpeername()
        except OSError as error:  # reset before we had accepted it
            raise ConnectionResetError(errno.ECONNRESET, "the client has left") from error
        holder = holder_of(peer, trusted_proxy=self.settings.trusted_proxy)
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

    def stop(self) -> None:
        """Stop serving. Parked answers have been told to end: they get a moment for it."""
        if self.ready:
            self.parking.await_empty(within_s=_PARKED_END_S)
            self.parking.stop()
        super().stop()

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
    cherrypy.server.httpserver = server = build_server(application, settings)
    cherrypy.engine.subscribe("start", start, priority=10)
    cherrypy.engine.subscribe("stop", begin_stop, priority=10)
    # the server stops at 50, between the two
    cherrypy.engine.subscribe("stop", end_stop, priority=90)
    cherrypy.engine.subscribe("exit", partial(_leave_if_stuck, server.requests), priority=90)
    _stop_when_told()
    cherrypy.engine.start()
    cherrypy.engine.block()


def _leave_if_stuck(threads: CherryPyThreads) -> None:
    """End the process at once when a request never ends: Python would wait for its thread."""
    if threads.are_stuck:
        logging.shutdown()
        os._exit(1)


def _stop_when_told() -> None:
    """Have the engine stop between two steps of its main thread. In the signal's handler a stop
    would run in the middle of a start, or of the stop that an earlier signal began."""
    told: list[bool] = []

    def note() -> None:
        told.append(True)

    def stop_if_told() -> None:
        if told:
            cherrypy.engine.exit()

    handlers = cherrypy.engine.signal_handler.handlers
    handlers |= {"SIGTERM": note, "SIGHUP": note}
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        handlers["SIGINT"] = note  # pressed again, it would break off a stop as an exception
    cherrypy.engine.signal_handler.subscribe()
    cherrypy.engine.subscribe("main", stop_if_told)  # ten times a second
