"""What an error's ``type`` leads to: a word on each kind of problem. Open, like documentation."""

import inspect

from flask import Blueprint, Response, abort, jsonify

from flask_api.errors import STATUS

blueprint = Blueprint("problems", __name__, url_prefix="/problems")


@blueprint.get("/<code>")
def show(code: str) -> Response:
    """Return what a problem's code means and the status it comes with."""
    found = next(((kind, status) for kind, status in STATUS.items() if kind.code == code), None)
    if found is None:
        abort(404, "There is no problem of this code with a page of its own; its status says what it is.")
    kind, status = found
    return jsonify(code=code, status=status, meaning=inspect.getdoc(kind))
