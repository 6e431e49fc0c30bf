"""Which encoding a document is in, and which URLs of a page can be fetched."""

import codecs
import time
import tracemalloc
from typing import Any

import pytest

from flask_api.tasks.web.fetching.urls import absolute_url
from flask_api.tasks.web.images import images_of
from flask_api.tasks.web.items import first_of
from flask_api.tasks.web.labels import CODECS
from flask_api.tasks.web.links import Link, links_of
from flask_api.tasks.web.pages import Document, HtmlPage
from flask_api.tasks.web.text import decode

KOI8 = "<!-- charset=utf-8 <meta charset=utf-8> --><META content='x; CHARSET=koi8-r'>ж"
KOI8_META = "<a charset=utf-8><meta charset=odd><meta charset=koi8-r>ж"


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        ("é".encode(), "text/html; charset=utf-8", "é"),
        ("é".encode("latin-1"), "text/html; charset=ISO-8859-1", "é"),
        (b"\x80", "text/html; charset=latin1", "€"),  # as browsers read it
        ("ж".encode("koi8-r"), 'text/html; CHARSET = "koi8-r"', "ж"),
        ("é".encode(), "text/html", "é"),
        ("é".encode("latin-1"), "", "é"),
        ("<meta charset=shift_jis>あ".encode("shift_jis"), "", "<meta charset=shift_jis>あ"),
        (
            "<?xml version='1.0' encoding='windows-1251'?>ж".encode("cp1251"),
            "",
            "<?xml version='1.0' encoding='windows-1251'?>ж",
        ),
        (codecs.BOM_UTF8 + "é".encode(), "text/html; charset=latin1", "é"),
        (codecs.BOM_UTF16_LE + "é".encode("utf-16-le"), "", "é"),
        (b"caf\xe9", "text/html; charset=utf-8", "caf\ufffd"),
        (b"x", "text/html; charset=nonsense", "x"),
        ("镕€".encode("gb18030"), "text/html; charset=gb2312", "镕€"),
        ("①髙".encode("cp932"), "text/html; charset=Shift_JIS", "①髙"),
        ("①髙".encode("cp932"), "text/html; charset=x-sjis", "①髙"),
        ("①髙".encode("cp932"), "text/html; charset=windows-31j", "①髙"),
        ("똠".encode("cp949"), "text/html; charset=euc-kr", "똠"),
        ("㗎".encode("big5hkscs"), "text/html; charset=big5", "㗎"),
        ("é".encode("utf-16-le"), "text/html; charset=utf-16", "é"),
        ("<meta charset=utf-16>é".encode(), "", "<meta charset=utf-16>é"),
        (
            "<?xml version='1.0' encoding='UTF-16'?>é".encode(),
            "",
            "<?xml version='1.0' encoding='UTF-16'?>é",
        ),
        (b"<meta charset=x-user-defined>\x80", "", "<meta charset=x-user-defined>€"),
        (b"\x80\x81", "text/plain; charset=x-user-defined", "\uf780\uf781"),
        (b"a\x81b\xd2", "text/plain; charset=windows-1253", "a\x81b\ufffd"),
        (b"~{<script>", "text/html; charset=hz-gb-2312", "\ufffd"),
        (
            "<!-- charset=utf-8 <meta charset=utf-8> --><META content='x; CHARSET=koi8-r'>ж".encode(
                "koi8-r"
            ),
            "",
            KOI8,
        ),
        (
            "<a charset=utf-8><meta charset=odd><meta charset=koi8-r>ж".encode("koi8-r"),
            "",
            KOI8_META,
        ),
        (b"", "", ""),
    ],
)
def test_document_is_decoded_as_it_says(body: bytes, content_type: str, text: str) -> None:
    """Byte order mark, header, the document's own word, then a guess."""
    assert decode(body, content_type=content_type) == text


@pytest.mark.parametrize("label", sorted(CODECS))
def test_label_of_the_web_is_decoded(label: str) -> None:
    """Each has a decoder, in any case; none raises, whatever the bytes."""
    assert isinstance(
        decode(bytes(range(256)) * 3, content_type=f'text/html; charset="{label.upper()}"'), str
    )
    ascii_only = decode(b"a", content_type=f"text/html; charset={label}")
    assert ascii_only == (
        "\ufffd" if CODECS[label] in ("replacement", "utf-16-le", "utf-16-be") else "a"
    )


@pytest.mark.parametrize(
    "name",
    ["punycode", "idna", "hex", "rot13", "zlib", "undefined", "unicode_escape", "utf-7", "../x"],
)
def test_encoding_that_is_none_of_the_web_is_not_used(name: str) -> None:
    """Some of Python's decode in quadratic time, some raise, some are no text."""
    began = time.process_time()
    assert (
        decode(b"a-" + b"z9" * 1_000_000, content_type=f"text/html; charset={name}")[:4] == "a-z9"
    )
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    ("written", "url"),
    [
        *(
            ("x", "http://a.test/d/x"),
            ("/x", "http://a.test/x"),
            ("//b.test/x", "http://b.test/x"),
            ("?q", "http://a.test/d/?q"),
        ),
        *(
            (" \n/x\t", "http://a.test/x"),
            ("HTTPS://b.test", "HTTPS://b.test"),
            ("", "http://a.test/d/"),
            ("/a\nb", "http://a.test/ab"),
        ),
        *(
            ("javascript:x", None),
            ("mailto:a@b", None),
            ("data:,x", None),
            ("ftp://a/", None),
            ("http://[", None),
            ("/a b", "http://a.test/a%20b"),
            ("http://a b/", None),
            ("/a\u00a0b", None),
        ),
        *(("x" * 3000, None), ("java\nscript:x", None)),
        *(
            ("http:\\\\b.test\\c\\d?e\\f#\\", "http://b.test/c/d?e\\f#\\"),
            ("\\x", "http://a.test/x"),
            ("\\\\b.test\\x", "http://b.test/x"),
            ("..\\x", "http://a.test/x"),
            ("///b.test/x", "http://b.test/x"),
            ("http:////b.test/x", "http://b.test/x"),
            ("http:x", "http://a.test/d/x"),
            ("http:/x", "http://a.test/x"),
            ("https:b.test/x", "https://b.test/x"),
            ("?a=http:\\\\b", "http://a.test/d/?a=http:\\\\b"),
        ),
    ],
)
def test_url_of_a_page_is_made_absolute_or_none(written: str, url: str | None) -> None:
    """Only what can be fetched."""
    assert absolute_url("http://a.test/d/", written) == url


def page(text: str) -> HtmlPage:
    """Return a page of a.test."""
    return HtmlPage(Document(url="http://a.test/d/page.html", text=text, content_type="text/html"))


def test_links_have_absolute_urls_and_texts() -> None:
    """In the page's order, with repetitions; broken HTML too."""
    found = links_of(
        page(
            "<a href=one> One\n <b>bold</b></a><a href='/two?a=1&amp;b=2'></a><a>no</a><a "
            "href=mailto:x>m</a>"
            "<map><area href=3 alt=Map></map><a href=4><img alt=' To\nthe '><b><img "
            "alt=top></b><img></a>"
            "<a href=5>word<img alt=picture></a><a href=one>x"
        )
    )
    assert list(found) == [
        Link(url="http://a.test/d/one", text="One bold"),
        Link(url="http://a.test/two?a=1&b=2", text=""),
        Link(url="http://a.test/d/3", text="Map"),
        Link(url="http://a.test/d/4", text="To the top"),
        Link(url="http://a.test/d/5", text="word"),
        Link(url="http://a.test/d/one", text="x"),
    ]


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("/base/", "http://a.test/base/x"),
        ("https://b.test/", "https://b.test/x"),
        ("javascript:alert(1)//", "http://a.test/d/x"),
        ("http://[", "http://a.test/d/x"),
        ("", "http://a.test/d/x"),
    ],
)
def test_base_of_the_page_counts(base: str, url: str) -> None:
    """One that is no web address doesn't."""
    assert [
        link.url
        for link in links_of(
            page(f"<base target=_top><base href='{base}'><base href=/no/><a href=x>x")
        )
    ] == [url]


def test_images_are_all_that_the_page_names_once() -> None:
    """``src``, every candidate of ``srcset``, the sources of a picture; no data, no scripts."""
    found = images_of(
        page(
            "<img src=a.png srcset='a.png 1x, /b,c.png 2x ,d.png 100w'>"
            "<picture><source srcset='e.webp'><img src=f.png></picture>"
            "<img src='data:image/png;base64,AAAA'><img srcset='data:image/png;base64,AAAA 1x'>"
            "<video><source src=v.mp4></video>"
            "<img><img src=''><img src=javascript:x><img src='//b.test/g.gif'>"
            "<img src=a.png data-src=h.png data-srcset='i.png 1x, j.png,'>"
        )
    )
    assert list(found) == [
        "http://a.test/d/a.png",
        "http://a.test/b,c.png",
        "http://a.test/d/d.png",
        "http://a.test/d/e.webp",
        "http://a.test/d/f.png",
        "http://b.test/g.gif",
        "http://a.test/d/h.png",
        "http://a.test/d/i.png",
        "http://a.test/d/j.png",
    ]


@pytest.mark.parametrize("junk", [" ", ",", "a", "a,", "a ", ", ,", "a 1x,"])
def test_long_srcset_is_read_in_linear_time(junk: str) -> None:
    """No list of candidates makes the search go on for ever."""
    began = time.process_time()
    list(images_of(page(f"<img srcset='{junk * 100_000}'>")))
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("element", "urls_of"), [("<a href={}>", links_of), ("<img src={}>", images_of)]
)
def test_urls_beyond_the_limit_are_counted_and_not_kept(element: str, urls_of: Any) -> None:
    """A long base makes a long URL of each letter: 5 MB of page would be a gigabyte of them."""
    base = f"<base href='http://b.test/{'b' * 1900}/'>"
    many = page(base + "".join(map(element.format, range(20_000))))
    tracemalloc.start()
    try:
        found, total = first_of(urls_of(many), 10)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (len(found), total) == (10, 20_000)
    assert peak < 15_000_000
