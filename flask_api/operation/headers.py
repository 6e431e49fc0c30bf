"""The headers that the API reads and sends, each described once."""

from typing import Any

IDEMPOTENCY_KEY = "Idempotency-Key"
IF_NONE_MATCH = "If-None-Match"
PREFER = "Prefer"
LAST_EVENT_ID = "Last-Event-ID"

REQUEST_HEADERS: dict[str, dict[str, Any]] = {
    IDEMPOTENCY_KEY: {
        "description": "Makes a repeated submit safe for 24 hours: the same key and body give the "
        "same job, not another one.",
        "schema": {
            "type": "string",
            "minLength": 1,
            "maxLength": 255,
            "pattern": "^[!-~]([ -~]*[!-~])?$",
        },
    },
    IF_NONE_MATCH: {
        "description": "The ETag of the answer that you have: 304 without a body if it is still "
        "the same.",
        "schema": {"type": "string"},
    },
    PREFER: {
        "description": "wait=20: as the query parameter wait (RFC 7240), which wins when both are "
        "given. The longest wait that "
        "is accepted is used for a longer one; Preference-Applied says which.",
        "schema": {"type": "string"},
    },
    LAST_EVENT_ID: {
        "description": "The id of the last event that you have: go on after it.",
        "schema": {"type": "string", "pattern": "^(|0|[0-9]{1,15}-[0-9]{1,15})$"},
    },
}

RESPONSE_HEADERS: dict[str, dict[str, Any]] = {
    "Location": {
        "description": "The address of what was made.",
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "Retry-After": {
        "description": "Seconds after which to ask again.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "RateLimit-Policy": {
        "description": 'How many unfinished jobs a person may have: "unfinished";q=20000.',
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": 'How many more may be submitted now: "unfinished";r=19999.',
        "schema": {"type": "string"},
    },
    "ETag": {
        "description": "A strong validator of exactly these bytes.",
        "schema": {"type": "string"},
    },
    "Preference-Applied": {
        "description": "The wait that was used: wait=20.",
        "schema": {"type": "string"},
    },
    "WWW-Authenticate": {
        "description": "How to authenticate (RFC 6750).",
        "schema": {"type": "string"},
    },
    "X-Gatehouse-Assertion": {
        "description": "Who it is, signed for the audience: a JWT (HS256) that is good for a "
        "minute.",
        "schema": {"type": "string"},
    },
    "Content-Disposition": {"description": "Always a download.", "schema": {"type": "string"}},
}
