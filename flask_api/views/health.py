"""Is the process up? Open, and asks nothing of Redis: a restart would not bring Redis back."""

from flask import Blueprint, Response, jsonify

blueprint = Blueprint("health", __name__, url_prefix="/health")


@blueprint.get("/live")
def live() -> Response:
    """Say that this process answers requests."""
    return jsonify(status="live")
