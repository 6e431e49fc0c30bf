"""gunicorn's threaded worker, with its own errors like ours: ``worker_class`` in gunicorn.conf.py."""

import socket
from typing import Any, cast

from gunicorn.http.errors import (
    InvalidHeader,
    InvalidHeaderName,
    InvalidHTTPVersion,
    InvalidRequestLine,
    InvalidRequestMethod,
    ObsoleteFolding,
)
from gunicorn.workers.gthread import ThreadWorker

from deploy.framing import is_plain_target, repeated_field
from shared.raw_response import raw_error

# Their messages go to the log and repeat what was sent, which may be a key or a link that resets a password. All are 400.
_QUOTING = (InvalidHeader, InvalidHeaderName, InvalidHTTPVersion, InvalidRequestLine, InvalidRequestMethod, ObsoleteFolding)


class _ErrorSocket:
    """The client's socket; what gunicorn sends over it as an error page is sent as our error instead."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def sendall(self, page: bytes) -> None:
        """Keep the page's status, drop its text: it repeats the request."""
        _, status, reason = page.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
        self._client.sendall(raw_error(int(status), reason))


class Worker(ThreadWorker):
    """A worker process with threads."""

    def handle_request(self, req: Any, conn: Any) -> bool:
        """Pass a request on unless another server could read it in another way; what is raised here is answered with 400."""
        if not is_plain_target(req.uri):
            raise InvalidRequestLine("target")
        if repeated := repeated_field([name for name, _ in req.headers]):
            raise InvalidHeader(repeated)
        return bool(super().handle_request(req, conn))

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """Answer a request that never reached the application."""
        if isinstance(exc, _QUOTING):
            exc = InvalidRequestLine(type(exc).__name__)
        super().handle_error(req, cast(socket.socket, _ErrorSocket(client)), addr, exc)
