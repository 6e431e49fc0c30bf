"""What the gate of one application holds, and where the rest of the gate finds it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from flask import Flask, Request, current_app, g, request

if TYPE_CHECKING:
    from flask_api.gate.credentials import Credentials
    from flask_api.gate.key_usage import KeyUsage
    from shared.contract.authentication import Guards
    from shared.redis import RedisGateway
    from shared.settings import ApiSettings

EXTENSION = "gatehouse"
_ASKED = "gatehouse_asked"

# The request that is answered, the application that answers it and ``flask.g``, themselves: Flask's
# proxies look them up for each attribute, which takes a microsecond; a submit had forty of these.
# No type of the proxies says that they have this method.
this_request: Callable[[], Request] = cast(Any, request)._get_current_object
this_app: Callable[[], Flask] = cast(Any, current_app)._get_current_object
this_memory: Callable[[], Any] = cast(Any, g)._get_current_object


@dataclass(frozen=True, slots=True)
class GateState:
    """What the gate of one application is made of."""

    settings: "ApiSettings"
    store: "RedisGateway"
    guards: "Guards"
    key_usage: "KeyUsage"
    credentials: "Credentials"


def gate_state(app: Flask | None = None) -> GateState:
    """Return the gate of ``app``, by default the current one. Raises KeyError when it has none."""
    state: GateState = (app or this_app()).extensions[EXTENSION]
    return state


def asked_request() -> Request:
    """Return the request that the gate decides about: the one that was sent, or another one, about
    which a proxy asks (flask_api.gate.forwarded_request)."""
    asked: Request | None = this_memory().get(_ASKED)
    return asked or this_request()


def decide_about(asked: Request) -> None:
    """Let the gate decide about ``asked`` in place of the request that was sent."""
    setattr(this_memory(), _ASKED, asked)
