"""Who am I?"""

from typing import Any

from flask import Blueprint, Response, jsonify

from flask_api.gate.extension import current_identity
from flask_api.gate.requirements import login_required
from flask_api.openapi.answers import Principal
from flask_api.openapi.describe import Answer, describe
from shared.guards import Identity

blueprint = Blueprint("me", __name__)


@blueprint.get("/me")
@login_required
@describe("getPrincipal", answers={200: Answer("The principal and the credential.", Principal)})
def me() -> Response:
    """Ask who this request acts as."""
    return jsonify(identity_json(current_identity()))


def identity_json(identity: Identity) -> dict[str, Any]:
    """Return an identity as the API shows it: nothing that could serve as a credential."""
    principal = identity.principal
    key = identity.key
    return {
        "id": principal.id,
        "username": principal.username,
        "email": principal.email,
        "email_verified": principal.email_verified,
        "is_staff": principal.is_staff,
        "is_superuser": principal.is_superuser,
        "permissions": sorted(principal.permissions),
        "groups": sorted(principal.groups),
        "credential": {"kind": "session"} if key is None else {"kind": "key", "name": key.name, "scopes": sorted(key.scopes)},
    }
