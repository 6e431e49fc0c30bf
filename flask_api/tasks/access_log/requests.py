"""The requests of an access log sent again, each different one once."""

from collections import Counter
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime

from flask_api.tasks.access_log.lines import Request, with_retry
from flask_api.tasks.web.errors import WebError
from flask_api.tasks.web.fetching.access import GuardedClient, Method
from flask_api.tasks.web.fetching.pool import FetchPool
from flask_api.tasks.web.items import FetchError

MAX_BODY = 100_000_000
# Servers take 8,000 bytes at least, few take more. Source: RFC 9110, 4.1.
MAX_TARGET = 8_000
# Of all that are requested together: they are kept until the end.
MAX_TARGETS = 32_000_000
# They change nothing, so they may be sent again without asking anybody. Source: RFC 9110, 9.2.1.
_SAFE: dict[str, Method] = {"GET": "GET", "HEAD": "HEAD"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatAnswer:
    """What a repeated request got: a status and the body's length, or an error."""

    at: datetime
    status: int = 0
    size: int = 0
    error: FetchError | None = None


@dataclass(frozen=True, slots=True)
class Repeat:
    """A request sent again, and its answer once it is there."""

    request: Request
    url: str
    before: int
    answer: Future[RepeatAnswer]


class Repeater:
    """Sends requests again by a pool. For the thread of the task."""

    def __init__(
        self,
        pool: FetchPool,
        client: GuardedClient,
        *,
        base_url: str,
        timeout_s: float,
        max_requests: int,
    ) -> None:
        self._pool = pool
        self._client = client
        self._base_url = base_url.rstrip("/")
        self._timeout_s = timeout_s
        self._max_requests = max_requests
        self._repeats: dict[tuple[str, str], Repeat] = {}
        self._kept = 0
        self.not_repeated: Counter[str] = Counter()

    @property
    def repeats(self) -> list[Repeat]:
        """All requests that were sent again, in the order of the log."""
        return list(self._repeats.values())

    def repeat(self, request: Request | None, *, before: int) -> Repeat | None:
        """Send a request again, once for all lines that have it;
        or count why not and return None."""
        reason = self._refusal(request)
        if request is None or reason:
            self.not_repeated[reason] += 1
            return None
        key = (request.method, request.target)
        if key not in self._repeats:
            again = with_retry(request)
            self._kept += len(again.target)
            url = self._base_url + again.target
            self._repeats[key] = Repeat(
                again, url, before, self._pool.submit(self._fetch, _SAFE[again.method], url)
            )
        return self._repeats[key]

    def _refusal(self, request: Request | None) -> str:
        if request is None or not request.target.startswith("/"):
            # garbage, or the absolute URL of another host that a proxy was asked for
            return "no_path"
        if request.method not in _SAFE:
            return "other_method"
        if len(request.target) > MAX_TARGET:
            return "too_long"
        is_known = (request.method, request.target) in self._repeats
        has_room = len(self._repeats) < self._max_requests and self._kept < MAX_TARGETS
        return "" if is_known or has_room else "over_max_requests"

    def _fetch(self, method: Method, url: str) -> RepeatAnswer:
        at = datetime.now(UTC)
        target = url[url.index("/", url.index("://") + 3) :]
        stream = self._client.stream(
            url,
            timeout_s=self._timeout_s,
            max_bytes=MAX_BODY,
            method=method,
            max_redirects=0,
            target=target,
        )
        try:
            with stream as reply:
                return RepeatAnswer(
                    at=at, status=reply.status, size=sum(len(piece) for piece in reply.iter_body())
                )
        except WebError as error:
            return RepeatAnswer(at=at, error=FetchError.of(error))
