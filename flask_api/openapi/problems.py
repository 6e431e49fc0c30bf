"""Every problem that the API can answer with: its code, its status, what it means, what to do.

Codes come from three places: the table of our own errors, the errors of HTTP itself (werkzeug's
names), and the few that the site's endpoints for programs add, whose types lead here too.
"""

import inspect
from collections.abc import Mapping
from functools import cache

from pydantic import BaseModel, ConfigDict
from werkzeug.exceptions import HTTPException, default_exceptions

from flask_api.errors import STATUS
from shared.errors import GatehouseError

# What to do, for the codes of which the status alone does not say it.
_ADVICE: Mapping[str, str] = {
    "bad_request": "The detail says what can't be read: correct the request.",
    "ambiguous_credentials": "Send one session cookie or one Authorization header, not two.",
    "invalid_query": "Each member of errors names a parameter and what is accepted. Unknown "
    "parameters are refused everywhere.",
    "not_authenticated": "Log in on the site, or make an API key there and send it as "
    "Authorization: Bearer gh_...; "
    "a key that ended or was revoked needs a successor.",
    "recent_login_required": "Confirm your password on the site, then ask again.",
    "cross_site": "Requests with a cookie that change something must come from a page of this "
    "site; scripts use an API key.",
    "https_required": "Ask over HTTPS, and replace the credential that went over the open line.",
    "permission_denied": "The detail says what is missing: another scope for the key, or a "
    "permission for the person.",
    "email_unverified": "Follow the link in the e-mail, or ask for another one on your account "
    "page.",
    "job_not_found": "Check the id. Jobs and batches of other people look the same; one is "
    "forgotten a week after it expired.",
    "unknown_task": "GET /tasks lists what there is.",
    "illegal_transition": "Read the job's record: it has ended, or it has not failed.",
    "job_unfinished": "Ask with ?wait=20, or follow the job until it has ended.",
    "job_failed": "The member error is what the task said. POST .../retry queues the job again.",
    "job_cancelled": "There will be no result. POST .../retry queues the job again.",
    "job_expired": "The result is gone for good: submit again, and fetch results before "
    "expires_at.",
    "unsupported_media_type": "Send the media type that the operation names, for JSON "
    "Content-Type: application/json.",
    "invalid_arguments": "Each member of errors points into the body and says what is accepted. "
    "Nothing was stored.",
    "idempotency_conflict": "Use one Idempotency-Key for one body: repeat that body, or take "
    "another key.",
    "queue_full": "Nothing was stored: submit again after Retry-After.",
    "too_many_unfinished": "Wait until some of your jobs have ended; RateLimit says how many more "
    "you may submit.",
    "quota_exceeded": "Nothing was stored. The member quota says how much you keep and links to "
    "what you can delete: "
    "DELETE /jobs/{id} and DELETE /batches/{id}.",
    "job_store_full": "Nothing was stored: try again after Retry-After. Reading, cancelling and "
    "deleting still work.",
    "shutting_down": "Nothing was stored: submit again after Retry-After, with the same "
    "Idempotency-Key.",
    "share_not_found": "GET /shares lists what you share. Shares of other people look the same.",
    "too_many_shares": "Nothing was shared: end a share of yours by DELETE /shares/{id} first.",
    "file_not_found": "Check the id. Uploaded files expire, and other people's look the same: "
    "upload it again.",
    "file_in_use": "Cancel the jobs that need the file, or wait until they have ended.",
    "file_too_large": "Upload less at once: compressed, or in parts.",
    "upload_too_slow": "Nothing was kept: upload it again over a better line.",
    "too_many_files": "Delete files that no job needs, or wait until they expire; the member quota "
    "says how much you keep.",
    "rows_busy": "Ask again after Retry-After: the process reads as many tables as it may.",
    "too_many_streams": "Ask with ?wait=20 instead of a stream, or try again after Retry-After.",
    "not_found": "Check the path: GET /openapi.json lists what there is.",
    "method_not_allowed": "The Allow header lists what this path takes.",
    "request_entity_too_large": "Send less at once: many jobs as several batches, large inputs as "
    "uploaded files.",
    "internal_error": "This is our fault: tell the operator the error_id. Repeat a submit with its "
    "Idempotency-Key.",
    "csrf_failed": "Send the token of the cookie csrftoken in the header X-CSRFToken as well.",
    "body_too_large": "Send less at once.",
    "key_not_found": "Reload your keys: this one was revoked, or is not yours.",
}
_OF_A_STATUS: Mapping[int, str] = {
    4: "The detail says what is wrong: correct the request before you repeat it.",
    5: "Repeat the request after Retry-After, else after a moment; submits with their "
    "Idempotency-Key.",
}
# Codes without a class of their own: internal_error is made here,
# the others by the site's endpoints for programs.
_OTHERS: Mapping[str, tuple[int, str]] = {
    "internal_error": (
        500,
        "Something that nobody expected happened while the request was answered.",
    ),
    "csrf_failed": (403, "A request to the site that changes something came without its token."),
    "key_not_found": (404, "You have no such API key."),
    "body_too_large": (413, "The body is larger than this endpoint takes."),
}


class ProblemMeaning(BaseModel):
    """A word on one kind of problem."""

    model_config = ConfigDict(frozen=True)

    code: str
    status: int
    meaning: str
    advice: str


def find_problem(code: str) -> ProblemMeaning | None:
    """Return what a code means, None for one that is never sent."""
    return all_problems().get(code)


@cache
def all_problems() -> Mapping[str, ProblemMeaning]:
    """Return every problem by its code, by status and code."""
    found = {
        code_of(kind): (error.code or 500, str(error.description))
        for kind in default_exceptions.values()
        if (error := kind())
    }
    found |= {kind.code: (status, _meaning(kind)) for kind, status in STATUS.items()}
    found |= _OTHERS
    pages = [
        ProblemMeaning(
            code=code,
            status=status,
            meaning=meaning,
            advice=_ADVICE.get(code, _OF_A_STATUS.get(status // 100, "")),
        )
        for code, (status, meaning) in found.items()
        if status >= 400
    ]
    return {page.code: page for page in sorted(pages, key=lambda page: (page.status, page.code))}


def code_of(kind: type[GatehouseError] | type[HTTPException]) -> str:
    """Return the code that an error is answered with."""
    if issubclass(kind, GatehouseError):
        return kind.code
    return kind().name.lower().replace(" ", "_")


def status_of(kind: type[GatehouseError] | type[HTTPException]) -> int:
    """Return the status that an error is answered with.
    Raises KeyError for one that never reaches a client."""
    if issubclass(kind, GatehouseError):
        return STATUS[kind]
    return kind.code or 500


def _meaning(kind: type[GatehouseError]) -> str:
    """Return the first sentence of an error's docstring: what comes after it is for programmers."""
    first = (inspect.getdoc(kind) or "").partition("\n\n")[0].replace("\n", " ")
    return first.replace("``", "").partition(". ")[0].rstrip(".") + "."
