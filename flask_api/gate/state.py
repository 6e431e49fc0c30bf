"""What the gate of one application holds, and where the rest of the gate finds it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from flask import Flask, Request, current_app, g, request

if TYPE_CHECKING:
    from flask_api.gate.key_usage import KeyUsage
    from shared.contract.authentication import Guards
    from shared.http.origins import TrustedOrigins
    from shared.redis import RedisGateway
    from shared.settings import ApiSettings

EXTENSION = "gatehouse"
# As what they are: they have a method that no type of theirs says.
_REQUEST, _APP, _G = cast("tuple[Any, Any, Any]", (request, current_app, g))


@dataclass(frozen=True, slots=True)
class GateState:
    """What the gate of one application is made of."""

    settings: "ApiSettings"
    store: "RedisGateway"
    guards: "Guards"
    key_usage: "KeyUsage"
    trusted: "TrustedOrigins"


def gate_state(app: Flask | None = None) -> GateState:
    """Return the gate of ``app``, by default the current one. Raises KeyError when it has none."""
    state: GateState = (app or this_app()).extensions[EXTENSION]
    return state


def this_request() -> Request:
    """Return the request that is answered, itself: Flask's proxy looks it up for each attribute,
    which takes a microsecond, and a submit had forty of them."""
    sent: Request = _REQUEST._get_current_object()
    return sent


def this_app() -> Flask:
    """Return the application that answers, itself."""
    app: Flask = _APP._get_current_object()
    return app


def this_memory() -> Any:
    """Return ``flask.g``, itself."""
    return _G._get_current_object()
