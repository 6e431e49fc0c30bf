"""Somebody's WSGI application, mounted beside ours, that never answers: it makes the file that the
query names, and waits."""

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

STUCK_S = 60


def application(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """Be stuck."""
    Path(unquote(environ["QUERY_STRING"])).touch()
    threading.Event().wait(STUCK_S)
    start_response("200 OK", [])
    return [b"late"]
