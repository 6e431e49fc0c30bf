"""What an error's type leads to: a page on each kind of problem. Open, like documentation."""

from flask import Blueprint, Response, abort, jsonify, render_template
from werkzeug.exceptions import NotFound

from flask_api.gate.addresses import site_home
from flask_api.gate.errors import wants_page
from flask_api.http.pages import page
from flask_api.openapi.problems import ProblemMeaning, find_problem
from flask_api.operation.describe import Answer, describe

blueprint = Blueprint("problems", __name__, url_prefix="/problems")
PLACE_IN_DOCS = 90


@blueprint.get("/<code>")
@describe(
    "getProblem",
    answers={
        200: Answer("Its meaning, for browsers as a page.", ProblemMeaning, also=("text/html",))
    },
    problems=(NotFound,),
)
def show(code: str) -> Response:
    """Read what a problem's code means and what to do about it."""
    found = find_problem(code)
    if found is None:
        abort(404, "No problem has this code.")
    if wants_page():
        return page(render_template("problem.html", problem=found, site=site_home()))
    answer = jsonify(found.model_dump())
    answer.vary.add("Accept")
    return answer
