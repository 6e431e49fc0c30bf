"""The API described: for programs as OpenAPI 3.1, for people as a page that lists every operation
and can try it with the reader's own log-in. Gated like everything: it names the site's tasks."""

from flask import Blueprint, Response, abort, current_app, jsonify, render_template
from werkzeug.exceptions import NotFound

from flask_api.gate.addresses import api_root, own_origin, site_home
from flask_api.gate.requirements import login_required
from flask_api.gate.state import gate_state
from flask_api.http.answers import with_etag
from flask_api.http.pages import find_asset, page
from flask_api.openapi.document import document_of, find_endpoints
from flask_api.openapi.reading import chapters, schema_groups
from flask_api.openapi.snippets import FILE, examples_of, snippets_of
from flask_api.operation.describe import Answer, describe
from flask_api.operation.headers import IF_NONE_MATCH

blueprint = Blueprint("docs", __name__)
PLACE_IN_DOCS = 90


@blueprint.get("/docs")
@login_required
@describe(
    "getDocs", answers={200: Answer("A page of HTML.", {"type": "string"}, media_type="text/html")}
)
def show() -> Response:
    """Read about the API in a browser, and try it."""
    document = document_of(current_app, server=api_root())
    said = {each.operation.id: each.operation for each in find_endpoints(current_app)}
    return page(
        render_template(
            "docs.html",
            document=document,
            chapters=chapters(document),
            schema_groups=schema_groups(document),
            site=site_home(),
            origin=own_origin(),
            api_prefix=gate_state().settings.api_prefix,
            snippets_of=lambda reading, prefix: snippets_of(reading, said[reading.id], prefix),
            examples_of=examples_of,
            example_file=FILE,
        )
    )


@blueprint.get("/docs/<name>")
@describe(
    "getDocsAsset",
    headers=(IF_NONE_MATCH,),
    answers={
        200: Answer(
            "The file.", {"type": "string"}, media_type="text/css", also=("text/javascript",)
        )
    },
    problems=(NotFound,),
)
def asset(name: str) -> Response:
    """Get the style or the script of the API's pages."""
    found = find_asset(name)
    if found is None:
        abort(404, "There is no such file.")
    return with_etag(found)


@blueprint.get("/openapi.json")
@login_required
@describe(
    "getOpenApi",
    headers=(IF_NONE_MATCH,),
    answers={200: Answer("The document.", {"type": "object", "required": ["openapi", "paths"]})},
)
def openapi() -> Response:
    """Get this document."""
    return with_etag(jsonify(document_of(current_app, server=api_root())))
