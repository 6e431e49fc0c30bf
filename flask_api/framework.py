"""Flask as the API has it: without what it does at every request for features that are not used
here. What is answered is the same.

It was a fifth of the processor time of a submit.
"""

from collections.abc import Callable
from functools import lru_cache
from json import JSONEncoder
from typing import TYPE_CHECKING, Any

from flask import Flask, Request, Response
from flask.json.provider import DefaultJSONProvider
from flask.sansio.app import App
from flask.sessions import NullSession, SessionInterface
from werkzeug.datastructures import Headers
from werkzeug.exceptions import BadRequest
from werkzeug.routing import MapAdapter
from werkzeug.wsgi import get_host

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_WITH_BODY = frozenset({200, 201, 202})


class JsonResponse(Response):
    """An answer of JSON that is complete when it is made."""

    def get_wsgi_headers(self, environ: "WSGIEnvironment") -> Headers:
        """Return the headers as they are sent.

        werkzeug copies them to encode addresses, to count the body's bytes and to leave headers out
        of answers without a body. Here addresses are built encoded, and JSON is counted already.
        """
        if self._status_code in _WITH_BODY:
            return self.headers
        return super().get_wsgi_headers(environ)


class EmptyResponse(Response):
    """An answer of 204, which is its headers."""

    default_status = 204
    default_mimetype = None

    def get_wsgi_headers(self, environ: "WSGIEnvironment") -> Headers:
        """Return the headers as they are sent: as JsonResponse's, without any about a body."""
        del environ
        return self.headers


class _Json(DefaultJSONProvider):
    """Flask's JSON, with members in the order that they are written in: records read best so."""

    sort_keys = False

    def __init__(self, app: App) -> None:
        super().__init__(app)
        # made once: json.dumps makes one at every call that asks for something
        self._encode = JSONEncoder(default=self.default, separators=(",", ":")).encode

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """Return an answer with the arguments as JSON, as Flask's does."""
        body = f"{self._encode(self._prepare_response_obj(args, kwargs))}\n".encode()
        headers = Headers()
        headers._list += [("Content-Type", self.mimetype), ("Content-Length", str(len(body)))]
        return JsonResponse([body], headers=headers)


class _NoSession(SessionInterface):
    """Flask's own session: there is none, and no secret key for one."""

    _EMPTY = NullSession()  # refuses every change

    def open_session(self, app: Flask, request: Request) -> NullSession:
        del app, request
        return self._EMPTY


class ApiFlask(Flask):
    """Flask, for views and hooks that are all plain functions, on any host, under any mount."""

    json_provider_class = _Json
    session_interface = _NoSession()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return ``func``: Flask would look at each of a dozen, at every request,
        for one that is a coroutine."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Return what finds the request's view, as Flask does for an application without
        SERVER_NAME. Raises BadRequest for a host that can be none."""
        if request is None or "HTTP_UPGRADE" in request.environ:
            return super().create_url_adapter(request)
        environ = request.environ
        request.host = host = get_host(environ)
        return MapAdapter(
            self.url_map,
            _server_name(host),
            _text(environ.get("SCRIPT_NAME", "")),
            "",
            environ["wsgi.url_scheme"],
            _text(environ.get("PATH_INFO", "")),
            environ["REQUEST_METHOD"],
            _text(environ.get("QUERY_STRING", "")),
        )


def _text(wsgi: str) -> str:
    return wsgi.encode("latin-1").decode(errors="replace")


@lru_cache(maxsize=64)
def _server_name(host: str) -> str:
    name, separator, port = host.lower().partition(":")
    try:
        return f"{name.encode('idna').decode('ascii')}{separator}{port}"
    except UnicodeError as error:
        raise BadRequest from error
