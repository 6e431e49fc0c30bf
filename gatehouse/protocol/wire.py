"""A request and its answer as values, and what an answer means. No input or output happens here."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from gatehouse.errors import (
    ApiError,
    BadAnswer,
    Conflict,
    Expired,
    Forbidden,
    GatehouseError,
    InvalidRequest,
    NotFound,
    NotLoggedIn,
    Problem,
    QuotaExceeded,
    ServerError,
    TooManyRequests,
    Unavailable,
)

T = TypeVar("T")

JSON = "application/json"
NDJSON = "application/x-ndjson"
PROBLEM = "application/problem+json"

# The code of a 429 that is no problem of the API's: a proxy's, or the server's own, which counts an
# address's connections. The service was not asked.
REFUSED_ON_THE_WAY = "refused_on_the_way"
_REFUSED_S = 1.0  # where it doesn't say when to come back

_BY_STATUS: Mapping[int, type[ApiError]] = {
    401: NotLoggedIn,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Expired,
}
_AWAY = frozenset({502, 503, 504})
_INVALID = frozenset({400, 413, 415, 422})
_NAME_OF_TAG = re.compile(r"^/?\w*")
_HIDDEN = frozenset({"script", "style", "title"})
_ROOM = re.compile(r'"unfinished";r=(\d+)')


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamedBody:
    """A body that is read while it is sent. ``chunks`` starts again with each call,
    unless the body is sent once only."""

    chunks: Callable[[], Iterator[bytes]]
    size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRequest:
    """A request to the API. ``path`` is below the API's prefix; ``wait_s``:
    how much longer than usual the answer may take."""

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | StreamedBody | None = None
    accept: str = JSON
    wait_s: float = 0
    may_repeat: bool = False  # asking twice does what asking once does

    @property
    def is_read_once(self) -> bool:
        """Tell whether its body is gone once it was sent, as a pipe's is, or a part of it."""
        return isinstance(self.body, StreamedBody) and not self.may_repeat


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiResponse:
    """An answer of the API, whole. The names of ``headers`` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def to_json(value: Any) -> bytes:
    """Return a body. Raises TypeError or ValueError for what JSON can't hold."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def read_json(answer: ApiResponse, read: Callable[[Any], T]) -> T:
    """Return what ``read`` makes of the answer's JSON, or raise BadAnswer."""
    try:
        return read(json.loads(answer.body))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _bad_answer(answer, "which is not what Gatehouse would answer") from error


def refusal(answer: ApiResponse) -> GatehouseError | None:
    """Return the error that an answer means, None for success."""
    if 200 <= answer.status < 300:
        return None
    if 300 <= answer.status < 400:
        return _bad_answer(
            answer,
            f"and leads to {_printable(answer.headers.get('location', ''))}: use that address",
        )
    problem = _problem(answer)
    if problem is None:
        if answer.status in _AWAY:
            return Unavailable(
                f"The service is away: {_described(answer)}.", retry_after_s=_retry_after_s(answer)
            )
        if answer.status == 429:
            return TooManyRequests(
                f"It is too much: {_described(answer)}.",
                status=429,
                code=REFUSED_ON_THE_WAY,
                retry_after_s=_retry_after_s(answer) or _REFUSED_S,
            )
        return _bad_answer(answer, "and not as Gatehouse does")
    return _from_problem(answer, problem)


def _from_problem(answer: ApiResponse, problem: Mapping[str, Any]) -> GatehouseError:
    status, code = answer.status, str(problem.get("code", "error"))
    message = str(
        problem.get("detail") or problem.get("title") or f"The service answered {status}."
    )
    if status in _AWAY:
        return Unavailable(message, code=code, retry_after_s=_retry_after_s(answer))
    if status == 507 or code == "quota_exceeded":
        return QuotaExceeded(message, status=status, code=code, **_quota(problem.get("quota")))
    if status == 429:
        found = _ROOM.search(answer.headers.get("ratelimit", ""))
        room = int(found[1]) if found else None
        return TooManyRequests(
            message, status=status, code=code, retry_after_s=_retry_after_s(answer), room=room
        )
    if status in _INVALID:
        return InvalidRequest(
            message, status=status, code=code, problems=_problems(problem.get("errors"))
        )
    if status >= 500:
        return ServerError(
            message, status=status, code=code, error_id=str(problem.get("error_id", ""))
        )
    return _BY_STATUS.get(status, ApiError)(message, status=status, code=code)


def _quota(quota: Any) -> dict[str, Any]:
    """Return which quota a problem tells of; another version of the service may tell less."""
    told = quota if isinstance(quota, dict) else {}
    kind, used, limit = (told.get(name) for name in ("kind", "used", "limit"))
    numbers = {
        name: each for name, each in (("used", used), ("limit", limit)) if isinstance(each, int)
    }
    return {"kind": str(kind or ""), **numbers}


def _problem(answer: ApiResponse) -> Mapping[str, Any] | None:
    if not answer.headers.get("content-type", "").startswith(PROBLEM):
        return None
    try:
        problem = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return problem if isinstance(problem, dict) else None


def _problems(errors: Any) -> list[Problem]:
    lines = [each for each in errors if isinstance(each, dict)] if isinstance(errors, list) else []
    return [Problem(where=str(_where(each)), detail=str(each.get("detail", ""))) for each in lines]


def _where(line: Mapping[str, Any]) -> Any:
    return line.get("pointer") or line.get("parameter") or ""


def _retry_after_s(answer: ApiResponse) -> float:
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0.0


def _bad_answer(answer: ApiResponse, why: str) -> BadAnswer:
    return BadAnswer(f"The address answered {_described(answer)}, {why}.", status=answer.status)


def _described(answer: ApiResponse) -> str:
    """Say the status and the first words: enough to recognise a proxy's page."""
    text = _visible(answer.body[:10_000].decode("utf-8", "replace"))
    words = _printable(" ".join(text.split()))
    return f"{answer.status} {words!r}" if words else str(answer.status)


def _visible(page: str) -> str:
    """Return the text of a page without its tags, in linear time whatever a server sends."""
    before, *parts = page.split("<")
    shown, hidden = [before], ""
    for tag, end, text in (part.partition(">") for part in parts):
        name = "".join(_NAME_OF_TAG.findall(tag)[:1]).lower()
        if hidden:
            hidden = "" if name == f"/{hidden}" else hidden
        elif name in _HIDDEN:
            hidden = name
        elif not end:
            shown.append(f"<{tag}")
        if end and not hidden:
            shown.append(text)
    return " ".join(shown)


def _printable(text: str) -> str:
    return "".join(each for each in text if each.isprintable())[:80]
