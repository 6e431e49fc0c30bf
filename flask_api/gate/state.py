"""What the gate of one application holds, and where the rest of the gate finds it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from flask import Flask, current_app

if TYPE_CHECKING:
    from flask_api.gate.key_usage import KeyUsage
    from shared.contract.authentication import Guards
    from shared.http.origins import TrustedOrigins
    from shared.redis import RedisGateway
    from shared.settings import ApiSettings

EXTENSION = "gatehouse"


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
    return cast(GateState, (app or current_app).extensions[EXTENSION])
