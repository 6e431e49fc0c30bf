"""Feeds as text: titles, links and dates of good ones;
what is refused, and that nothing of this machine is read."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flask_api.tasks.web.errors import NotReadable
from flask_api.tasks.web.feeds import Feed, FeedEntry, feed_named_by, parse_feed
from flask_api.tasks.web.pages import Document

RSS = """<?xml version="1.0" encoding="punycode"?>
<rss version="2.0"><channel><title>Ada &amp;amp; &lt;b&gt;Friends&lt;/b&gt;</title>
<item><title>1 &lt; 2</title><link>../first</link><pubDate>Mon, 02 Jan 2006 15:04:05 +0100</pubDate></item>
<item><title> Two
 lines </title><link>javascript:alert(1)</link><pubDate>Mon, 31 Feb 2006 25:61:61</pubDate></item>
<item/></channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title type="text">1 &lt; 2 &amp;amp;</title>
<entry><title type="html">a &lt;i>b&lt;/i></title><link href="/x?a=1&amp;b=2"/>
<updated>2026-01-02T03:04:05+02:00</updated></entry>
<entry><title type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">c <b>d</b></div></title>
<published>2026-01-02T00:00:00Z</published><updated>2027-01-01T00:00:00Z</updated></entry></feed>"""
RDF = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">
<channel><title>old</title></channel><item><title>one</title><link>http://b.test/1</link></item></rdf:RDF>"""


def parse(text: str, *, limit: int = 50) -> Feed:
    """Read a text as a feed of a.test."""
    return parse_feed(
        Document(url="http://a.test/news/feed.xml", text=text, content_type=""), limit=limit
    )


def test_rss_gives_titles_links_and_dates() -> None:
    """HTML in titles becomes text, links absolute, dates UTC; what can't be is None."""
    feed = parse(RSS)
    assert (feed.title, feed.format, feed.total) == ("Ada & Friends", "rss20", 3)
    at = datetime(2006, 1, 2, 14, 4, 5, tzinfo=UTC)
    assert feed.entries[0] == FeedEntry(
        title="1 < 2",
        link="http://a.test/first",
        published_at=at,
        published="Mon, 02 Jan 2006 15:04:05 +0100",
    )
    assert (feed.entries[1].title, feed.entries[1].link) == ("Two lines", None)
    assert feed.entries[2] == FeedEntry(title=None, link=None, published_at=None)


def test_atom_gives_titles_links_and_dates() -> None:
    """Its three kinds of titles; the first date of an entry counts."""
    feed = parse(ATOM)
    assert (feed.title, feed.format) == ("1 < 2 &amp;", "atom10")
    assert [(entry.title, entry.link, entry.published_at) for entry in feed.entries] == [
        ("a b", "http://a.test/x?a=1&b=2", datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC)),
        ("c d", None, datetime(2026, 1, 2, tzinfo=UTC)),
    ]


def test_oldest_rss_is_read_and_limit_kept() -> None:
    """RSS 1.0; all entries are counted, the first listed."""
    assert [entry.title for entry in parse(RDF).entries] == ["one"]
    feed = parse(RSS, limit=1)
    assert (len(feed.entries), feed.total) == (1, 3)


@pytest.mark.parametrize(
    "text", ["", " ", "{}", "<html><body>404", "<?xml version='1.0'?><a/>", "\0\0", "rss", "<rss"]
)
def test_document_that_is_no_feed_is_refused(text: str) -> None:
    """Pages, JSON and nothing."""
    with pytest.raises(NotReadable):
        parse(text)


def test_text_that_names_a_file_does_not_open_it(tmp_path: Path) -> None:
    """The parser would take bytes for a file name, and a URL for one to fetch."""
    secret = tmp_path / "secret.xml"
    secret.write_text(RSS)
    for text in (str(secret), f"file://{secret}", "http://127.0.0.1:9/"):
        with pytest.raises(NotReadable):
            parse(text)


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
BOMBS = [
    f'<!DOCTYPE rss [<!ENTITY l0 "ha">{LAUGHS}]><rss '
    'version="2.0"><channel><title>&l11;</title></channel></rss>',
    f'<!DOCTYPE r [<!ENTITY a "{"x" * 100_000}">]><rss '
    f'version="2.0"><channel><title>{"&a;" * 50_000}</title></channel></rss>',
    '<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]><rss '
    'version="2.0"><channel><title>&a;</title></channel></rss>',
    '<!DOCTYPE r [<!entity % a SYSTEM "http://127.0.0.1:9/x">%a;]><rss '
    'version="2.0"><channel/></rss>',
]


@pytest.mark.parametrize("bomb", BOMBS)
def test_entity_bomb_is_refused_at_once(bomb: str) -> None:
    """Before anything is parsed: entities that multiply, long ones, files and URLs."""
    began = time.process_time()
    with pytest.raises(NotReadable, match="entities"):
        parse(bomb)
    assert time.process_time() - began < 0.5


def test_entities_written_about_are_no_bomb() -> None:
    """A feed may have an article on them."""
    feed = parse(
        "<rss "
        f"version='2.0'><channel><item><title><![CDATA[{BOMBS[0]}]]></title></item></channel></rss>"
    )
    assert feed.total == 1


JSON_FEED = {
    "version": "https://jsonfeed.org/version/1.1",
    "title": " Ada &amp; \n Friends",
    "items": [
        {
            "id": "1",
            "title": "1 < 2",
            "url": "/first",
            "date_published": "2026-01-02T03:04:05+02:00",
        },
        {"id": "2", "external_url": "http://b.test/2", "date_modified": "2016-W26-3", "title": 7},
        {"id": "3"},
    ],
}


@pytest.mark.parametrize(
    ("content_type", "start"),
    [("application/feed+json", ""), ("application/json; charset=utf-8", "\n"), ("", "\ufeff")],
)
def test_json_feed_is_read(content_type: str, start: str) -> None:
    """By its type, or by its first character; its titles are plain text already."""
    document = Document(
        url="http://a.test/feed.json", text=start + json.dumps(JSON_FEED), content_type=content_type
    )
    feed = parse_feed(document, limit=2)
    assert (feed.title, feed.format, feed.total) == ("Ada &amp; Friends", "json11", 3)
    at = datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC)
    first = ("1 < 2", "http://a.test/first", at, "2026-01-02T03:04:05+02:00")
    assert [
        (each.title, each.link, each.published_at, each.published) for each in feed.entries
    ] == [
        first,
        (None, "http://b.test/2", None, "2016-W26-3"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        '{"version": "https://jsonfeed.org/version/1.1"}',
        '{"version": "https://jsonfeed.org/version/1.1", "items": [1]}',
        '{"version": "https://jsonfeed.org/version/1.1", "items": [], "items": []}',
        '{"version": "https://example.org/version/1.1", "items": []}',
        "{" * 100_000,
        '{"a": ' * 100_000,
    ],
)
def test_json_that_is_no_feed_is_refused(text: str) -> None:
    """No version of the format, no items, a member twice, nested without end."""
    with pytest.raises(NotReadable, match="JSON"):
        parse(text)


@pytest.mark.parametrize(
    ("page", "named"),
    [
        ("<html><link rel=alternate type=application/rss+xml href=/f>", "http://a.test/f"),
        (
            "<html><LINK REL='nofollow ALTERNATE' TYPE='application/atom+xml; x=1' HREF=f>",
            "http://a.test/news/f",
        ),
        (
            "<!doctype html><base href=//b.test/><link rel=alternate type=application/feed+json "
            "href=f>",
            "http://b.test/f",
        ),
        ("<html><link rel=alternate type=application/json href=/wp-json>", None),
        ("<html><link rel=stylesheet type=application/rss+xml href=/f>", None),
        ("<html><link rel=alternate type=application/rss+xml href=javascript:x>", None),
        ("<html>", None),
        (RSS, None),
    ],
)
def test_feed_that_a_page_names_is_found(page: str, named: str | None) -> None:
    """The first; a feed itself names none."""
    assert feed_named_by(Document(url="http://a.test/news/", text=page, content_type="")) == named
