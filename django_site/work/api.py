"""Ask the API for what a page shows, and for what its forms send.

The API answers in this thread, as the application that the WSGI environ holds
(shared.http.beside): a request of its own, made of the page's request, with the person's cookie and
no other right. So the same gate, limits and errors hold as for a request from outside, and nothing
is copied that could differ. It never waits for a job: what waits belongs in the browser.
"""

import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, BinaryIO
from urllib.parse import urlencode

from django.http import HttpRequest
from django.utils.translation import gettext

from django_site.contract import contract_settings
from django_site.work.problem_words import in_words
from shared.http.beside import API
from shared.http.mount import FORWARDED_PREFIX, MOUNT

# What the API may know of the page's request: over which connection it came, from whom, and where
# the whole is mounted. All else is of the question itself.
_PASSED_ON = (
    "HTTP_COOKIE",
    "HTTP_HOST",
    "HTTP_USER_AGENT",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "REMOTE_ADDR",
    "SERVER_NAME",
    "SERVER_PORT",
    "SERVER_PROTOCOL",
    "wsgi.errors",
    "wsgi.multiprocess",
    "wsgi.multithread",
    "wsgi.run_once",
    "wsgi.url_scheme",
    FORWARDED_PREFIX,
    MOUNT,
)
JSON = "application/json"


class NoApiBeside(Exception):
    """The site is served without the API at its side."""


class ApiProblem(Exception):
    """The API's refusal: a problem (RFC 9457), by its members. Its words are in the page's
    language as far as they are known (problem_words); ``language`` says in which they are else."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        retry_after_s: str = "",
        language: str = "",
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.retry_after_s = retry_after_s
        self.language = language


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What a question carries: ``stream`` has ``size`` bytes of this media type."""

    stream: BinaryIO
    size: int
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


def get(request: HttpRequest, path: str, **query: str | int | None) -> Any:
    """Return the JSON of a GET; ``path`` is below the API. Raises ApiProblem or NoApiBeside."""
    return json.loads(read(request, path, **query))


def read(request: HttpRequest, path: str, **query: str | int | None) -> bytes:
    """Return the body of a GET. Raises ApiProblem or NoApiBeside."""
    given = {name: value for name, value in query.items() if value not in (None, "")}
    return _answer(request, "GET", path, urlencode(given), _NO_BODY)


def first_lines(request: HttpRequest, path: str, most: int, **query: str) -> Generator[bytes]:
    """Yield the first lines of a GET's body, at most so many; of the rest nothing is made.
    Raises ApiProblem or NoApiBeside."""
    with closing(_pieces(request, "GET", path, urlencode(query), _NO_BODY)) as pieces:
        rest = b""
        for piece in pieces:
            *lines, rest = (rest + piece).split(b"\n")
            yield from lines[:most]
            most -= len(lines)
            if most <= 0:
                return
        if rest:
            yield rest


def send(
    request: HttpRequest, path: str, sent: Any = None, *, method: str = "POST", **headers: str
) -> Any:
    """Send JSON and return the answer's, None when it has none. ``headers`` by their WSGI names.

    Call it only for a request whose form has passed Django's cross-site check: to the API it comes
    from a page of this site. Raises ApiProblem or NoApiBeside.
    """
    try:
        data = b"" if sent is None else json.dumps(sent).encode()
    except RecursionError:
        words = gettext("The arguments are nested too deeply.")
        raise ApiProblem(400, "bad_request", words) from None
    body = Body(stream=BytesIO(data), size=len(data), headers=headers)
    answer = _answer(request, method, path, "", body)
    return json.loads(answer) if answer else None


def upload(request: HttpRequest, name: str, stream: BinaryIO, size: int) -> Any:
    """Upload a file and return its record; as send."""
    body = Body(stream=stream, size=size, media_type="application/octet-stream")
    return json.loads(_answer(request, "POST", "/files", urlencode({"name": name}), body))


_NO_BODY = Body(stream=BytesIO(), size=0, media_type="")


def _answer(request: HttpRequest, method: str, path: str, query: str, body: Body) -> bytes:
    return b"".join(_pieces(request, method, path, query, body))


def _pieces(
    request: HttpRequest, method: str, path: str, query: str, body: Body
) -> Generator[bytes]:
    """Yield the answer's body as the API makes it; who stops early leaves the rest unmade."""
    api = request.META.get(API)
    if api is None:
        raise NoApiBeside
    started: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], *_: object) -> Any:
        started[:] = [int(status[:3]), {name.lower(): value for name, value in headers}]
        return lambda _: None

    pieces = api(_environ(request, method, path, query, body), start_response)
    try:
        made = iter(pieces)
        first = next(made, b"")  # an application may begin its answer with it only
        status, headers = started
        if status >= 400:
            raise _problem(status, headers, b"".join((first, *made)))
        yield first
        yield from made
    finally:
        getattr(pieces, "close", lambda: None)()


def _environ(
    request: HttpRequest, method: str, path: str, query: str, body: Body
) -> dict[str, Any]:
    asked = {name: request.META[name] for name in _PASSED_ON if name in request.META}
    mount = asked.setdefault(MOUNT, request.META.get("SCRIPT_NAME", ""))
    return {
        **asked,
        "wsgi.version": (1, 0),
        "wsgi.input": body.stream,
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": f"{mount}{contract_settings().api_prefix}",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "CONTENT_TYPE": body.media_type,
        "CONTENT_LENGTH": str(body.size),
        "HTTP_ACCEPT": JSON,
        # A page of this site asks: its form passed Django's own check.
        "HTTP_SEC_FETCH_SITE": "same-origin",
        **body.headers,
    }


def _problem(status: int, headers: Mapping[str, str], content: bytes) -> ApiProblem:
    try:
        said = json.loads(content)
    except ValueError:
        said = {}
    english = str(said.get("detail", ""))
    words = in_words(english)
    return ApiProblem(
        status,
        str(said.get("code", "")),
        words,
        errors=[{**line, "detail": in_words(line["detail"])} for line in said.get("errors") or ()],
        retry_after_s=headers.get("retry-after", ""),
        language="en" if words == english else "",
    )
