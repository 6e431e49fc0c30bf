"""web.download_images: keep the images of a list of URLs, or of a page, as files of the job."""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from itertools import chain
from pathlib import PurePosixPath
from typing import Annotated
from urllib.parse import unquote, urlsplit

from pydantic import Field

from flask_api.jobs.errors import TaskError
from flask_api.jobs.tasks.context import JobContext
from flask_api.jobs.tasks.task import task
from flask_api.tasks.web.errors import BadStatus, WebError
from flask_api.tasks.web.fetching.access import GuardedClient
from flask_api.tasks.web.fetching.pool import FetchPool
from flask_api.tasks.web.image_header import ImageHeader, read_header
from flask_api.tasks.web.items import (
    FetchError,
    FetchSeconds,
    Limits,
    WebUrl,
    each_once,
    first_of,
)
from flask_api.tasks.web.pages import HtmlPage, fetch_document

MAX_IMAGES = 1000
TOTAL_S = 600
MAX_PAGE_BYTES = 5_000_000
_IMAGES = "image/avif, image/webp, image/*;q=0.9, */*;q=0.1"
_WORD = re.compile(r"\S+")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFile:
    """One image. ``file`` is the name of its file in the job,
    None exactly when ``error`` says why there is none.

    Of its ``bytes`` the last ``trailing_bytes`` are behind the image's end:
    kept, though no part of it.
    """

    url: str
    file: str | None = None
    bytes: int | None = None
    trailing_bytes: int | None = None
    width: int | None = None
    height: int | None = None
    format: str | None = None
    error: FetchError | None = None
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloads:
    """What became of each URL, in order. ``left_out`` counts images of the page beyond the first
    1,000."""

    saved: int
    bytes: int
    left_out: int
    images: list[ImageFile]


# On a process, with a time limit: pages and images are what strangers wrote, and the readers of
# both are written in C. Most of its time is waiting,
# and a process is kept from everybody else's work meanwhile: so it gives up what is slow, and ends.
@task(
    "web.download_images",
    executor="processes",
    timeout_s=TOTAL_S + 60,
    at_least_one_of=("urls", "page"),
)
def download_images(
    urls: Annotated[
        tuple[WebUrl, ...], Field(max_length=MAX_IMAGES, description="URLs of images")
    ] = (),
    page: Annotated[WebUrl | None, Field(description="URL of a page with images")] = None,
    concurrency: Annotated[int, Field(ge=1, le=16, description="images fetched at once")] = 8,
    timeout_s: FetchSeconds = 20.0,
    max_bytes: Annotated[int, Field(ge=1, le=20_000_000, description="largest image")] = 10_000_000,
    *,
    job: JobContext,
) -> Downloads:
    """Download images and keep them as files of the job, with their bytes, width,
    height and format.

    Give ``urls``, or a ``page`` whose ``img`` and ``source`` elements name them (``data-src`` too),
    or both; each once. Width and height are as stored, before any orientation is applied. An image
    that breaks off, or can't be had, read or kept, has an ``error`` in its row and doesn't fail the
    job. What was not had after ten minutes is ``timed_out``.
    """
    with GuardedClient.of(job.settings, lasts_s=TOTAL_S) as client:
        limits = Limits(timeout_s=timeout_s, max_bytes=max_bytes)
        on_page = _images_on(page, client, timeout_s) if page else ()
        wanted, found = first_of(each_once(chain(urls, on_page)), MAX_IMAGES)
        job.log(f"{found} images to download")
        rows = download_all(wanted, client=client, limits=limits, concurrency=concurrency, job=job)
    saved = [row.bytes for row in rows if row.bytes is not None]
    return Downloads(saved=len(saved), bytes=sum(saved), left_out=found - len(wanted), images=rows)


def download_all(
    urls: Sequence[str],
    *,
    client: GuardedClient,
    limits: Limits,
    concurrency: int,
    job: JobContext,
) -> list[ImageFile]:
    """Download with so many threads and return the rows in the order of the URLs.
    Closes the client if the job must stop."""
    if not urls:
        return []
    digits = len(str(len(urls)))
    numbered = [(f"{number:0{digits}d}", url) for number, url in enumerate(urls, start=1)]
    with FetchPool(client, job, threads=concurrency) as pool:
        return pool.run_all(
            partial(_download, client=client, limits=limits, job=job), numbered, noun="images"
        )


def _images_on(page: str, client: GuardedClient, timeout_s: float) -> Iterator[str]:
    document = fetch_document(
        client, page, limits=Limits(timeout_s=timeout_s, max_bytes=MAX_PAGE_BYTES)
    )
    return images_of(HtmlPage(document))


def images_of(page: HtmlPage) -> Iterator[str]:
    """Yield the absolute URL of every image that the page's ``img`` and ``source`` elements name,
    each once."""
    written = (
        url
        for element in page.elements("img, picture > source")
        for url in _named(element.attributes)
    )
    yield from each_once(url for each in written if (url := page.url(each)) is not None)


def _named(attributes: dict[str, str]) -> Iterator[str]:
    """Give the URLs of an image, also those that a script puts in place when it is scrolled to."""
    for prefix in ("", "data-"):
        if attributes.get(f"{prefix}src"):
            yield attributes[f"{prefix}src"]
        yield from _candidates(attributes.get(f"{prefix}srcset", ""))


def _candidates(srcset: str) -> Iterator[str]:
    """Give the URLs of a ``srcset``. Source: HTML Standard, 4.8.4.4.4.

    A comma ends a candidate behind its URL or its width, not within a URL.
    """
    at = 0
    while found := _WORD.search(srcset, at):
        url, at = found[0], found.end()
        if not url.endswith(","):
            comma = srcset.find(",", at)
            at = len(srcset) if comma == -1 else comma
        if url.strip(","):
            yield url.strip(",")


def _download(
    numbered: tuple[str, str], *, client: GuardedClient, limits: Limits, job: JobContext
) -> ImageFile:
    number, url = numbered
    began = time.monotonic()
    try:
        data, header = _fetch(url, client=client, limits=limits)
        name = f"{number}-{_slug(url)}.{header.extension}"
        job.save_file(name, data)
    except WebError as error:
        return ImageFile(url=url, error=FetchError.of(error), duration_ms=_ms_since(began))
    except TaskError as error:
        return ImageFile(
            url=url,
            error=FetchError(code="not_kept", message=str(error)),
            duration_ms=_ms_since(began),
        )
    return ImageFile(
        url=url,
        file=name,
        bytes=len(data),
        trailing_bytes=header.trailing_bytes,
        width=header.width,
        height=header.height,
        format=header.format,
        duration_ms=_ms_since(began),
    )


def _fetch(url: str, *, client: GuardedClient, limits: Limits) -> tuple[bytes, ImageHeader]:
    with client.stream(
        url,
        timeout_s=limits.timeout_s,
        max_bytes=limits.max_bytes,
        headers={"Accept": _IMAGES},
        unpack=True,
    ) as reply:
        if not 200 <= reply.status < 300:
            raise BadStatus(f"The server answered {reply.status}.")
        data = BytesIO()
        data.writelines(reply.iter_body())
    return data.getvalue(), read_header(data.getvalue())


def _slug(url: str) -> str:
    """Return a safe part of a file name that reminds of the URL;
    the number before it makes the name unique."""
    last = PurePosixPath(unquote(urlsplit(url).path)).stem
    return _NOT_IN_NAMES.sub("-", last).strip("-")[:60] or "image"


def _ms_since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
