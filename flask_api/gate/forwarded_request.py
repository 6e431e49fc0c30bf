"""The request about which a proxy asks (forward authentication: flask_api.views.auth).

A proxy sends what its client sent but for the body, and says in headers what it changed:

    X-Forwarded-Method    POST                    nginx sends it if it is told to
    X-Forwarded-Host      reports.example.org     else Host counts
    X-Forwarded-Uri       /monthly?year=2026

A page of another site can send none of these, so they need no trust: they only decide whether a
request that rides on a cookie may come from another site, and where a log-in leads back to.
"""

from urllib.parse import unquote_to_bytes

from flask import Request

from shared.http.mount import FORWARDED_PREFIX

# Of the server that we run on, and of the address that the proxy asks at.
_OF_THE_QUESTION = (
    "RAW_URI",
    "REQUEST_URI",
    "QUERY_STRING",
    "SCRIPT_NAME",
    "PATH_INFO",
    FORWARDED_PREFIX,
)
_NO_METHOD = ""  # in no list of safe ones


def forwarded_request(sent: Request, *, may_redirect: bool) -> Request:
    """Return the request that ``sent`` asks about; without a body.

    Its method is unknown, which counts as one that changes something, when the proxy doesn't say
    it, and for a WebSocket, which any page may open. With ``may_redirect`` false no page is wanted
    in answer.
    """
    environ = {name: value for name, value in sent.environ.items() if not name.startswith("wsgi.")}
    for name in _OF_THE_QUESTION:
        environ.pop(name, None)
    target = environ.get("HTTP_X_FORWARDED_URI", "/")
    path, _, query = target.partition("?")
    is_socket = "HTTP_SEC_WEBSOCKET_KEY" in environ
    environ |= {
        "REQUEST_METHOD": _NO_METHOD if is_socket else _last(environ, "HTTP_X_FORWARDED_METHOD"),
        "HTTP_HOST": _last(environ, "HTTP_X_FORWARDED_HOST") or environ.get("HTTP_HOST", ""),
        "REQUEST_URI": target,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "wsgi.url_scheme": sent.scheme,
    }
    if not may_redirect:
        environ["HTTP_ACCEPT"] = "application/json"
    return Request(environ)


def _last(environ: dict[str, str], name: str) -> str:
    """Return the last of several values: that of the nearest proxy."""
    return environ.get(name, "").rpartition(",")[2].strip()
