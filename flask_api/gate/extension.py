"""The gate as a Flask extension: Django's sessions and keys decide who a request acts as,
in anyone's Flask application: flask_api.gate shows how.

Application state is under ``app.extensions["gatehouse"]``, the request's identity on ``flask.g``.
No global, no cache. Importing this takes little longer than importing Flask:
settings and the Redis client come with ``init_app``.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from flask import Flask, Response

from flask_api.gate.credentials import Credentials
from flask_api.gate.errors import register_error_handlers
from flask_api.gate.key_usage import KeyUsage, network_of_request
from flask_api.gate.signed_requests import SignedRequests
from flask_api.gate.state import (
    EXTENSION,
    GateState,
    asked_request,
    gate_state,
    this_memory,
    this_request,
)
from shared.contract.authentication import Guards, Identity
from shared.contract.principal import Principal
from shared.contract.session import SessionFormat
from shared.contract.signing import RememberingSigner
from shared.http.edge import Edge
from shared.http.mount import ForwardedPrefix
from shared.http.response_headers import HSTS, SECURITY_HEADERS

if TYPE_CHECKING:
    from shared.settings import ApiSettings

_IDENTITY = "gatehouse_identity"
Headers = tuple[tuple[str, str], ...]
_ALWAYS: Headers = (*SECURITY_HEADERS.items(), ("Vary", "Cookie, Authorization"))
# In production or not.
_SECURITY_HEADERS: dict[bool, Headers] = {
    False: _ALWAYS,
    True: (*_ALWAYS, ("Strict-Transport-Security", HSTS)),
}
_THEIR_NAMES = frozenset(name.lower() for name, _ in _SECURITY_HEADERS[True])


class Gatehouse:
    """Give an application the gate. ``settings`` default to the environment's.
    Opens no connection before it is asked.

    ``audience``: whose signed requests it takes (shared.contract.signed_requests); else none.
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        settings: "ApiSettings | None" = None,
        audience: str = "",
    ) -> None:
        self._settings = settings
        self._audience = audience
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Attach the gate, its error answers and its security headers to ``app``."""
        from shared.session_store import open_session_store
        from shared.settings import ApiSettings, load_settings

        settings = self._settings or load_settings(ApiSettings)
        store = open_session_store(settings)
        signer = RememberingSigner(settings.secrets)
        guards = Guards(store, signer, SessionFormat(signer, settings.lifetimes))
        app.extensions[EXTENSION] = GateState(
            settings,
            store,
            guards,
            KeyUsage(store),
            Credentials(settings, guards, SignedRequests(store, guards, self._audience)),
        )
        # else the application, or who serves it, decides
        if "allowed_hosts" in settings.model_fields_set:
            app.wsgi_app = Edge(app.wsgi_app, settings)  # type: ignore[method-assign]
        if settings.believed_prefixes:
            app.wsgi_app = ForwardedPrefix(  # type: ignore[method-assign]
                app.wsgi_app, settings.believed_prefixes
            )
        register_error_handlers(app)
        app.after_request(partial(_finish, _SECURITY_HEADERS[settings.production]))


def current_identity() -> Identity:
    """Return who this request acts as, found out once per request.

    Raises what Credentials.identify raises.
    """
    memory = this_memory()
    identity: Identity | None = memory.get(_IDENTITY)
    if identity is None:
        identity = gate_state().credentials.identify(asked_request())
        setattr(memory, _IDENTITY, identity)
    return identity


def current_principal() -> Principal:
    """Return the person this request acts as; raises what current_identity raises."""
    return current_identity().principal


def _finish(always: Headers, response: Response) -> Response:
    """Give every answer the security headers, and have the use of a key noted after it."""
    _add_headers(response, always)
    note = key_use_to_note()
    if note is not None:
        response.call_on_close(note)
    return response


def _add_headers(response: Response, always: Headers) -> None:
    headers = response.headers
    # Not setdefault or add: they search and check each, which is a tenth of a small request.
    present = {name.lower() for name, _ in headers}
    if present.isdisjoint(_THEIR_NAMES):
        headers._list.extend(always)
        return
    headers._list.extend([each for each in always if each[0].lower() not in present])
    if "vary" in present:
        response.vary.update(("Cookie", "Authorization"))


def key_use_to_note() -> Callable[[], None] | None:
    """Return what notes the use of this request's key, to be called after the answer is sent;
    None when nothing is due."""
    identity: Identity | None = this_memory().get(_IDENTITY)
    if identity is None or identity.key is None:
        return None
    key_id, state, sent = identity.key.id, gate_state(), this_request()
    forwarded = sent.headers.get("X-Forwarded-For", "") if state.settings.trusted_proxy else ""
    network = network_of_request(
        sent.remote_addr or "", forwarded.rpartition(",")[2], state.settings.trusted_proxy
    )
    return (
        partial(state.key_usage.note, key_id, network)
        if state.key_usage.is_due(key_id, network)
        else None
    )
