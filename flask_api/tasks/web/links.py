"""web.links: where does a page lead?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from flask_api.jobs.tasks.context import JobContext
from flask_api.jobs.tasks.task import task
from flask_api.tasks.web.fetching.access import GuardedClient
from flask_api.tasks.web.items import FetchSeconds, Limits, WebUrl, first_of, fitting
from flask_api.tasks.web.pages import HtmlPage, fetch_document

MAX_PAGE_BYTES = 5_000_000
MAX_TEXT = 300
_HTML = "text/html, application/xhtml+xml;q=0.9, */*;q=0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One link: its absolute URL and its text, cut after 300 characters."""

    url: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLinks:
    """A page's links in the order of the page. ``total`` counts those beyond the limit too;
    ``url`` is after redirects."""

    url: str
    total: int
    links: list[Link]


# On a process, with a time limit: what a page made to harm does to the parser ends with the child.
@task("web.links", executor="processes", timeout_s=90)
def find_links(
    url: WebUrl,
    limit: Annotated[
        int, Field(ge=1, le=10_000, description="links listed at most; all are counted")
    ] = 1000,
    timeout_s: FetchSeconds = 10.0,
    *,
    job: JobContext,
) -> PageLinks:
    """List the links of a web page and their texts.

    Links to http and https URLs, made absolute by the page's base, with repetitions. The page may
    come packed by gzip and have 5 MB when unpacked; a status other than 2xx fails the job.
    """
    with GuardedClient.of(job.settings) as client:
        document = fetch_document(
            client, url, limits=Limits(timeout_s=timeout_s, max_bytes=MAX_PAGE_BYTES), accept=_HTML
        )
    links, total = first_of(links_of(HtmlPage(document)), limit)
    return PageLinks(url=document.url, total=total, links=fitting(links, job))


def links_of(page: HtmlPage) -> Iterator[Link]:
    """Yield every link that can be fetched. A picture that is a link has its ``alt`` as its
    text."""
    for element in page.elements("a[href], area[href]"):
        url = page.url(element.attributes["href"])
        if url is not None:
            text = element.text or element.attributes.get("alt", "")
            yield Link(url=url, text=text[:MAX_TEXT])
