"""From every error of the API to its answer: the one table, of which the gate's part is the gate's.

What nobody expected is an opaque 500 with an error id that is in the log.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from flask_api.gate.addresses import script_root
from flask_api.gate.errors import STATUS as GATE_STATUS
from flask_api.gate.errors import answer_refusal, answer_unexpected, error_headers
from flask_api.gate.problem import problem
from flask_api.http.answers import rate_limit_headers
from flask_api.http.json_body import UnsupportedMediaType
from flask_api.http.query import InvalidQuery
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
    ShareNotFound,
    TooManyShares,
    TooManyUnfinished,
    UnknownTask,
    UploadInUse,
    UploadNotFound,
    UploadQuotaExceeded,
    UploadTooLarge,
    UploadTooSlow,
)
from flask_api.streams.places import TooManyStreams
from shared.errors import GatehouseError, JobStoreFull, JobStoreUnavailable, RequestError

# Every error that may reach a client, and its status.
# A test walks the tree and fails on one without a row.
STATUS: Mapping[type[GatehouseError], int] = {
    **GATE_STATUS,
    RequestError: 400,
    InvalidQuery: 400,
    JobNotFound: 404,
    ShareNotFound: 404,
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
    TooManyShares: 429,
    EngineStopped: 503,
    RowsBusy: 503,
    TooManyStreams: 503,
    JobStoreUnavailable: 503,
    JobStoreFull: 503,
    UploadQuotaExceeded: 507,
}


def register_all_error_handlers(app: Flask) -> None:
    """Answer every error of the API, of which nothing is anybody else's, as this module says."""
    app.register_error_handler(GatehouseError, _answer_known)
    app.register_error_handler(HTTPException, _answer_http)
    app.register_error_handler(Exception, answer_unexpected)


def _answer_known(error: GatehouseError) -> BaseResponse:
    status = STATUS.get(type(error))
    if status is None or type(error) in GATE_STATUS:
        return answer_refusal(error)
    problems = getattr(error, "problems", None)
    return problem(
        status,
        error.code,
        error.message,
        headers=_headers(error),
        errors=[asdict(line) for line in problems] if problems else None,
        error=getattr(error, "job_error", None),
        quota=_quota(error),
    )


def _answer_http(error: HTTPException) -> BaseResponse:
    if error.code is None or error.code < 400:
        return error.get_response()  # a redirect, as werkzeug makes it
    code = (error.name or "error").lower().replace(" ", "_")
    headers = {
        name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")
    }
    return problem(error.code, code, str(error.description), headers=headers)


def _headers(error: GatehouseError) -> dict[str, str]:
    headers = error_headers(error)
    if isinstance(error, TooManyUnfinished):
        headers |= rate_limit_headers(limit=error.limit, unfinished=error.unfinished)
    return headers


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
