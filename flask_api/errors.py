"""From errors to answers: the one table, and how an answer looks to a browser and to everyone else.

A person at a page (Accept: text/html) who is not logged in is sent to Django's log-in with
``next``; a script gets 401 as problem+json.
What nobody expected is an opaque 500 with an error id that is in the log.
"""

import logging
import uuid
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from flask import Flask, Response, g, redirect, render_template_string, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from flask_api.addresses import login_address, script_root, site_home
from flask_api.gate.credentials import CrossSiteRefused, path_for_log
from flask_api.http.json_body import UnsupportedMediaType
from flask_api.http.problem import problem
from flask_api.http.query import InvalidQuery
from flask_api.http.rate_limit import rate_limit_headers
from flask_api.jobs.errors import (
    EngineStopped,
    IdempotencyConflict,
    IllegalTransition,
    InvalidArguments,
    JobExpired,
    JobFailed,
    JobNotFound,
    JobUnfinished,
    JobWasCancelled,
    PersonQuotaExceeded,
    QueueFull,
    QuotaReached,
    RowsBusy,
    TooManyUnfinished,
    UnknownTask,
    UploadInUse,
    UploadNotFound,
    UploadQuotaExceeded,
    UploadTooLarge,
    UploadTooSlow,
)
from flask_api.streams.places import TooManyStreams
from shared.errors import (
    AccessError,
    AmbiguousCredentials,
    EmailUnverified,
    GatehouseError,
    InsecureTransport,
    JobStoreFull,
    JobStoreUnavailable,
    NotAuthenticated,
    PermissionDenied,
    RecentLoginRequired,
    RequestError,
    SessionStoreUnavailable,
    StoreUnavailable,
)
from shared.guards import Refusal

log = logging.getLogger("gatehouse.api")

# Every error that may reach a client, and its status.
# A test walks the tree and fails on one without a row.
STATUS: Mapping[type[GatehouseError], int] = {
    RequestError: 400,
    AmbiguousCredentials: 400,
    InvalidQuery: 400,
    NotAuthenticated: 401,
    RecentLoginRequired: 401,
    CrossSiteRefused: 403,
    InsecureTransport: 403,
    PermissionDenied: 403,
    EmailUnverified: 403,
    JobNotFound: 404,
    UnknownTask: 404,
    UploadNotFound: 404,
    UploadTooSlow: 408,
    IllegalTransition: 409,
    UploadInUse: 409,
    JobUnfinished: 409,
    JobFailed: 409,
    JobWasCancelled: 409,
    JobExpired: 410,
    UploadTooLarge: 413,
    UnsupportedMediaType: 415,
    InvalidArguments: 422,
    IdempotencyConflict: 422,
    QueueFull: 429,
    TooManyUnfinished: 429,
    PersonQuotaExceeded: 429,
    EngineStopped: 503,
    RowsBusy: 503,
    TooManyStreams: 503,
    JobStoreUnavailable: 503,
    JobStoreFull: 503,
    SessionStoreUnavailable: 503,
    StoreUnavailable: 503,
    UploadQuotaExceeded: 507,
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
    """Answer Gatehouse's own errors as this module says.
    What else ``app`` raises is its own affair: its pages stay."""
    app.register_error_handler(GatehouseError, _known)


def register_all_error_handlers(app: Flask) -> None:
    """Answer every error of the API, of which nothing is anybody else's, as this module says."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unknown)


def wants_page() -> bool:
    """Tell whether a browser asks for a page: it prefers HTML to JSON,
    which curl's ``*/*`` does not."""
    accepted = request.accept_mimetypes
    return (
        request.method in ("GET", "HEAD") and accepted["text/html"] > accepted["application/json"]
    )


def _known(error: GatehouseError) -> BaseResponse:
    status = STATUS.get(type(error))
    if status is None:
        return _unknown(error)
    if isinstance(error, AccessError):
        g.gatehouse_refusal = _refusal(error)
    if wants_page() and type(error) in _LOGIN_REASONS:
        return _to_login(_LOGIN_REASONS[type(error)])
    if wants_page() and status == 403:
        return Response(
            render_template_string(_FORBIDDEN_PAGE, detail=error.message, home=site_home()),
            status=403,
        )
    problems = getattr(error, "problems", None)
    errors = [asdict(line) for line in problems] if problems else None
    job_error = getattr(error, "job_error", None)
    quota = _quota(error)
    return problem(
        status,
        error.code,
        error.message,
        headers=_headers(error),
        errors=errors,
        error=job_error,
        quota=quota,
    )


def _quota(error: GatehouseError) -> dict[str, Any] | None:
    """Return which quota was reached, and where the person finds what to delete."""
    reached: QuotaReached | None = getattr(error, "quota", None)
    if reached is None:
        return None
    below = script_root()
    links = {"usage": f"{below}/me/usage"}
    if reached.kind.startswith("upload"):
        links |= {"files": f"{below}/files"}
    else:
        links |= {"ended_jobs": f"{below}/jobs?status=ended", "batches": f"{below}/batches"}
    return {**asdict(reached), "links": links}


def _refusal(error: AccessError) -> str:
    """Return what a refusal is counted as: no more than the client is told,
    for which guard refused would help a thief.

    A word, not the error: its traceback holds the request, which would hold it.
    """
    is_bare = isinstance(error, NotAuthenticated) and error.reason == Refusal.NO_CREDENTIAL
    return str(Refusal.NO_CREDENTIAL) if is_bare else error.code


def _headers(error: GatehouseError) -> dict[str, str]:
    if isinstance(error, NotAuthenticated):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, RecentLoginRequired):
        challenge = f'Bearer error="insufficient_user_authentication", max_age="{error.max_age_s}"'
        return {"WWW-Authenticate": challenge}
    if isinstance(error, TooManyUnfinished):
        return {
            "Retry-After": str(error.retry_after_s),
            **rate_limit_headers(limit=error.limit, unfinished=error.unfinished),
        }
    retry_after_s = getattr(error, "retry_after_s", None)
    return {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}


def _to_login(reason: str) -> BaseResponse:
    """Send the browser to a page of Django's. ``next`` is an address of this very service,
    so it can lead nowhere else."""
    return redirect(login_address(reason), code=302)


def _http(error: HTTPException) -> BaseResponse:
    if error.code is None or error.code < 400:
        return error.get_response()  # a redirect, as werkzeug makes it
    code = (error.name or "error").lower().replace(" ", "_")
    headers = {
        name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")
    }
    return problem(error.code, code, str(error.description), headers=headers)


def _unknown(error: Exception) -> Response:
    error_id = uuid.uuid4().hex
    log.error(
        "unexpected error",
        exc_info=error,
        extra={"error_id": error_id, "path": path_for_log(request)},
    )
    members: dict[str, Any] = {"error_id": error_id}
    return problem(
        500,
        "internal_error",
        "Something went wrong on our side; the error id is in our log.",
        **members,
    )
