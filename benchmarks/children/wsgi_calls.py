"""The same without HTTP: call one application in its own process, as a server would.
Shows the ratio without a server's share.

Run by benchmarks.gate as a child: ``python -m benchmarks.children.wsgi_calls <module> <context file>
<tuned>``.
"""

import io
import sys
import time
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

from benchmarks.measuring.answers import SERVER_CORE, pin, serve
from benchmarks.measuring.context import USER_AGENT

_WARM_UP_SHARE = 0.15


def environ(path: str, cookie: str) -> dict[str, Any]:
    """Return the WSGI environment of a GET."""
    variables = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost",
        "HTTP_USER_AGENT": USER_AGENT,
        "HTTP_ACCEPT": "application/json",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    return {**variables, "HTTP_COOKIE": cookie} if cookie else variables


def call(app: Callable[..., Iterable[bytes]], path: str, cookie: str) -> bytes:
    """Send one GET through ``app`` and return its body.
    Raises RuntimeError unless the status is 200."""
    statuses: list[str] = []

    def start_response(status: str, _headers: Any, _error: Any = None) -> Callable[[bytes], None]:
        statuses.append(status)
        return lambda _data: None

    answer = app(environ(path, cookie), start_response)
    try:
        body = b"".join(answer)
    finally:
        if close := getattr(answer, "close", None):
            close()
    if not statuses[0].startswith("200"):
        raise RuntimeError(f"not the answer that was asked for: {statuses[0]} {body[:300]!r}")
    return body


def _run(app: Any, path: str, cookie: str, seconds: float) -> tuple[int, float]:
    began = time.perf_counter()
    requests = 0
    while (elapsed_s := time.perf_counter() - began) < seconds:
        call(app, path, cookie)
        requests += 1
    return requests, elapsed_s


if __name__ == "__main__":
    pin(SERVER_CORE)
    module, context_file, is_tuned = sys.argv[1:]
    application = import_module(module).create_app(context_file, is_tuned == "True")

    def _measure(question: dict[str, Any]) -> dict[str, Any]:
        path, cookie, seconds = question["path"], question["cookie"], question["seconds"]
        _run(application, path, cookie, seconds * _WARM_UP_SHARE)
        requests, elapsed_s = _run(application, path, cookie, seconds)
        return {"requests": requests, "elapsed_s": elapsed_s, "load_share": 0.0}

    serve(_measure)
