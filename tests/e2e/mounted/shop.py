"""Somebody's WSGI application, which is mounted beside ours: it tells what it was asked."""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

SHOWN = (
    "SCRIPT_NAME",
    "PATH_INFO",
    "REMOTE_USER",
    "AUTH_TYPE",
    "HTTP_REMOTE_USER",
    "HTTP_X_FORWARDED_USER",
    "HTTP_X_CART",
)


def application(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """Say who asks for what, as JSON, and repeat the body."""
    principal = environ.get("gatehouse.principal")
    seen = {name: environ[name] for name in SHOWN if name in environ}
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)).decode()
    told = {**seen, "body": body, "is_staff": principal and principal.is_staff}
    start_response("200 OK", [("Content-Type", "application/json"), ("X-Shop", "yes")])
    return [json.dumps(told).encode()]
