"""Signed requests: one request that Django's side sends to the API in a person's name.

Django writes what the request is under the SHA-256 of a token, and sends the token with it::

    Authorization: Signed gr_<43 characters of base64url, 256 random bits>

    gatehouse:key:request:<sha256 hex>    the record, signed, for LIFETIME_S

    {"v": 1, "audience": "api", "user_id": "7", "method": "POST", "target": "/jobs",
     "body": "<sha256 hex>", "size": 52, "job_id": "0193...", "expires_at": 1795165860}

So what may write keys, which is Django alone, may send requests in a person's name; holding the
session secrets isn't enough. The token opens that one request, once: another method, target, body
or audience is refused, and so is a second time.
"""

import re
import secrets
from dataclasses import asdict, dataclass

from shared.contract.entries import signed_request_entry
from shared.contract.signing import EntrySigner
from shared.errors import EntryFormatError
from shared.job_ids import is_job_id

VERSION = 1
SCHEME = "Signed"
API_AUDIENCE = "api"
LIFETIME_S = 60  # by Redis's clock: the entry ends then
CLOCKS_APART_S = 600  # what the record says of itself leaves room for clocks that differ

_TOKEN = re.compile(r"gr_[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """One request. ``target`` is path and query below the API, ``body`` the SHA-256 hex of
    ``size`` bytes; ``job_id`` names the job that it submits."""

    audience: str
    user_id: str
    method: str
    target: str
    body: str
    size: int
    job_id: str
    expires_at: int


def new_token() -> str:
    """Return a fresh token with 256 bits from the operating system."""
    return f"gr_{secrets.token_urlsafe(32)}"


def is_token(candidate: str) -> bool:
    """Tell whether ``candidate`` has the form of a token; says nothing about who holds it."""
    return _TOKEN.fullmatch(candidate) is not None


def encode_request(signer: EntrySigner, token: str, request: SignedRequest) -> str:
    """Return the signed value for the entry of this token."""
    return signer.sign(signed_request_entry(token), {"v": VERSION, **asdict(request)})


def decode_request(signer: EntrySigner, token: str, value: str, *, now: float) -> SignedRequest:
    """Return the request that was signed for this token, or raise EntryFormatError if it is forged
    or expired."""
    payload = signer.unsign(signed_request_entry(token), value)
    if payload.get("v") != VERSION:
        raise EntryFormatError(f"the signed request's version is not {VERSION}")
    try:
        request = SignedRequest(
            **{name: str(payload[name]) for name in _TEXTS},
            size=int(payload["size"]),
            expires_at=int(payload["expires_at"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise EntryFormatError("the signed request lacks a field") from error
    if request.job_id and not is_job_id(request.job_id):
        raise EntryFormatError("the signed request names its job by what is no id")
    if now >= request.expires_at:
        raise EntryFormatError("the signed request has expired")
    return request


_TEXTS = ("audience", "user_id", "method", "target", "body", "job_id")
