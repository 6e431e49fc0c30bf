"""Whatever bytes strangers send, each of them costs the same:
every parser that they reach, with n and with 4n of its worst."""

import io
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.core.exceptions import SuspiciousOperation
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.http import QueryDict
from django.http.cookie import parse_cookie as parse_django_cookie
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from django.test import RequestFactory
from flask import Flask
from werkzeug.datastructures import Headers
from werkzeug.http import parse_cookie as parse_flask_cookie
from werkzeug.http import parse_etags, parse_range_header
from werkzeug.wrappers import Request

from deploy.servers.bodies import ChunkedBody
from deploy.servers.framing import FIELD_MAX, HeadError, HeadReader, read_field
from django_site.problem import wants_json
from flask_api.gate.errors import prefers_page
from flask_api.http.json_body import parse_json
from flask_api.http.upload_body import file_name
from flask_api.http.wait import read_wait
from flask_api.tasks.access_log.lines import parse_line
from flask_api.tasks.web.feeds import parse_feed
from flask_api.tasks.web.pages import Document
from flask_api.tasks.web.text import decode
from shared.contract.api_keys import is_key
from shared.contract.entries import is_session_key
from shared.errors import GatehouseError
from shared.http.client_address import client_address
from shared.http.cookies import find_cookie
from tests.security.bytes.growth import MOST, growth

# Header fields and the first line are capped before anything parses them;
# bodies and files are large.
IN_HEADER = FIELD_MAX // 4
IN_BODY = 100_000

Parse = Callable[[bytes], object]


def quietly(parse: Callable[..., object], *errors: type[Exception]) -> Parse:
    """Let what is malformed be refused: how long that takes is the question."""

    refused: tuple[type[Exception], ...] = (ValueError, GatehouseError, *errors)

    def parse_or_refuse(sent: bytes) -> None:
        with suppress(*refused):
            parse(sent)

    return parse_or_refuse


def head(sent: bytes) -> None:
    """Read a head at once, as far as it goes."""
    HeadReader().feed(sent)


def trickled_head(sent: bytes) -> None:
    """Read a head byte by byte."""
    reader = HeadReader()
    for at in range(len(sent)):
        reader.feed(sent[at : at + 1])


def text(parse: Callable[[str], object]) -> Parse:
    """Parse what a header said."""
    return lambda sent: parse(sent.decode("latin-1"))


def cookies(parse: Callable[[str], object]) -> Parse:
    """Parse what a Cookie field said, if the servers let it through."""

    def parse_cookies(sent: bytes) -> None:
        HeadReader().feed(FIRST + b"Host: x\r\nCookie: " + sent + b"\r\n\r\n")
        parse(sent.decode("latin-1"))

    return quietly(parse_cookies)


def chunked(sent: bytes) -> None:
    """Read a body in chunks."""
    io.BufferedReader(ChunkedBody(io.BytesIO(sent), largest=10_000_000)).read()


def multipart(sent: bytes) -> None:
    """Read a form as Django does."""
    request = RequestFactory().post("/", content_type="multipart/form-data; boundary=b")
    meta = {**request.META, "CONTENT_LENGTH": str(len(sent))}
    MultiPartParser(meta, io.BytesIO(sent), [MemoryFileUploadHandler(request)]).parse()


def accepted(sent: bytes) -> object:
    """Ask what a client accepts, as the gate does when it refuses."""
    return prefers_page(sent.decode("latin-1"))


def accepted_by_django(sent: bytes) -> object:
    """Ask what a client accepts, as the site does when it refuses."""
    return wants_json(RequestFactory().get("/", headers={"Accept": sent.decode("latin-1")}))


def waited(app: Flask) -> Parse:
    """Read how long a request wants to wait."""

    def wait(sent: bytes) -> None:
        with app.test_request_context(headers=Headers({"Prefer": sent.decode("latin-1")})):
            read_wait()

    return wait


def feed(sent: bytes) -> None:
    """Read a feed."""
    parse_feed(Document(url="http://x/", text=sent.decode(), content_type="text/xml"), limit=50)


def forwarded(value: str) -> str:
    """Find out who asked a trusted proxy."""
    return client_address(peer="192.0.2.1", forwarded_for=value, trusted_proxy=True)


def repeated(piece: bytes, *, before: bytes = b"", after: bytes = b"") -> Callable[[int], bytes]:
    """Return what makes so many bytes of one piece."""
    return lambda size: before + piece * (size // len(piece)) + after


REFUSED = (MultiPartParserError, SuspiciousOperation)
FIRST = b"GET / HTTP/1.1\r\n"
Case = tuple[Parse, int, Callable[[int], bytes]]
CASES: dict[str, Case] = {
    "head: blanks and a bare LF": (quietly(read_field), IN_HEADER, repeated(b" ", before=b"X:", after=b"\n")),
    "head: blanks between": (quietly(read_field), IN_HEADER, repeated(b" ", before=b"X: a", after=b"b\r\n")),
    "head: many fields": (quietly(head), 300, repeated(b"a:b\r\n", before=FIRST)),
    "head: first line": (quietly(head), 2000, repeated(b"/ ")),
    "head: byte by byte": (quietly(trickled_head, HeadError), 2000, repeated(b"a", before=FIRST)),
    "chunk: extension": (quietly(chunked), IN_BODY, repeated(b" ", before=b"3;", after=b"\n")),
    "chunk: blanks": (quietly(chunked), 2000, repeated(b"\t", before=b"3", after=b"x\r\n")),
    "chunk: many": (quietly(chunked), 10_000, repeated(b"1\r\na\r\n", after=b"0\r\n\r\n")),
    "cookie: ours": (quietly(text(lambda v: find_cookie(v, "sessionid"))), IN_HEADER, repeated(b"sessionid;= ")),
    "cookie: Django": (cookies(parse_django_cookie), IN_HEADER, repeated(b"\\073;", before=b'a="', after=b'"')),
    "cookie: Django, quoted": (cookies(parse_django_cookie), IN_HEADER, repeated(b'\\"', before=b'a="', after=b'"')),
    "cookie: Django, escapes": (cookies(parse_django_cookie), IN_HEADER, repeated(b"a" * 250 + b"\\", before=b'a="')),
    "cookie: Flask": (cookies(parse_flask_cookie), IN_HEADER, repeated(b"\\073", before=b'a="', after=b'"')),
    "cookie: Flask, many": (cookies(parse_flask_cookie), IN_HEADER, repeated(b'a="\\;')),
    "session key": (text(is_session_key), IN_HEADER, repeated(b"a")),
    "API key": (text(is_key), IN_HEADER, repeated(b"a", before=b"gh_")),
    "X-Forwarded-For": (text(forwarded), IN_HEADER, repeated(b"1.1.1.1,")),
    "X-Forwarded-For: colons": (text(forwarded), IN_HEADER, repeated(b":")),
    "Accept": (accepted, IN_HEADER, repeated(b"text/html;q=0.9,")),
    "Accept: blanks": (accepted, IN_HEADER, repeated(b" ", before=b"a/b;", after=b";q")),
    "Accept: blanks in a type": (accepted, IN_HEADER, repeated(b"\t", before=b"a", after=b"b")),
    "Accept: blanks in a type, Django": (accepted_by_django, IN_HEADER, repeated(b"\t", before=b"a", after=b"b")),
    "Accept: quotes": (accepted, IN_HEADER, repeated(b'\\"', before=b'a/b;c="')),
    "Accept: semicolons": (accepted, IN_HEADER, repeated(b";a=")),
    "Range": (text(parse_range_header), IN_HEADER, repeated(b"0-1,", before=b"bytes=")),
    "Range: blanks": (text(parse_range_header), IN_HEADER, repeated(b" ", before=b"bytes=", after=b"x")),
    "If-None-Match": (text(parse_etags), IN_HEADER, repeated(b'"a", ')),
    "If-None-Match: blanks": (text(parse_etags), IN_HEADER, repeated(b" ", before=b"a", after=b'"')),
    "If-None-Match: weak": (text(parse_etags), IN_HEADER, repeated(b"W/")),
    "query: Django": (quietly(text(QueryDict), SuspiciousOperation), 1500, repeated(b"a&")),
    "query: Flask": (text(lambda v: Request({"QUERY_STRING": v}).args), IN_HEADER, repeated(b"a=%zz&")),
    "file name": (quietly(text(file_name)), IN_HEADER, repeated(b"a\\/")),
    "form: headers without an end": (quietly(multipart, *REFUSED), IN_BODY, repeated(b"a", before=b"--b\r\nX: ")),
    "form: nearly a boundary": (
        *(quietly(multipart, *REFUSED), IN_BODY),
        repeated(b"\r\n--", before=b'--b\r\nContent-Disposition: form-data; name="a"; '
                                   b'filename="f"\r\n\r\n'),
    ),
    "form: many boundaries": (quietly(multipart, *REFUSED), IN_BODY, repeated(b"\r\n--b\r\n")),
    "form: parameters of a part": (
        *(quietly(multipart, *REFUSED), 10_000),
        repeated(b'\\";', before=b'--b\r\nContent-Disposition: form-data; name="', after=b'"\r\n\r\na\r\n--b--'),
    ),
    "JSON: brackets": (quietly(parse_json), 20_000, repeated(b"[")),
    "JSON: escapes": (quietly(parse_json), 20_000, repeated(b"\\u0061", before=b'["')),
    "access log: quotes": (parse_line, 10_000, repeated(b'] "\\"', before=b"a - - [")),
    "access log: brackets": (parse_line, IN_BODY, repeated(b" [", before=b"a")),
    "access log: backslashes": (parse_line, IN_BODY, repeated(b"\\", before=b'a - - [b] "', after=b'" 200 '
                                                                                                  b'1')),
    "feed: open elements": (quietly(feed), 1000, repeated(b"<a>", before=b"<rss><channel><title>")),
    "feed: many items": (quietly(feed), 2000, repeated(b"<item><title>a</title></item>", before=b"<rss><channel>")),
    "feed: dates": (
        *(quietly(feed), 8000),
        repeated(b"1 ", before=b"<rss><channel><item><pubDate>", after=b"</pubDate></item></channel></rss>"),
    ),
    "page: charset": (lambda sent: decode(sent, content_type="text/html"), IN_BODY, repeated(b" ", before=b"charset=")),
    "page: content type": (lambda v: decode(b"", content_type=v.decode()), IN_HEADER, repeated(b" ", before=b"charset=")),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_four_times_the_bytes_take_at_most_six_times_as_long(case: Case) -> None:
    """Quadratic would be sixteen times."""
    parse, small, make = case
    sent = {size: make(size) for size in (small, 4 * small)}
    assert growth(lambda: lambda size: parse(sent[size]), small) <= MOST


def test_quadratic_parser_is_found() -> None:
    """The judge of the above."""
    assert growth(lambda: lambda size: [None for at in range(size) for _ in range(at)], 200) > MOST


def test_preferences_are_read_in_linear_time(api: Any) -> None:
    """Prefer, as long as a header field may be."""
    sent = {size: b", wait = " * (size // 9) for size in (IN_HEADER, 4 * IN_HEADER)}
    parse = waited(api)
    assert growth(lambda: lambda size: parse(sent[size]), IN_HEADER) <= MOST
