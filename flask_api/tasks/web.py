"""Tasks that fetch from the web, all through the guarded client of web_access."""

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Annotated

from pydantic import Field

from flask_api.jobs.context import JobContext
from flask_api.jobs.task import task
from flask_api.tasks.web_access import GuardedClient
from flask_api.tasks.web_errors import WebError

MAX_CONCURRENCY = 100
# How long a cancel goes unnoticed while no fetch ends.
CHECKPOINT_S = 0.25

WebUrl = Annotated[str, Field(min_length=1, max_length=2000, pattern=r"^[Hh][Tt][Tt][Pp][Ss]?://\S+$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchError:
    """Why one URL has no size: a stable code (see web_errors) and a sentence."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSize:
    """What was found at one URL. ``bytes`` is None exactly when ``error`` is given; ``status`` may be known even so."""

    url: str
    status: int | None
    bytes: int | None
    error: FetchError | None
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one fetch may take: seconds in all, and bytes of body."""

    timeout_s: float
    max_bytes: int


@task("web.page_sizes")
def page_sizes(
    urls: Annotated[list[WebUrl], Field(min_length=1, max_length=1000)],
    timeout_s: Annotated[float, Field(ge=1, le=60, description="for each URL as a whole, in seconds")] = 10.0,
    max_bytes: Annotated[int, Field(ge=1, le=100_000_000, description="longest body, for each URL")] = 10_000_000,
    *,
    job: JobContext,
) -> list[PageSize]:
    """Measure how many bytes each web page has, fetching up to a hundred at once.

    A size is the length of the body as it was sent, after at most five redirects. The server is asked not to compress;
    if it does so all the same, the compressed length counts, and nothing is ever decompressed or kept in memory.
    Any status is a result; a URL that can't be fetched has an ``error`` in its row and doesn't fail the job.
    """
    with GuardedClient(job.settings.web_allowed_networks) as client:
        return measure_all(urls, client=client, limits=Limits(timeout_s=timeout_s, max_bytes=max_bytes), job=job)


def measure_all(urls: Sequence[str], *, client: GuardedClient, limits: Limits, job: JobContext) -> list[PageSize]:
    """Measure the URLs at the same time and return the rows in their order.

    When the job must stop, fetches not begun are dropped, those under way are aborted, and all threads have ended
    before the exception goes on. Closes the client then.
    """
    done: SimpleQueue[Future[PageSize]] = SimpleQueue()
    with ThreadPoolExecutor(max_workers=min(MAX_CONCURRENCY, len(urls)), thread_name_prefix="web-fetch") as pool:
        try:
            rows = [pool.submit(measure, url, client=client, limits=limits) for url in urls]
            for row in rows:
                row.add_done_callback(done.put)
            for count in range(1, len(urls) + 1):
                _wait_for_one(done, job)
                job.progress(count, len(urls), message=f"{count} of {len(urls)} pages")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            client.close()
            raise
    return [row.result() for row in rows]


def _wait_for_one(done: SimpleQueue[Future[PageSize]], job: JobContext) -> None:
    while True:
        try:
            done.get(timeout=CHECKPOINT_S)
        except Empty:
            job.checkpoint()
        else:
            return


def measure(url: str, *, client: GuardedClient, limits: Limits) -> PageSize:
    """Fetch one URL and return its row; a WebError becomes the row's error."""
    started_at = time.monotonic()
    status = size = error = None
    try:
        with client.stream(url, timeout_s=limits.timeout_s, max_bytes=limits.max_bytes) as reply:
            status = reply.status
            size = sum(len(piece) for piece in reply.iter_body())
    except WebError as problem:
        error = FetchError(code=problem.code, message=problem.message)
    duration_ms = round((time.monotonic() - started_at) * 1000)
    return PageSize(url=url, status=status, bytes=size, error=error, duration_ms=duration_ms)
