"""Problem details (RFC 9457): the one shape of every error the API answers with.

{"type": "/api/problems/invalid_arguments", "title": "Unprocessable Content", "status": 422,
 "code": "invalid_arguments", "detail": "The arguments of primes.sum are wrong.",
 "errors": [{"pointer": "/arguments/limit", "detail": "Input should be a valid integer"}]}
"""

import json
from http import HTTPStatus
from typing import Any

from flask import Response

from flask_api.gate.addresses import api_root

PROBLEM_JSON = "application/problem+json"

# As RFC 9110 calls them; Python does so only from 3.13 on, and a title should not depend on that.
_TITLES = {413: "Content Too Large", 416: "Range Not Satisfiable", 422: "Unprocessable Content"}


def problem(
    status: int, code: str, detail: str, *, headers: dict[str, str] | None = None, **members: Any
) -> Response:
    """Return a problem+json response; ``members`` are extension members, left out when None."""
    body = {
        "type": f"{api_root()}/problems/{code}",
        "title": _TITLES.get(status) or HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        **{name: value for name, value in members.items() if value is not None},
    }
    response = Response(json.dumps(body), status=status, mimetype=PROBLEM_JSON)
    response.headers.update(headers or {})
    return response
