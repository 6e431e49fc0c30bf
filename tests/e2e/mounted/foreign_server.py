"""Somebody else's WSGI server, in which the whole is mounted:
``python -m tests.e2e.mounted.foreign_server /tools 8080``."""

import signal
import sys
from collections.abc import Iterable
from types import FrameType
from typing import TYPE_CHECKING

from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import make_server

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


def theirs(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """Answer what is outside the mount: nothing of ours may lead here."""
    del environ
    start_response("404 Not Found", [("Content-Type", "text/plain")])
    return [b"theirs"]


def main() -> None:
    """Serve until SIGTERM."""
    import wsgi

    service = wsgi.application
    service.check()
    service.start()
    server = make_server(
        "127.0.0.1",
        int(sys.argv[2]),
        DispatcherMiddleware(theirs, {sys.argv[1]: service}),
        threaded=True,
    )

    def stop(_number: int, _frame: FrameType | None) -> None:
        service.release_waiters()
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    try:
        server.serve_forever()  # returns on KeyboardInterrupt
    finally:
        service.stop()


if __name__ == "__main__":
    main()
