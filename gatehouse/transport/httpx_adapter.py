"""httpx for both clients: its options, how an ApiRequest is sent, and what its errors mean."""

import json
import ssl
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx

from gatehouse.config import ServiceAccess
from gatehouse.errors import (
    BadAnswer,
    ConfigurationError,
    GatehouseError,
    InvalidRequest,
    Unavailable,
)
from gatehouse.installed import installed_version
from gatehouse.protocol.events import MEDIA_TYPE as EVENT_STREAM
from gatehouse.protocol.wire import ApiRequest, ApiResponse, StreamedBody
from gatehouse.transport.certificates import trust_for
from gatehouse.transport.proxies import proxy_for

CONNECT_TIMEOUT_S = 10.0
# Each wait for a job holds one: many may be awaited at once. A server holds 512 of one address.
MOST_CONNECTIONS = 400
# The service sends a comment at least each 15 seconds.
SILENCE_S = 60.0
# Of one answer that is read whole. A result has 1 MB at most; this stops what never ends.
MAX_ANSWER_BYTES = 64 * 1024 * 1024
# All that httpx raises of a request: what is no TransportError is easily forgotten. A header and an
# address have no place for every text.
FAILURES = (httpx.RequestError, httpx.InvalidURL, UnicodeEncodeError)
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


def http_options(access: ServiceAccess, *, timeout_s: float) -> dict[str, Any]:
    """Return the options of an httpx client. It follows no redirect:
    the key is for this address alone."""
    return {
        "base_url": f"{access.address}/api",
        "headers": {
            "Authorization": f"Bearer {access.key}",
            "User-Agent": f"gatehouse/{installed_version()}",
        },
        "limits": httpx.Limits(max_connections=MOST_CONNECTIONS, max_keepalive_connections=20),
        "timeout": _timeout(timeout_s, read_s=timeout_s),
        "follow_redirects": False,
        "verify": trust_for(access.address),
        # Not by httpx itself: it fails on entries of NO_PROXY that others read.
        "trust_env": False,
        "proxy": proxy_for(access.address),
    }


def built(
    http: httpx.Client | httpx.AsyncClient, request: ApiRequest, *, timeout_s: float
) -> httpx.Request:
    """Return the request as httpx sends it."""
    is_stream = request.accept == EVENT_STREAM
    read_s = SILENCE_S if is_stream else timeout_s + request.wait_s
    timeout = _timeout(timeout_s, read_s=read_s)
    headers = {"Accept": request.accept, **request.headers}
    content: Any = request.body
    if isinstance(request.body, StreamedBody):
        content = (
            request.body.chunks()
            if isinstance(http, httpx.Client)
            else _in_async(request.body.chunks())
        )
        if request.body.size is not None:
            headers["Content-Length"] = str(request.body.size)
    return http.build_request(
        request.method,
        request.path,
        params=dict(request.params) or None,
        headers=headers,
        content=content,
        timeout=timeout,
    )


def _timeout(timeout_s: float, *, read_s: float) -> httpx.Timeout:
    """Return how long each silence may last. For a connection of ours that others use just now
    there is no limit: that says nothing of the service, and each of them ends."""
    connect_s = min(timeout_s, CONNECT_TIMEOUT_S)
    return httpx.Timeout(timeout_s, connect=connect_s, read=read_s, pool=None)


Failure = httpx.RequestError | httpx.InvalidURL | UnicodeEncodeError


def failure_of(error: Failure, address: str) -> GatehouseError:
    """Return what an error of httpx means: ConfigurationError for a certificate that is not
    trusted, InvalidRequest for what no address or header can hold, BadAnswer for an answer that
    can't be unpacked, else Unavailable."""
    failed = _meaning_of(error, address)
    failed.__cause__ = error
    return failed


def _meaning_of(error: Failure, address: str) -> GatehouseError:
    if isinstance(error, UnicodeEncodeError):
        words = f"That can't be sent: {ascii(error.object)[:100]} ({error.reason})."
        return InvalidRequest(words, status=400, code="bad_request")
    if isinstance(error, httpx.InvalidURL):
        words = f"That can't be asked for: {error}."
        return InvalidRequest(words, status=414, code="uri_too_long")
    if not isinstance(error, httpx.TransportError):
        return BadAnswer(f"The answer of {address} can't be read: {error}", status=200)
    if _is_about_certificate(error):
        return ConfigurationError(
            f"{address} shows a certificate that is not trusted: {error}. SSL_CERT_FILE can name "
            "a file with the certificate of your own authority."
        )
    what = (
        "gave no answer in time"
        if isinstance(error, httpx.TimeoutException)
        else "can't be reached"
    )
    reason = f": {error}" if str(error) else ""
    if "WRONG_VERSION_NUMBER" in reason:  # OpenSSL's words for an answer in plain text
        reason = ": no TLS is spoken there: is it http://?"
    return Unavailable(f"{address} {what}{reason}", was_sent=not isinstance(error, _NEVER_SENT))


def as_response(response: httpx.Response, body: bytes = b"") -> ApiResponse:
    """Return the answer as a value."""
    return ApiResponse(status=response.status_code, headers=dict(response.headers), body=body)


def require_kind(response: httpx.Response, wanted: str) -> None:
    """Raise BadAnswer unless a success is of the media type that was asked for: a proxy's page has
    no events, and one without a line would be followed for ever."""
    kind = response.headers.get("content-type", "")
    if not kind.startswith(wanted):
        words = f"The address answers with {ascii(kind)[:100]} where {wanted} was asked for."
        raise BadAnswer(words, status=response.status_code)


def bounded(pieces: list[bytes], piece: bytes, size: int, *, status: int) -> int:
    """Add a piece of an answer; return its size so far.
    Raises BadAnswer for one that does not end."""
    pieces.append(piece)
    size += len(piece)
    if size > MAX_ANSWER_BYTES:
        raise BadAnswer(f"The answer has more than {MAX_ANSWER_BYTES} bytes.", status=status)
    return size


def json_line(line: str) -> Any:
    """Return the JSON of one line of an answer, or raise BadAnswer."""
    try:
        return json.loads(line)
    except ValueError as error:
        raise BadAnswer("A line of the answer is not JSON.", status=200) from error


async def _in_async(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def _is_about_certificate(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
