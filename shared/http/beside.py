"""The API at the site's side: where one process serves both, a page may ask the API for what it
shows, in the same thread and without a connection.

The program that mounts both puts the API's own WSGI application into the environ of the site's
requests. It is the whole application, gate included: what is asked of it is judged as a request
from outside.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# In the environ of a request to the site; absent where the site is served alone.
API = "gatehouse.api"


def with_api(site: "WSGIApplication", api: "WSGIApplication") -> "WSGIApplication":
    """Return ``site`` with ``api`` at its side. Thread-safe if both are."""

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        environ[API] = api
        return site(environ, start_response)

    return answer


_offered: "list[WSGIApplication]" = []


def offer_api(api: "WSGIApplication") -> None:
    """Let what runs in this process outside a request ask ``api``; call it when ``api`` works."""
    _offered.append(api)


def withdraw_api(api: "WSGIApplication") -> None:
    """Take back what was offered. Idempotent."""
    if api in _offered:
        _offered.remove(api)


def find_api() -> "WSGIApplication | None":
    """Return the API that this process serves, None when it serves none."""
    return _offered[-1] if _offered else None
