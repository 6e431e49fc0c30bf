"""web.feed_titles: what is new in an RSS or Atom feed?"""

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import struct_time
from typing import Annotated, Any

import feedparser
from pydantic import Field
from selectolax.lexbor import LexborHTMLParser

from flask_api.jobs.context import JobContext
from flask_api.jobs.task import task
from flask_api.tasks.web.access import GuardedClient
from flask_api.tasks.web.errors import NotReadable
from flask_api.tasks.web.items import FetchSeconds, Limits, WebUrl, fitting
from flask_api.tasks.web.pages import Document, fetch_document
from flask_api.tasks.web.urls import absolute_url

MAX_FEED_BYTES = 5_000_000
MAX_TITLE = 300
_FEEDS = "application/rss+xml, application/atom+xml, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.1"
_FIRST_ELEMENT = re.compile(r"<\w")


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEntry:
    """One entry: its title as plain text, its link, and when it was published, in UTC. None where the feed says nothing."""

    title: str | None
    link: str | None
    published_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A feed and its first entries. ``total`` counts those beyond the limit too; ``url`` is after redirects."""

    url: str
    title: str | None
    format: str
    total: int
    entries: list[FeedEntry]


# On a process, with a time limit: what a feed made to harm does to the parser ends with the child.
@task("web.feed_titles", executor="processes", timeout_s=90)
def read_feed(
    url: WebUrl,
    limit: Annotated[int, Field(ge=1, le=1000, description="entries listed at most; all are counted")] = 50,
    timeout_s: FetchSeconds = 10.0,
    *,
    job: JobContext,
) -> Feed:
    """List the titles, links and dates of an RSS or Atom feed.

    The feed may come packed by gzip and have 5 MB when unpacked. One that declares XML entities is refused before it is
    parsed, and so is what is no feed; a status other than 2xx fails the job.
    """
    with GuardedClient.of(job.settings) as client:
        document = fetch_document(client, url, limits=Limits(timeout_s=timeout_s, max_bytes=MAX_FEED_BYTES), accept=_FEEDS)
    feed = parse_feed(document, limit=limit)
    return replace(feed, entries=fitting(feed.entries, job))


def parse_feed(document: Document, *, limit: int) -> Feed:
    """Read a feed that was fetched; needs no network. Raises NotReadable."""
    _refuse_entities(document.text)
    # A stream, never the bytes: feedparser would take those for the name of a file of this machine, and open it.
    stream = io.BytesIO(document.text.encode())
    parsed = feedparser.parse(
        stream,
        sanitize_html=False,  # only plain text leaves here
        resolve_relative_uris=False,
        response_headers={"content-type": "application/xml; charset=utf-8", "content-location": document.url},
    )
    if not parsed.get("version"):
        raise NotReadable("The document is no RSS or Atom feed.")
    entries = [_entry(entry, document.url) for entry in parsed.entries[:limit]]
    title = _title(parsed.feed)
    return Feed(url=document.url, title=title, format=parsed.version, total=len(parsed.entries), entries=entries)


def _refuse_entities(text: str) -> None:
    """No feed needs entities of its own, and a few lines of them unpack to gigabytes (the billion laughs)."""
    first = _FIRST_ELEMENT.search(text)
    if "<!ENTITY" in text[: first.start() if first else None].upper():
        raise NotReadable("The feed declares XML entities.")


def _entry(entry: dict[str, Any], base: str) -> FeedEntry:
    link = entry.get("link")
    # The dict's own word: feedparser's gives one date for the other, with a warning.
    published_at = _as_time(dict.get(entry, "published_parsed") or dict.get(entry, "updated_parsed"))
    return FeedEntry(title=_title(entry), link=absolute_url(base, link) if link else None, published_at=published_at)


def _title(said: Mapping[str, Any]) -> str | None:
    """Return a title as plain text: many feeds have HTML in it."""
    title = str(said.get("title") or "")
    if "html" in (said.get("title_detail") or {}).get("type", "") and ("<" in title or "&" in title):
        title = LexborHTMLParser(title).text() if title else ""
    return " ".join(title.split())[:MAX_TITLE] or None


def _as_time(parts: struct_time | None) -> datetime | None:
    """Return what feedparser read, which is UTC; None for the 31st of February too."""
    if parts is None:
        return None
    try:
        return datetime(parts[0], parts[1], parts[2], parts[3], parts[4], min(parts[5], 59), tzinfo=UTC)
    except ValueError:
        return None
