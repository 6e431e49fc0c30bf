"""An application whose answers pause, and the servers that it is served by:
``python -m tests.e2e.servers.pausing_app <server> <port>``.

/pause        waits; /go ends all pauses, /say?text sends to all that wait
/until        waits for half a second at most
/stream       says "first", pauses, says "last"
/flood        sends as much as the client takes; then, in a thread, 200 numbered lines
/bare?status  answers with this status, and with a body where there can't be one
/counts       how many answers are open, and how many threads there are
"""

import json
import math
import os
import socketserver
import sys
import threading
import time
import wsgiref.simple_server
from collections.abc import Callable, Iterator
from typing import Any

from shared.http.parking import PARKING, InThread, Pause, Place

LINE = b"%03d" + b"." * 2000 + b"\n"
LINES = 200


class Pauses(Pause):
    """A pause that /go ends."""

    waiting: "dict[Pauses, Place]" = {}

    def begin(self, place: Place) -> None:
        """See Pause.begin."""
        self.waiting[self] = place


class Answer:
    """An answer that is counted while it is open."""

    open = 0
    lock = threading.Lock()

    def __init__(self, pieces: Iterator[bytes | Pause]) -> None:
        self._pieces = pieces
        with self.lock:
            Answer.open += 1

    def __iter__(self) -> Iterator[bytes | Pause]:
        return self._pieces

    def close(self) -> None:
        """Count it no more."""
        with self.lock:
            Answer.open -= 1


def _pause() -> Iterator[bytes | Pause]:
    yield Pauses(until=math.inf)
    yield b"after"


def _until() -> Iterator[bytes | Pause]:
    yield Pauses(until=time.monotonic() + 0.5)
    yield b"in time"


def _stream() -> Iterator[bytes | Pause]:
    yield b"first\n"
    yield Pauses(until=math.inf)
    yield b"last\n"


class _Flood(Pause):
    def begin(self, place: Place) -> None:
        while place.send(b"x" * 8192 + b"\n"):
            pass


def _flood() -> Iterator[bytes | Pause]:
    yield b"begin\n"
    yield _Flood(until=math.inf)
    for number in range(LINES):
        yield LINE % number


PAGES: dict[str, Callable[[], Iterator[bytes | Pause]]] = {
    "/pause": _pause,
    "/until": _until,
    "/stream": _stream,
    "/flood": _flood,
}


def application(environ: Any, start_response: Any) -> Any:
    """Answer as the path says."""
    path = environ["PATH_INFO"]
    if path in PAGES:
        start_response("200 OK", [("Content-Type", "text/plain")])
        answer = Answer(PAGES[path]())
        return answer if environ.get(PARKING) else _Closing(answer, environ)
    if path == "/bare":
        start_response(f"{environ['QUERY_STRING']} Bare", [])
        return [b"what nobody may see"]
    if path == "/go":
        while Pauses.waiting:
            Pauses.waiting.popitem()[1].resume()
    if path == "/say":
        for place in list(Pauses.waiting.values()):
            place.send(environ["QUERY_STRING"].encode() + b"\n")
    counts = {
        "open": Answer.open,
        "waiting": len(Pauses.waiting),
        "threads": threading.active_count(),
        "parks": bool(environ.get(PARKING)),
    }
    body = json.dumps(counts).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


class _Closing:
    def __init__(self, answer: Answer, environ: Any) -> None:
        self._pieces = InThread(answer, environ)
        self.close = answer.close

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces


class _Threads(socketserver.ThreadingMixIn, wsgiref.simple_server.WSGIServer):
    daemon_threads = True


def main(server: str, port: str) -> None:
    """Serve until SIGTERM."""
    os.environ["GATEHOUSE_SESSION_SECRETS"] = "x" * 32
    os.environ["GATEHOUSE_PORT"] = port
    if server == "gunicorn":
        command = (
            "-c /dev/null -k deploy.servers.gunicorn.ParkingWorker --threads 4 --graceful-timeout 2"
        )
        bind = ("-b", f"127.0.0.1:{port}", "--no-control-socket")
        target = "tests.e2e.servers.pausing_app:application"
        os.execv(
            sys.executable, [sys.executable, "-m", "gunicorn", *command.split(), *bind, target]
        )
    if server == "threads":
        wsgiref.simple_server.make_server(
            "127.0.0.1", int(port), application, server_class=_Threads
        ).serve_forever()
    from deploy.servers.cherrypy import serve
    from shared.settings import ServerSettings, load_settings

    def nothing() -> None:
        """Nothing runs beside."""

    def log(message: str, level: int) -> None:
        """Write to standard error."""
        sys.stderr.write(f"{level} {message}\n")

    settings = load_settings(ServerSettings).model_copy(update={"server_threads": 4, "drain_s": 2})
    serve(
        application,
        settings,
        start=nothing,
        begin_stop=nothing,
        end_stop=nothing,
        log=log,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
