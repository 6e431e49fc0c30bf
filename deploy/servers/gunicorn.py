"""gunicorn's threaded worker and its log, with its own errors like ours:
two classes that gunicorn.conf.py names."""

import errno
import selectors
import socket
import time
from collections import deque
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any, cast

from gunicorn.glogging import Logger
from gunicorn.http import errors

from deploy.servers.bodies import as_is, chunk
from deploy.servers.body_limits import body_limit
from deploy.servers.descriptors import connections_possible
from deploy.servers.gunicorn_answers import GunicornAnswer
from deploy.servers.gunicorn_life import WorkerLife
from deploy.servers.gunicorn_threads import GunicornThreads
from deploy.servers.parking import ParkedConnection, Parking
from deploy.servers.shares import AddressShares, holder_of
from deploy.servers.slow_clients import Arrival, ClientSocket
from shared.http.mount import lies_below
from shared.http.raw_response import raw_error
from shared.logs import configure_logging, logged_atoms
from shared.settings import ServerSettings, load_settings, server_mount

# Their messages go to the log and repeat what was sent,
# which may be a key or a link that resets a password. All are 400.
_QUOTING = (
    errors.InvalidHeader,
    errors.InvalidHeaderName,
    errors.InvalidHTTPVersion,
    errors.InvalidRequestLine,
    errors.InvalidRequestMethod,
    errors.ObsoleteFolding,
)

# What a thread returns that has parked its connection.
_PARKED = object()


class Log(Logger):
    """gunicorn's log, whose lines look like all others from the first one on."""

    def setup(self, cfg: Any) -> None:
        """Take gunicorn's own handlers away again."""
        super().setup(cfg)
        configure_logging(load_settings(ServerSettings).log_format)

    def atoms(self, resp: Any, req: Any, environ: Any, request_time: Any) -> Any:
        """Return what a line of the access log is made of, without what its addresses may open."""
        return logged_atoms(super().atoms(resp, req, environ, request_time))


class _ClientSocket(ClientSocket):
    """The client's socket, whose silence means to gunicorn that it has hung up."""

    def recv(self, size: int) -> bytes:
        """Read what is there of a body."""
        try:
            return super().recv(size)
        except TimeoutError as error:
            raise ConnectionResetError(
                errno.ECONNRESET, "the client sent nothing for too long, or sent it too slowly"
            ) from error


class _ErrorSocket:
    """The client's socket; what gunicorn sends over it as an error page is sent as our error
    instead."""

    def __init__(self, client: socket.socket, *, production: bool) -> None:
        self._client = client
        self._production = production

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def sendall(self, page: bytes) -> None:
        """Keep the page's status, drop its text: it repeats the request."""
        _, status, reason = page.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
        self._client.sendall(raw_error(int(status), reason, production=self._production))


class MalformedBodyError(errors.ParseException, ValueError):
    """A chunk is malformed. A ValueError too: every framework takes that for a broken body,
    not for an error of its own."""


class _BodyReader:
    """A request's body."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def read(self, size: int) -> bytes:
        """Return the next bytes. Raises MalformedBodyError and OSError."""
        try:
            return bytes(self._reader.read(size))
        except errors.ParseException as error:
            raise MalformedBodyError from error


class ParkingWorker(WorkerLife):
    """A worker process with threads, none of which waits for a head."""

    tpool: GunicornThreads
    pending_conns: deque[Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        settings = load_settings(ServerSettings)
        self._settings, self._production = settings, settings.production
        self.worker_connections = connections_possible(self.worker_connections)
        self._parking = Parking()
        self._open_connections = AddressShares(
            total=self.worker_connections, each=settings.address_connections
        )

    def get_thread_pool(self) -> GunicornThreads:
        """Return the threads that answer requests."""
        return GunicornThreads(self.cfg.threads)

    def enqueue_req(self, conn: Any) -> None:
        """Have a request answered when its head is whole. On the main thread; doesn't block."""
        if not isinstance(conn.sock, ClientSocket):
            if not self._is_admitted(conn):
                return
        elif conn.parser is not None:
            conn.sock.await_head(conn.parser.unreader.take_buffered())
        arrival = conn.sock.receive()
        if arrival is Arrival.PART:
            conn.timeout = conn.sock.head_by
            self.pending_conns.append(conn)
            self.poller.register(
                conn.sock, selectors.EVENT_READ, partial(self._on_more_of_head, conn)
            )
        else:
            self._hand_on(conn, arrival)

    def _is_admitted(self, conn: Any) -> bool:
        holder = holder_of(conn.client, trusted_proxy=self._settings.trusted_proxy)
        is_admitted = self._open_connections.take(holder)
        closed = partial(self._open_connections.give_back, holder) if is_admitted else lambda: None
        conn.sock = _ClientSocket(conn.sock, self.tpool, holder=holder, closed=closed)
        if not is_admitted:
            conn.sock.say(self._error(HTTPStatus.TOO_MANY_REQUESTS))
            self._hand_on(conn, Arrival.GONE)
        return is_admitted

    def _on_more_of_head(self, conn: Any, client: ClientSocket) -> None:
        arrival = client.receive()
        if arrival is not Arrival.PART:
            self.poller.unregister(client)
            self.pending_conns.remove(conn)
            self._hand_on(conn, arrival)

    def _hand_on(self, conn: Any, arrival: Arrival) -> None:
        if arrival is Arrival.WHOLE:
            super().enqueue_req(conn)
        else:
            self.nr_conns -= 1
            conn.close()

    def murder_pending(self) -> None:
        """End connections whose head took too long; who had begun is told."""
        now = time.monotonic()
        while self.pending_conns and self.pending_conns[0].timeout < now:
            conn = self.pending_conns.popleft()
            self.poller.unregister(conn.sock)
            if conn.sock.has_begun:
                conn.sock.say(self._error(HTTPStatus.REQUEST_TIMEOUT))
            self._hand_on(conn, Arrival.GONE)

    def _cap_keepalive(self, deadline: float) -> None:
        """Wait no longer than that for any head, when the worker stops."""
        super()._cap_keepalive(deadline)  # type: ignore[misc]
        getattr(self.wsgi, "release_waiters", lambda: None)()
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)

    def finish_request(self, conn: Any, fs: Any) -> None:
        """Go on with a connection after its answer:
        it waits for its next head, or is closed, which blocks nobody."""
        is_well = not fs.cancelled() and fs.exception() is None
        if is_well and fs.result() is _PARKED:
            return
        if is_well and fs.result():
            super().finish_request(conn, fs)
        else:
            self._hand_on(conn, Arrival.GONE)

    def handle(self, conn: Any) -> Any:
        """Answer a connection's next request, or go on with its answer. In a thread;
        False when the connection is to be closed, and lingered enough."""
        if getattr(conn, "place", None) is not None:
            is_kept = self._go_on_after_pause(conn)
        else:
            conn.place = conn.pause = None
            is_kept = self._begin(conn)
        if conn.pause is not None:
            self._park(conn)  # from here on it may be another thread's
            return _PARKED
        if not is_kept:
            conn.sock.linger()
        return is_kept

    def _begin(self, conn: Any) -> bool:
        client = conn.sock
        client.begin()
        if client.head is None:
            with suppress(OSError):
                client.sendall(self._error(client.refusal or HTTPStatus.BAD_REQUEST))
            return False
        conn.init()
        conn.parser.unreader.unread(client.head.wire + client.take_ahead())
        conn.data_ready = True
        return bool(super().handle(conn))

    def handle_request(self, req: Any, conn: Any) -> bool:
        """Pass a request on unless its body is too large. True when the connection is to be kept,
        or waits with its answer."""
        # gunicorn has no limit of its own. A chunked body has no length:
        # there Flask's own limit counts, and Django reads none.
        length = next((value for name, value in req.headers if name == "CONTENT-LENGTH"), "0")
        mount = server_mount()
        if not lies_below(req.path, mount=mount):
            conn.sock.sendall(self._error(HTTPStatus.NOT_FOUND))
            return False
        limit = body_limit(self._settings, method=req.method, path=req.path, mount=mount)
        if int(length) > limit:
            conn.sock.sendall(self._error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE))
            return False
        req.body.reader = _BodyReader(req.body.reader)
        conn.answer = GunicornAnswer(self, req, conn)
        return self._go_on(conn)

    def counts_another(self) -> bool:
        """Count a request; False when it is the last of this worker."""
        self.nr += 1
        if self.nr >= self.max_requests and self.alive:
            self.log.info("Autorestarting worker after current request.")
            self.alive = False
        return bool(self.alive)

    def _go_on(self, conn: Any) -> bool:
        try:
            conn.pause = conn.answer.go_on()
        except TimeoutError:  # a client that reads nothing; no news for the log
            with suppress(OSError):
                conn.sock.shutdown(socket.SHUT_RDWR)  # nobody lingers over it
            return False
        return conn.pause is not None or not conn.answer.is_last

    def _go_on_after_pause(self, conn: Any) -> bool:
        """Go on with an answer that was parked; see handle."""
        place, conn.place, conn.pause = conn.place, None, None
        if place.is_gone:
            conn.answer.close()
            return False
        conn.sock.begin()
        try:
            conn.sock.sendall(place.unsent)
            return bool(self._keepalive_after(conn, self._go_on(conn)))  # type: ignore[attr-defined]
        except (OSError, StopIteration):
            conn.answer.close()
        except Exception as error:
            self.handle_error(conn.answer.req, conn.sock, conn.client, error)
        return False

    def _park(self, conn: Any) -> None:
        """Let the connection wait without this thread, which is done with it."""
        conn.place = ParkedConnection(
            self._parking,
            conn.sock.plain,
            frame=chunk if conn.answer.is_chunked else as_is,
            back=partial(super().enqueue_req, conn),
        )
        conn.place.begin(conn.pause)

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """Answer a request that never reached the application."""
        if isinstance(exc, MalformedBodyError):
            return  # of a body that the application did not want: it has answered
        if isinstance(exc, _QUOTING):
            exc = errors.InvalidRequestLine(type(exc).__name__)
        super().handle_error(
            req, cast(socket.socket, _ErrorSocket(client, production=self._production)), addr, exc
        )

    def _error(self, status: HTTPStatus) -> bytes:
        return raw_error(status.value, status.phrase, production=self._production)
