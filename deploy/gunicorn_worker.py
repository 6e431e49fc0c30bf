"""gunicorn's threaded worker and its log, with its own errors like ours: two classes that gunicorn.conf.py names."""

import errno
import socket
from contextlib import suppress
from http import HTTPStatus
from typing import Any, cast

from gunicorn.glogging import Logger
from gunicorn.http.errors import (
    InvalidHeader,
    InvalidHeaderName,
    InvalidHTTPVersion,
    InvalidRequestLine,
    InvalidRequestMethod,
    ObsoleteFolding,
    ParseException,
)
from gunicorn.workers.gthread import ThreadWorker

from deploy.body_limits import body_limit
from deploy.framing import is_plain_head, is_plain_target, repeated_field
from deploy.lingering import drain
from shared.logs import configure_logging
from shared.raw_response import raw_error
from shared.settings import ServerSettings, load_settings

# Their messages go to the log and repeat what was sent, which may be a key or a link that resets a password. All are 400.
_QUOTING = (InvalidHeader, InvalidHeaderName, InvalidHTTPVersion, InvalidRequestLine, InvalidRequestMethod, ObsoleteFolding)


# How long one read or write may take, as on CherryPy's server.
TIMEOUT_S = 10.0


class Log(Logger):
    """gunicorn's log, whose lines look like all others from the first one on."""

    def setup(self, cfg: Any) -> None:
        """Take gunicorn's own handlers away again."""
        super().setup(cfg)
        configure_logging(load_settings(ServerSettings).log_format)


class _ClientSocket:
    """The client's socket, with time-outs: gunicorn itself waits without end for a head, for a body, for who reads nothing."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def setblocking(self, flag: bool) -> None:
        """Block, but not for ever."""
        self._client.settimeout(TIMEOUT_S if flag else 0)

    def recv(self, size: int) -> bytes:
        """Read what is there; a client that sends nothing for long has hung up, for all that gunicorn needs to know."""
        try:
            return self._client.recv(size)
        except TimeoutError as error:
            raise ConnectionResetError(errno.ECONNRESET, "the client sent nothing for long") from error


class _ErrorSocket:
    """The client's socket; what gunicorn sends over it as an error page is sent as our error instead."""

    def __init__(self, client: socket.socket, *, production: bool) -> None:
        self._client = client
        self._production = production

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def sendall(self, page: bytes) -> None:
        """Keep the page's status, drop its text: it repeats the request."""
        _, status, reason = page.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
        self._client.sendall(raw_error(int(status), reason, production=self._production))


class MalformedBodyError(ParseException, ValueError):
    """A chunk is malformed. A ValueError too: every framework takes that for a broken body, not for an error of its own."""


class _BodyReader:
    """A request's body."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def read(self, size: int) -> bytes:
        """Return the next bytes. Raises MalformedBodyError and OSError."""
        try:
            return bytes(self._reader.read(size))
        except ParseException as error:
            raise MalformedBodyError from error


class Worker(ThreadWorker):
    """A worker process with threads."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        settings = load_settings(ServerSettings)
        self._settings, self._production = settings, settings.production

    def handle(self, conn: Any) -> Any:
        """Answer a connection's next request."""
        if not isinstance(conn.sock, _ClientSocket):
            conn.sock = _ClientSocket(conn.sock)
        return super().handle(conn)

    def handle_request(self, req: Any, conn: Any) -> bool:
        """Pass a request on unless another server could read it in another way; what is raised here is answered with 400."""
        if not is_plain_target(req.uri):
            raise InvalidRequestLine("target")
        if repeated := repeated_field([name for name, _ in req.headers]):
            raise InvalidHeader(repeated)
        host, coding = (dict(req.headers).get(name) for name in ("HOST", "TRANSFER-ENCODING"))
        if not is_plain_head(host=host, coding=coding, is_http_1_1=req.version == (1, 1)):
            raise InvalidHeader("HOST" if host is None else "TRANSFER-ENCODING")
        # gunicorn has no limit of its own. A chunked body has no length: there Flask's own limit counts, and Django reads none.
        length = next((value for name, value in req.headers if name == "CONTENT-LENGTH"), "0")
        if int(length) > body_limit(self._settings, method=req.method, path=req.path):
            too_large = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            conn.sock.sendall(raw_error(too_large.value, too_large.phrase, production=self._production))
            drain(conn.sock)
            return False
        req.body.reader = _BodyReader(req.body.reader)
        try:
            return bool(super().handle_request(req, conn))
        except TimeoutError:  # an event stream whose client reads nothing; no news for the log
            with suppress(OSError):
                conn.sock.shutdown(socket.SHUT_RDWR)  # or the main thread would linger over it
            return False

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """Answer a request that never reached the application."""
        if isinstance(exc, MalformedBodyError):
            return  # of a body that the application did not want: it has answered
        if isinstance(exc, _QUOTING):
            exc = InvalidRequestLine(type(exc).__name__)
        super().handle_error(req, cast(socket.socket, _ErrorSocket(client, production=self._production)), addr, exc)
