"""Who am I?"""

from typing import Any

from flask import Blueprint, Response, jsonify, url_for

from flask_api.gate.extension import current_identity
from flask_api.gate.requirements import login_required, scope_required
from flask_api.http.job_requests import viewer
from flask_api.http.state import api_state
from flask_api.jobs.records.usage import EVENTS_BYTES
from flask_api.openapi.answers import Principal
from flask_api.openapi.describe import Answer, describe
from flask_api.openapi.quotas import Usage
from shared.errors import JobStoreUnavailable
from shared.guards import Identity

blueprint = Blueprint("me", __name__)


@blueprint.get("/me")
@login_required
@describe("getPrincipal", answers={200: Answer("The principal and the credential.", Principal)})
def me() -> Response:
    """Ask who this request acts as."""
    return jsonify(identity_json(current_identity()))


@blueprint.get("/me/usage")
@scope_required("jobs:read")
@describe(
    "getUsage",
    answers={200: Answer("Used and limit of each kind.", Usage)},
    problems=(JobStoreUnavailable,),
    scopes=("jobs:read",),
)
def usage() -> Response:
    """Ask how much you keep, and how much you may."""
    engine = api_state().engine
    kept, most = engine.usage(viewer()), engine.settings
    limits = {
        "bytes": (kept.bytes, most.person_bytes),
        "ended_jobs": (kept.ended, most.person_ended_jobs),
        "unfinished_jobs": (kept.unfinished, most.job_person_limit),
        "file_bytes": (kept.file_bytes, most.person_file_bytes),
        "uploads": (kept.uploads, most.upload_person_files),
        "upload_bytes": (kept.upload_bytes, most.upload_person_bytes),
        "event_bytes": (kept.event_bytes, EVENTS_BYTES),
    }
    links = {
        "ended_jobs": url_for("jobs.list_jobs", status="ended"),
        "batches": url_for("batches.list_batches"),
        "files": url_for("files.list_files"),
    }
    return jsonify(
        **{kind: {"used": used, "limit": limit} for kind, (used, limit) in limits.items()},
        links=links,
    )


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
        "credential": {"kind": "session"}
        if key is None
        else {"kind": "key", "name": key.name, "scopes": sorted(key.scopes)},
    }
