"""web.page_sizes: how long are these pages?"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from pydantic import Field

from flask_api.jobs.tasks.context import JobContext
from flask_api.jobs.tasks.task import task
from flask_api.tasks.web.errors import WebError
from flask_api.tasks.web.fetching.access import GuardedClient
from flask_api.tasks.web.fetching.pool import FetchPool
from flask_api.tasks.web.items import FetchBytes, FetchError, FetchSeconds, Limits, WebUrl

MAX_CONCURRENCY = 100
# A thousand pages of one slow host would keep a slot, and a hundred threads, for hours.
TOTAL_S = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSize:
    """What was found at one URL. ``bytes`` is None exactly when ``error`` is given;
    ``status`` may be known even so."""

    url: str
    status: int | None
    bytes: int | None
    error: FetchError | None
    duration_ms: int


@task("web.page_sizes")
def page_sizes(
    urls: Annotated[list[WebUrl], Field(min_length=1, max_length=1000)],
    timeout_s: FetchSeconds = 10.0,
    max_bytes: FetchBytes = 10_000_000,
    *,
    job: JobContext,
) -> list[PageSize]:
    """Measure how many bytes each web page has, fetching up to a hundred at once.

    Of one host, fewer: as many as the operator allows. A size is the length of the body as it was
    sent, after at most five redirects. The server is asked not to compress; if it does so all the
    same, the compressed length counts, and nothing is ever decompressed or kept in memory.
    Any status is a result; a URL that can't be fetched has an ``error`` in its row and doesn't fail
    the job. What was not had after ten minutes is ``timed_out``.
    """
    with GuardedClient.of(job.settings, lasts_s=TOTAL_S) as client:
        return measure_all(
            urls, client=client, limits=Limits(timeout_s=timeout_s, max_bytes=max_bytes), job=job
        )


def measure_all(
    urls: Sequence[str], *, client: GuardedClient, limits: Limits, job: JobContext
) -> list[PageSize]:
    """Measure the URLs at the same time and return the rows in their order.
    Closes the client if the job must stop."""
    with FetchPool(client, job, threads=min(MAX_CONCURRENCY, len(urls))) as pool:
        return pool.run_all(partial(measure, client=client, limits=limits), urls, noun="pages")


def measure(url: str, *, client: GuardedClient, limits: Limits) -> PageSize:
    """Fetch one URL and return its row; a WebError becomes the row's error."""
    started_at = time.monotonic()
    status = size = error = None
    try:
        with client.stream(url, timeout_s=limits.timeout_s, max_bytes=limits.max_bytes) as reply:
            status = reply.status
            size = sum(len(piece) for piece in reply.iter_body())
    except WebError as problem:
        error = FetchError.of(problem)
    duration_ms = round((time.monotonic() - started_at) * 1000)
    return PageSize(url=url, status=status, bytes=size, error=error, duration_ms=duration_ms)
