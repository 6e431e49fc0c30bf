"""web.feed_titles: what is new in an RSS, Atom or JSON feed?"""

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any, Literal

import feedparser
from pydantic import Field
from selectolax.lexbor import LexborHTMLParser

from flask_api.jobs.tasks.context import JobContext
from flask_api.jobs.tasks.task import task
from flask_api.tasks.web.errors import NotReadable
from flask_api.tasks.web.feed.dates import MAX_DATE, parse_date
from flask_api.tasks.web.feed.json_feed import MEDIA_TYPE, is_json, read_json_feed, text_of
from flask_api.tasks.web.fetching.access import GuardedClient
from flask_api.tasks.web.fetching.urls import absolute_url
from flask_api.tasks.web.items import FetchSeconds, Limits, WebUrl, fitting
from flask_api.tasks.web.pages import Document, HtmlPage, fetch_document

MAX_FEED_BYTES = 5_000_000
MAX_TITLE = 300
_FEEDS = (
    "application/rss+xml, application/atom+xml, application/feed+json, application/xml;q=0.9, "
    "text/xml;q=0.9, */*;q=0.1"
)
# Not application/json: many sites name their API so.
_KINDS = frozenset({"application/rss+xml", "application/atom+xml", MEDIA_TYPE})
_LOOKED_AT = 4096
_FIRST_ELEMENT = re.compile(r"<\w")


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEntry:
    """One entry: its title as plain text, its link, and when it was published, in UTC.
    None where the feed says nothing.

    ``published`` is the date as the feed writes it; ``published_at`` is None where that says no
    moment for sure, and ``assumed_zone`` says which zone it was read in, where it names none.
    """

    title: str | None
    link: str | None
    published_at: datetime | None
    published: str | None = None
    assumed_zone: Literal["UTC"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A feed and its first entries. ``total`` counts those beyond the limit too;
    ``url`` is after redirects.

    ``found_on`` is the page that named the feed, None when the feed itself was asked for.
    """

    url: str
    found_on: str | None = None
    title: str | None
    format: str
    total: int
    entries: list[FeedEntry]


# On a process, with a time limit: what a feed made to harm does to the parser ends with the child.
@task("web.feed_titles", executor="processes", timeout_s=90)
def read_feed(
    url: WebUrl,
    limit: Annotated[
        int, Field(ge=1, le=1000, description="entries listed at most; all are counted")
    ] = 50,
    timeout_s: FetchSeconds = 10.0,
    *,
    job: JobContext,
) -> Feed:
    """List the titles, links and dates of an RSS, Atom or JSON feed,
    or of the one that a page names.

    A page that isn't a feed and names one (``link rel=alternate``) is followed once. A date is what
    the feed says, or null. The feed may come packed by gzip and have 5 MB when unpacked. One that
    declares XML entities is refused before it is parsed, and so is what isn't a feed;
    a status other than 2xx fails the job.
    """
    with GuardedClient.of(job.settings) as client:
        limits = Limits(timeout_s=timeout_s, max_bytes=MAX_FEED_BYTES)
        document = fetch_document(client, url, limits=limits, accept=_FEEDS)
        try:
            feed = parse_feed(document, limit=limit)
        except NotReadable:
            named = feed_named_by(document)
            if named is None:
                raise
            found = fetch_document(client, named, limits=limits, accept=_FEEDS)
            feed = replace(parse_feed(found, limit=limit), found_on=document.url)
    return replace(feed, entries=fitting(feed.entries, job))


def parse_feed(document: Document, *, limit: int) -> Feed:
    """Read a feed that was fetched; needs no network. Raises NotReadable."""
    if is_json(document.text, document.content_type):
        return _parse_json(document, limit=limit)
    _refuse_entities(document.text)
    # A stream, never the bytes: feedparser would take those for the name of a file of this machine,
    # and open it.
    stream = io.BytesIO(document.text.encode())
    parsed = feedparser.parse(
        stream,
        sanitize_html=False,  # only plain text leaves here
        resolve_relative_uris=False,
        response_headers={
            "content-type": "application/xml; charset=utf-8",
            "content-location": document.url,
        },
    )
    if not parsed.get("version"):
        raise NotReadable("The document is no RSS, Atom or JSON feed, and names none.")
    entries = [_entry(entry, document.url) for entry in parsed.entries[:limit]]
    title = _title(parsed.feed)
    return Feed(
        url=document.url,
        title=title,
        format=parsed.version,
        total=len(parsed.entries),
        entries=entries,
    )


def feed_named_by(document: Document) -> str | None:
    """Return the URL of the first feed that an HTML page names,
    None for what isn't a page or names none. Not for a feed itself."""
    head = document.text[:_LOOKED_AT].lower()
    if "<html" not in head and "<!doctype html" not in head and "<link" not in head:
        return None
    try:
        page = HtmlPage(document)
    except NotReadable:
        return None
    for link in page.elements("link[rel][type][href]"):
        kind, relations = (
            link.attributes["type"].partition(";")[0].strip().lower(),
            link.attributes["rel"].lower().split(),
        )
        if (
            "alternate" in relations
            and kind in _KINDS
            and (url := page.url(link.attributes["href"]))
        ):
            return url
    return None


def _parse_json(document: Document, *, limit: int) -> Feed:
    version, feed = read_json_feed(document.text)
    entries = [
        _entry_of(
            title=_plain(text_of(item, "title")),
            link=text_of(item, "url", "external_url"),
            date=text_of(item, "date_published", "date_modified"),
            base=document.url,
        )
        for item in feed["items"][:limit]
    ]
    title = _plain(text_of(feed, "title"))
    return Feed(
        url=document.url, title=title, format=version, total=len(feed["items"]), entries=entries
    )


def _entry_of(*, title: str | None, link: str, date: str, base: str) -> FeedEntry:
    found = parse_date(date)
    return FeedEntry(
        title=title,
        link=absolute_url(base, link) if link else None,
        published_at=found.at if found else None,
        published=" ".join(date.split())[:MAX_DATE] or None,
        assumed_zone="UTC" if found and not found.has_zone else None,
    )


def _refuse_entities(text: str) -> None:
    """No feed needs entities of its own, and a few lines of them unpack to gigabytes (the billion
    laughs)."""
    first = _FIRST_ELEMENT.search(text)
    if "<!ENTITY" in text[: first.start() if first else None].upper():
        raise NotReadable("The feed declares XML entities.")


def _entry(entry: dict[str, Any], base: str) -> FeedEntry:
    # The dict's own word: feedparser's gives one date for the other, with a warning. And the text,
    # not what it reads:
    # it finds a date in nearly everything.
    date = str(dict.get(entry, "published") or dict.get(entry, "updated") or "")
    return _entry_of(title=_title(entry), link=str(entry.get("link") or ""), date=date, base=base)


def _title(said: Mapping[str, Any]) -> str | None:
    """Return a title as plain text: many feeds have HTML in it."""
    title = str(said.get("title") or "")
    if "html" in (said.get("title_detail") or {}).get("type", "") and (
        "<" in title or "&" in title
    ):
        title = LexborHTMLParser(title).text() if title else ""
    return _plain(title)


def _plain(text: str) -> str | None:
    return " ".join(text.split())[:MAX_TITLE] or None
