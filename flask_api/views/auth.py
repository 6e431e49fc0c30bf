"""May this request pass? For the proxy in front of a service that knows nothing of log-ins: nginx's
``auth_request``, Traefik's ``ForwardAuth``, Caddy's ``forward_auth``."""

from typing import Annotated, Any, Literal

import jwt
from flask import Blueprint, Response, abort, request
from pydantic import BaseModel, ConfigDict, Field
from werkzeug.exceptions import NotFound

from flask_api.framework import EmptyResponse
from flask_api.gate.credentials import CrossSiteRefused
from flask_api.gate.extension import current_identity
from flask_api.gate.forwarded_request import forwarded_request
from flask_api.gate.requirements import login_required, require_scope
from flask_api.gate.state import decide_about, gate_state
from flask_api.gate.user_headers import ASSERTION, claims_for, user_headers
from flask_api.http.query import read_query
from flask_api.operation.describe import Answer, describe
from shared.contract.api_keys import SERVICE_SCOPE_PREFIX
from shared.contract.authentication import Identity
from shared.errors import PermissionDenied
from shared.settings import ApiSettings

blueprint = Blueprint("auth", __name__)
PLACE_IN_DOCS = 9

_NEVER = "never"


class Passage(BaseModel):
    """Who may pass, and how a refusal looks. An empty condition is none that was left out:
    a proxy whose variable isn't set must not let everybody pass."""

    model_config = ConfigDict(extra="forbid")

    permission: Annotated[str, Field(min_length=1, max_length=255)] | None = Field(
        None, description="Django's, that the person has: shop.view_order"
    )
    group: Annotated[str, Field(min_length=1, max_length=150)] | None = Field(
        None, description="that the person is in"
    )
    staff: Annotated[bool, Field(description="whether only staff may pass")] = False
    scope: Annotated[str, Field(min_length=1, max_length=120)] | None = Field(
        None, description="that a key has: services:reports. Without it no key may pass"
    )
    audience: Annotated[str, Field(min_length=1, max_length=64)] | None = Field(
        None, description="for whom to sign who it is, a name in GATEHOUSE_AUDIENCE_SECRETS"
    )
    redirect: Annotated[
        Literal["browsers", "never"],
        Field(
            description="who is sent to the log-in, instead of 401; "
            "nginx's auth_request can't pass a redirect on"
        ),
    ] = "browsers"

    @property
    def conditions(self) -> dict[str, Any]:
        """What was asked of the person: the parameters that were given."""
        return self.model_dump(include={"permission", "group", "staff"}, exclude_defaults=True)


@blueprint.url_value_preprocessor
def _decide_about_what_is_asked(_endpoint: str | None, _values: dict[str, Any] | None) -> None:
    may_redirect = request.args.get("redirect") != _NEVER
    decide_about(forwarded_request(request, may_redirect=may_redirect))


@blueprint.get("/auth")
@login_required
@describe(
    "checkPassage",
    query=Passage,
    answers={
        204: Answer("It may; the headers say who it is.", may_have=(ASSERTION,)),
        302: Answer("A browser that has to log in first.", headers=("Location",)),
    },
    problems=(PermissionDenied, CrossSiteRefused, NotFound),
)
def check() -> Response:
    """Ask whether a request that was sent to a proxy may pass to the service behind it.

    The request is described by what its client sent, and by `X-Forwarded-Method`,
    `X-Forwarded-Host` and `X-Forwarded-Uri`. One that rides on a cookie and changes something must
    come from a page of its own origin.
    """
    passage, identity = read_query(Passage), current_identity()
    _require(passage, identity)
    headers = user_headers(identity)
    if passage.audience:
        secret = _secret(gate_state().settings, passage.audience)
        claims = claims_for(passage.audience, identity, conditions=passage.conditions)
        headers[ASSERTION] = jwt.encode(claims, secret, algorithm="HS256")
    return EmptyResponse(headers=headers)


def _require(passage: Passage, identity: Identity) -> None:
    principal = identity.principal
    if identity.key is not None and not passage.scope:
        raise PermissionDenied("No key opens this; log in instead.")
    if passage.scope:
        require_scope(identity, passage.scope)
    if identity.key is not None and passage.audience:
        # else a key for anything would get what one service believes
        require_scope(identity, f"{SERVICE_SCOPE_PREFIX}{passage.audience}")
    if passage.staff and not principal.is_staff:
        raise PermissionDenied("This is for staff.")
    if passage.group and passage.group not in principal.groups:
        raise PermissionDenied(f"This needs the group {passage.group}.")
    if passage.permission and not principal.has_permission(passage.permission):
        raise PermissionDenied(f"This needs the permission {passage.permission}.")


def _secret(settings: ApiSettings, audience: str) -> str:
    secret = settings.audience_secrets.get(audience)
    if secret is None:
        abort(404, "There is no such audience: GATEHOUSE_AUDIENCE_SECRETS has no secret for it.")
    return secret.get_secret_value()
