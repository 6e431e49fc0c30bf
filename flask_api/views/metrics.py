"""Numbers for Prometheus: open like the health checks, or for staff alone if a setting says so."""

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST

from flask_api.gate.extension import current_principal
from flask_api.gate.state import gate_state
from flask_api.http.state import api_state
from flask_api.operation.describe import Answer, describe
from shared.errors import PermissionDenied

blueprint = Blueprint("metrics", __name__)
PLACE_IN_DOCS = 90


@blueprint.get("/metrics")
@describe(
    "getMetrics",
    answers={200: Answer("Prometheus' text format.", {"type": "string"}, media_type="text/plain")},
    problems=(PermissionDenied,),
)
def show() -> Response:
    """Read the numbers of this process, and those that all processes share.

    Each process answers for itself, under the label ``instance``.
    While Redis is away its numbers are absent.
    """
    if gate_state().settings.metrics == "closed" and not current_principal().is_staff:
        raise PermissionDenied("This is for staff.")
    return Response(api_state().metrics(), content_type=CONTENT_TYPE_LATEST)
