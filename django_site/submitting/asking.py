"""Ask the API in a person's name, as a signed request: one request, once, within a minute.

Where this process serves the API too, it answers in this thread and without a connection; else
GATEHOUSE_API_URL says where it is. Either way it is the whole API, gate included: nothing is
accepted here.
"""

import hashlib
import json
import ssl
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import httpx

from django_site.contract import contract_settings, entry_signer, session_store
from django_site.publishing.presence import Arrivals, arrive, arrive_anew
from django_site.submitting.errors import ApiAway, SubmitRefused
from shared.contract.entries import signed_request_entry
from shared.contract.signed_requests import (
    API_AUDIENCE,
    CLOCKS_APART_S,
    LIFETIME_S,
    SCHEME,
    SignedRequest,
    encode_request,
    new_token,
)
from shared.errors import SessionStoreUnavailable
from shared.http.beside import find_api

_TIMEOUT = httpx.Timeout(10, connect=2)
_NOT_THE_API = "What answers {} is not the API: does GATEHOUSE_API_URL end in /api?"
_NOT_TRUSTED = (
    "its certificate is not trusted; SSL_CERT_FILE can name a file with that of your own authority"
)
_NOT_TAKEN = (
    "The API does not take this person's request: they may not log in, or it has other "
    "GATEHOUSE_SESSION_SECRETS or another Redis of sessions; its log (gatehouse.security) says why."
)
_NO_API = (
    "There is no API to ask: this process serves none, and GATEHOUSE_API_URL doesn't say where "
    "it is."
)


def ask(
    person_id: str,
    method: str,
    target: str,
    body: bytes = b"",
    *,
    job_id: str = "",
    idempotency_key: str = "",
    as_of_now: bool = True,
) -> Any:
    """Send a request in this person's name and return the answer's JSON, None when it has none.

    Blocks; sends once. ``target`` is below the API. With ``as_of_now`` the gate sees the person as
    this very transaction left them. Raises SubmitRefused, or ApiAway, after which
    nobody knows whether it took effect.
    """
    with _connection() as api:
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        _publish(person_id, arrive_anew if as_of_now else arrive)
        headers["Authorization"] = f"{SCHEME} {_sign(person_id, method, target, body, job_id)}"
        if idempotency_key:
            headers["Idempotency-Key"] = idempotency_key
        try:
            answer = api.request(method, target, content=body, headers=headers)
        except httpx.HTTPError as error:
            is_refused = "CERTIFICATE_VERIFY_FAILED" in str(error)
            reason = _NOT_TRUSTED if is_refused else type(error).__name__
            raise ApiAway(f"The API doesn't answer at GATEHOUSE_API_URL: {reason}.") from error
    if answer.status_code >= 300:
        raise _problem(answer)
    try:
        return answer.json() if answer.content else None
    except ValueError as error:  # of something else that stands in the API's place
        raise ApiAway("The API's answer is no JSON.") from error


def _publish(person_id: str, publish: Callable[[Arrivals], None]) -> None:
    try:
        publish({person_id: LIFETIME_S})
    except SessionStoreUnavailable as error:
        raise ApiAway(error.message, code=error.code) from error


def _sign(person_id: str, method: str, target: str, body: bytes, job_id: str) -> str:
    """Let this request be taken, once; return its token."""
    token = new_token()
    request = SignedRequest(
        audience=API_AUDIENCE,
        user_id=person_id,
        method=method,
        target=target,
        body=hashlib.sha256(body).hexdigest(),
        size=len(body),
        job_id=job_id,
        expires_at=int(time.time()) + LIFETIME_S + CLOCKS_APART_S,
    )
    entry, value = signed_request_entry(token), encode_request(entry_signer(), token, request)
    try:
        session_store().write(lambda client: client.set(entry, value, ex=LIFETIME_S))
    except SessionStoreUnavailable as error:
        raise ApiAway(error.message, code=error.code) from error
    return token


def _connection() -> httpx.Client:
    settings, api = contract_settings(), find_api()
    if api is not None:
        beside = httpx.WSGITransport(api, script_name=settings.api_prefix)
        # A host that is served; nothing leaves this process, so it is as good as HTTPS.
        host = next((name for name in settings.allowed_hosts if name != "*"), "localhost")
        return httpx.Client(transport=beside, base_url=f"https://{host.removeprefix('.')}")
    if not settings.api_url:
        raise ApiAway(_NO_API, code="no_api")
    # The system's authorities, and those of SSL_CERT_FILE: httpx's own list has no firm's. Plain
    # HTTP needs none, and reading them takes 20 ms.
    is_plain = settings.api_url.startswith("http:")
    trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if is_plain else ssl.create_default_context()
    return httpx.Client(
        base_url=settings.api_url, timeout=_TIMEOUT, trust_env=False, verify=trusted
    )


def _problem(answer: httpx.Response) -> ApiAway | SubmitRefused:
    try:
        said = dict(json.loads(answer.content))
    except (ValueError, TypeError):  # of something else that stands in the API's place
        said = (
            {"detail": _NOT_THE_API.format(answer.status_code)} if answer.status_code < 500 else {}
        )
    if answer.status_code == HTTPStatus.UNAUTHORIZED:  # its own words are for who sends a key
        said["detail"] = _NOT_TAKEN
    after = answer.headers.get("Retry-After", "")
    retry_after_s = int(after) if after.isascii() and after.isdigit() and len(after) < 6 else 1
    # A redirect is none of the API's either.
    if answer.status_code >= 500 or answer.status_code < 400:
        detail = str(said.get("detail") or f"The API answers {answer.status_code}.")
        return ApiAway(detail, code=str(said.get("code", "away")), retry_after_s=retry_after_s)
    return SubmitRefused(answer.status_code, said, retry_after_s=retry_after_s)
