"""From the gate's errors to answers: their table, and how an answer looks to a browser and to
everyone else.

A person at a page (Accept: text/html) who is not logged in is sent to Django's log-in with
``next``; a script gets 401 as problem+json.
What nobody expected is an opaque 500 with an error id that is in the log.
"""

import logging
import uuid
from collections.abc import Mapping

from flask import Flask, Response, g, redirect, render_template_string, request
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header
from werkzeug.wrappers import Response as BaseResponse

from flask_api.gate.addresses import login_address, site_home
from flask_api.gate.credentials import CrossSiteRefused
from flask_api.gate.problem import problem
from flask_api.gate.state import asked_request
from shared.contract.authentication import Refusal
from shared.errors import (
    AccessError,
    AmbiguousCredentials,
    EmailUnverified,
    GatehouseError,
    InsecureTransport,
    NotAuthenticated,
    PermissionDenied,
    RecentLoginRequired,
    SessionStoreUnavailable,
    StoreUnavailable,
)
from shared.http.logged_path import logged_path

log = logging.getLogger("gatehouse.api")

# What the gate answers with in anyone's application. The API adds its own in flask_api.errors.
STATUS: Mapping[type[GatehouseError], int] = {
    AmbiguousCredentials: 400,
    NotAuthenticated: 401,
    RecentLoginRequired: 401,
    CrossSiteRefused: 403,
    InsecureTransport: 403,
    PermissionDenied: 403,
    EmailUnverified: 403,
    SessionStoreUnavailable: 503,
    StoreUnavailable: 503,
}

# What a browser is sent to Django's log-in page for;
# the page says why, and leads on who is logged in already.
_LOGIN_REASONS: Mapping[type[GatehouseError], str] = {
    NotAuthenticated: "login_required",
    RecentLoginRequired: "recent_login_required",
    EmailUnverified: "email_unverified",
}

_FORBIDDEN_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Not allowed</title></head>
<body><h1>Not allowed</h1><p>{{ detail }}</p><p><a href="{{ home }}">Home</a></p></body></html>"""


def register_error_handlers(app: Flask) -> None:
    """Answer the gate's own errors as this module says.
    What else ``app`` raises is its own affair: its pages stay."""
    app.register_error_handler(GatehouseError, answer_refusal)


def answer_refusal(error: GatehouseError) -> BaseResponse:
    """Return the answer to an error of the gate's; of any other, that nobody expected it."""
    status = STATUS.get(type(error))
    if status is None:
        return answer_unexpected(error)
    if isinstance(error, AccessError):
        g.gatehouse_refusal = _reason(error)
    if wants_page() and type(error) in _LOGIN_REASONS:
        # An address of this very service follows the log-in, so it can lead nowhere else.
        return redirect(login_address(_LOGIN_REASONS[type(error)]), code=302)
    if wants_page() and status == 403:
        page = render_template_string(_FORBIDDEN_PAGE, detail=error.message, home=site_home())
        return Response(page, status=403)
    return problem(status, error.code, error.message, headers=error_headers(error))


def answer_unexpected(error: Exception) -> Response:
    """Return an opaque 500, and log the error under the id that the answer names."""
    error_id = uuid.uuid4().hex
    log.error(
        "unexpected error",
        exc_info=error,
        extra={"error_id": error_id, "path": logged_path(request.path)},
    )
    detail = "Something went wrong on our side; the error id is in our log."
    return problem(500, "internal_error", detail, error_id=error_id)


def error_headers(error: GatehouseError) -> dict[str, str]:
    """Return the headers of an error's answer: how to authenticate, when to ask again."""
    if isinstance(error, NotAuthenticated):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, RecentLoginRequired):
        challenge = f'Bearer error="insufficient_user_authentication", max_age="{error.max_age_s}"'
        return {"WWW-Authenticate": challenge}
    retry_after_s = getattr(error, "retry_after_s", None)
    return {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}


def wants_page() -> bool:
    """Tell whether a browser asks for a page: it prefers HTML to JSON,
    which curl's ``*/*`` does not."""
    asked = asked_request()
    return asked.method in ("GET", "HEAD") and prefers_page(asked.environ.get("HTTP_ACCEPT", ""))


def prefers_page(accept: str) -> bool:
    """Tell whether an Accept field's value puts HTML before JSON. Linear."""
    # One blank says what many do: werkzeug looks on from each blank of a row to its end.
    accepted = parse_accept_header(" ".join(accept.split()), MIMEAccept)
    return accepted["text/html"] > accepted["application/json"]


def _reason(error: AccessError) -> str:
    """Return what a refusal is counted as: no more than the client is told,
    for which guard refused would help a thief.

    A word, not the error: its traceback holds the request, which would hold it.
    """
    is_bare = isinstance(error, NotAuthenticated) and error.reason == Refusal.NO_CREDENTIAL
    return str(Refusal.NO_CREDENTIAL) if is_bare else error.code
