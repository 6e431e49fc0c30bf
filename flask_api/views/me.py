"""Who am I?"""

from typing import Annotated, Any, Literal

from flask import Blueprint, Response, jsonify, url_for
from pydantic import BaseModel, Field

from flask_api.gate.extension import current_identity
from flask_api.gate.requirements import login_required, scope_required
from flask_api.http.job_requests import viewer
from flask_api.http.state import api_state
from flask_api.jobs.records.job import Owner
from flask_api.jobs.records.usage import EVENTS_BYTES
from flask_api.operation.describe import Answer, describe
from flask_api.operation.shapes import Path
from shared.contract.authentication import Identity
from shared.errors import JobStoreUnavailable

blueprint = Blueprint("me", __name__)


class Credential(BaseModel):
    """What the request was made with."""

    kind: Literal["session", "key"]
    name: Annotated[str, Field(description="of a key")] = ""
    scopes: Annotated[list[str], Field(description="of a key")] = []


class PrincipalJson(BaseModel):
    """Who this request acts as."""

    id: str
    username: str
    email: str
    email_verified: bool
    is_staff: bool
    is_superuser: bool
    permissions: list[str]
    groups: list[str]
    credential: Credential


class QuotaUsage(BaseModel):
    """How much of one kind is kept, and how much may be."""

    used: int
    limit: int


class KeptJson(BaseModel):
    """What a person keeps, by kind. What is at its limit is refused until something is deleted or
    expires."""

    bytes: Annotated[
        QuotaUsage,
        Field(
            description="of jobs: their arguments, results, errors, states and logs, "
            "and 1,000 for each"
        ),
    ]
    ended_jobs: QuotaUsage
    unfinished_jobs: QuotaUsage
    file_bytes: Annotated[QuotaUsage, Field(description="of files that jobs keep")]
    uploads: QuotaUsage
    upload_bytes: QuotaUsage
    event_bytes: Annotated[
        QuotaUsage, Field(description="of events; at the limit the oldest go, nothing is refused")
    ]


class UsageJson(KeptJson):
    """What you keep, and where to find it."""

    links: Annotated[dict[str, Path], Field(description="where to find what can be deleted")]


@blueprint.get("/me")
@login_required
@describe(
    "getPrincipal",
    answers={200: Answer("The principal and the credential.", PrincipalJson)},
    python="print(client.me())",
    command="gatehouse whoami",
)
def me() -> Response:
    """Ask who this request acts as."""
    return jsonify(identity_json(current_identity()))


@blueprint.get("/me/usage")
@scope_required("jobs:read")
@describe(
    "getUsage",
    answers={200: Answer("Used and limit of each kind.", UsageJson)},
    problems=(JobStoreUnavailable,),
    python="print(client.usage())",
    command="gatehouse usage",
)
def usage() -> Response:
    """Ask how much you keep, and how much you may."""
    links = {
        "ended_jobs": url_for("jobs.list_jobs", status="ended"),
        "batches": url_for("batches.list_batches"),
        "files": url_for("files.list_files"),
    }
    return jsonify(**kept_json(viewer()), links=links)


def kept_json(owner: Owner) -> dict[str, Any]:
    """Return how much a person keeps of each kind, and how much they may."""
    engine = api_state().engine
    kept, most = engine.usage(owner), engine.settings
    limits = {
        "bytes": (kept.bytes, most.person_bytes),
        "ended_jobs": (kept.ended, most.person_ended_jobs),
        "unfinished_jobs": (kept.unfinished, most.job_person_limit),
        "file_bytes": (kept.file_bytes, most.person_file_bytes),
        "uploads": (kept.uploads, most.upload_person_files),
        "upload_bytes": (kept.upload_bytes, most.upload_person_bytes),
        "event_bytes": (kept.event_bytes, EVENTS_BYTES),
    }
    return {kind: {"used": used, "limit": limit} for kind, (used, limit) in limits.items()}


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
