"""The API described for programs, as OpenAPI 3.1. Gated like everything:
it names the tasks of the site."""

from flask import Blueprint, Response, current_app, jsonify

from flask_api.gate.addresses import api_root
from flask_api.gate.requirements import login_required
from flask_api.http.answers import with_etag
from flask_api.openapi.document import document_of
from flask_api.operation.describe import Answer, describe
from flask_api.operation.headers import IF_NONE_MATCH

blueprint = Blueprint("openapi", __name__)
PLACE_IN_DOCS = 90


@blueprint.get("/openapi.json")
@login_required
@describe(
    "getOpenApi",
    headers=(IF_NONE_MATCH,),
    answers={200: Answer("The document.", {"type": "object", "required": ["openapi", "paths"]})},
)
def show() -> Response:
    """Get this document."""
    return with_etag(jsonify(document_of(current_app, server=api_root())))
