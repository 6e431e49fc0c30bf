"""A WSGI application of somebody else's behind the gate:
it is asked only for people who are logged in, and told who they are.

    REMOTE_USER                the username, as every WSGI framework looks for it
    AUTH_TYPE                  "session" or "key"
    gatehouse.principal        the Principal: id, username, e-mail, staff or not, permissions
    gatehouse.scopes           what a key may do; None for a session, which may do everything

A person who isn't logged in gets what a gated view answers: a browser 302 to the log-in,
a program 401.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.wsgi import ClosingIterator

from flask_api.gate.extension import Gatehouse, current_identity, key_use_to_note
from shared.errors import GatehouseError
from shared.settings import ApiSettings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# How other proxies and gates tell who somebody is. From a client it is a lie.
_SPOOFED = re.compile(
    r"HTTP_(?:X_)?(?:REMOTE_\w+|AUTH_REQUEST_\w+|FORWARDED_(?:USER|EMAIL|GROUPS|PREFERRED_USERNAME)|WEBAUTH_\w+|GATEHOUSE_\w+)"
)


def create_gate(settings: ApiSettings) -> Flask:
    """Return a Flask application that has the gate and nothing else:
    several mounted ones share its connections."""
    gate = Flask("flask_api.gate.gated", static_folder=None)
    Gatehouse(gate, settings=settings)
    return gate


class GatedApplication:
    """``application`` behind the gate of ``gate``, a Flask application.
    Opens no connection before it is asked. Thread-safe."""

    def __init__(self, application: "WSGIApplication", *, gate: Flask) -> None:
        self._application = application
        self._gate = gate

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request."""
        with self._gate.request_context(environ):
            try:
                identity = current_identity()
            except GatehouseError as error:
                refusal = self._gate.make_response(self._gate.handle_user_exception(error))
                return self._gate.process_response(refusal)(environ, start_response)
            note = key_use_to_note()
        for name in [name for name in environ if _SPOOFED.fullmatch(name)]:
            del environ[name]
        environ["REMOTE_USER"] = identity.principal.username
        environ["AUTH_TYPE"] = "session" if identity.key is None else "key"
        environ["gatehouse.principal"] = identity.principal
        environ["gatehouse.scopes"] = None if identity.key is None else identity.key.scopes
        answer = self._application(environ, start_response)
        return answer if note is None else ClosingIterator(answer, [note])
