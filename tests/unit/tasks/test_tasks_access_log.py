"""Access log lines: read, changed in what is new, otherwise left byte for byte."""

import time
from datetime import UTC, datetime
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_api.tasks.access_log.files import MAX_LINE
from flask_api.tasks.access_log.lines import Request, parse_line, with_retry

COMMON = b'192.0.2.7 - ada [20/Nov/2026:12:13:36 +0000] "GET /search?q=x HTTP/1.1" 503 162'
COMBINED = COMMON + b' "https://example.org/" "curl/8.5 \\"quoted\\""'
LINES = [
    COMMON,
    COMBINED,
    COMBINED + b" 0.003 upstream=10.0.0.1",
    COMMON.replace(b"503 162", b"200 -"),
    b'::1 - - [20/Nov/2026:12:13:36 +0100] "-" 408 0',
    b'example.org:443 192.0.2.7 - - [x] "\\x16\\x03\\x01" 400 150 "-" "-"',
    b'192.0.2.7 - ada lovelace [x] "GET / HTTP/2.0" 500 1 "\xff" "\xc3\xa9"',
    COMMON.replace(b"503 162", b"000 0"),
    COMMON.replace(b"503 162", b"- -"),
    COMMON.replace(b"503 162", b"999 0\tx"),
]


@pytest.mark.parametrize("line", LINES)
def test_line_is_written_as_it_was_read(line: bytes) -> None:
    """Nothing is lost: fields behind the combined format, bytes that are no text,
    users with blanks."""
    parsed = parse_line(line)
    assert parsed is not None
    assert parsed.to_bytes() == line


@pytest.mark.parametrize(
    "line",
    [
        *(
            b"",
            b" ",
            b"\xff\xfe",
            b"hello",
            COMMON.replace(b'"', b"'"),
            COMMON.replace(b"503", b"1503"),
            COMMON[:-8],
        ),
        *(
            COMMON + b"\0",
            COMMON.replace(b"[", b""),
            COMMON.replace(b"503 162", b"503 1e9"),
            b"{" + COMMON,
            COMMON + b"x",
        ),
    ],
)
def test_line_of_no_known_format_is_none(line: bytes) -> None:
    """Broken ones are told apart, not guessed at."""
    parsed = parse_line(line)
    assert parsed is None or line.startswith(b"{")  # any word may stand for the host


@given(st.binary(max_size=300))
def test_any_bytes_are_a_line_or_none(line: bytes) -> None:
    """Nothing raises, and what is read is written back."""
    parsed = parse_line(b'h - - [t] "' + line + b'" 500 1')
    assert parsed is None or parsed.to_bytes() == b'h - - [t] "' + line + b'" 500 1'


@pytest.mark.parametrize(
    "user",
    [
        b'""',
        b'"the boss"',
        b'a "b" c',
        b"a[1]",
        b"[a] b",
        b'[a] "b',
        b'a] "b',
        b'[a] "GET / HTTP/1.1" 200 x',
        b"[",
        b"]",
        b'"',
    ],
)
def test_any_user_leaves_the_request_what_it_is(user: bytes) -> None:
    """Empty ones, quotes and brackets: the 503 is found,
    and none of the user's own words is taken for a request."""
    parsed = parse_line(COMBINED.replace(b" ada ", b" " + user + b" "))
    assert parsed is not None
    assert (parsed.who, parsed.status) == (b"192.0.2.7 - " + user + b" ", 503)
    assert parsed.asked == Request("GET", "/search?q=x", b" HTTP/1.1")


@pytest.mark.parametrize(
    "request_line",
    [b"get /x HTTP/1.1", b"GET /x HTTP/", b"GET /x ", b"GET  /x", b"GET /a b HTTP/1.1"],
)
def test_request_that_is_written_oddly_is_not_made_another(request_line: bytes) -> None:
    """Methods have a case (RFC 9110, 9.1); a blank is never guessed to be part of a path."""
    parsed = parse_line(b'h - - [t] "' + request_line + b'" 500 1')
    assert parsed is not None
    assert parsed.asked is None or parsed.asked.method == "get"


WORDS = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=12)


@given(
    user=WORDS.map(lambda word: word.replace('"', "'")),
    path=st.binary(max_size=30),
    status=st.one_of(st.integers(0, 999), st.none()),
    size=st.one_of(st.integers(0, 10**19 - 1), st.none()),
    rest=WORDS,
)
def test_line_made_of_parts_gives_the_parts(
    user: str, path: bytes, status: int | None, size: int | None, rest: str
) -> None:
    """Written as Apache writes it and read: the path is the client's byte for byte,
    and so is the line written back."""
    who = f"192.0.2.7 - {user or '-'} ".encode("latin-1")
    numbers = b"%b %b" % (
        b"-" if status is None else b"%03d" % status,
        b"-" if size is None else b"%d" % size,
    )
    line = b'%b[20/Nov/2026:12:13:36 +0000] "GET /%b HTTP/1.1" %b %b' % (
        who,
        logged(path),
        numbers,
        rest.encode("latin-1"),
    )
    parsed = parse_line(line)
    assert parsed is not None
    assert parsed.to_bytes() == line
    assert (parsed.who, parsed.status, parsed.raw_status + b" " + parsed.size) == (
        who,
        status or 0,
        numbers,
    )
    assert parsed.asked is not None
    assert unquote_to_bytes(parsed.asked.target) == b"/" + unquote_to_bytes(path)


def logged(sent: bytes) -> bytes:
    """Escape bytes as Apache does for its log. Source: ap_escape_logitem in its server/util.c."""
    letters = {8: b"\\b", 9: b"\\t", 10: b"\\n", 11: b"\\v", 13: b"\\r", 34: b'\\"', 92: b"\\\\"}
    return b"".join(
        letters.get(byte) or (b"%c" % byte if 32 < byte < 127 else b"\\x%02x" % byte)
        for byte in sent
    )


@pytest.mark.parametrize(
    "junk", [b'\\"', b"\\", b'"', b" ", b"[", b"a ", b'" 500 1 "', b'] "', b'[x] "']
)
def test_long_junk_is_read_in_linear_time(junk: bytes) -> None:
    """No line makes the expressions search for ever."""
    began = time.process_time()
    for start in (
        b"",
        b"h ",
        b"h - - [",
        b'h - - [t] "',
        b'h - - [t] "GET ',
        b'h - - [t] "GET /" 500 1 "',
    ):
        parse_line(start + junk * (MAX_LINE // len(junk)))
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("logged", "target"),
    [
        (b"/a/b;c?x=1&y=%2F&z=a+b&q[]=%C3%A9", "/a/b;c?x=1&y=%2F&z=a+b&q[]=%C3%A9"),
        (b'/say\\"hi\\"?q=\\x3Cb\\x3E\\\\', "/say%22hi%22?q=%3Cb%3E%5C"),
        (b"/\xc3\xa9\xff#x", "/%C3%A9%FF%23x"),
        (b"//evil.test/x", "//evil.test/x"),
        (b"/a\\tb\\n\\r\\v\\f\\b\\x0c\\u000B", "/a%09b%0A%0D%0B%0C%08%0C%0B"),
        (b"/\\q\\x4\\u1234\\", "/%5Cq%5Cx4%5Cu1234%5C"),
        (b"/a/../b/./c?x=/../", "/a/../b/./c?x=/../"),
    ],
)
def test_target_is_as_a_url_has_it(logged: bytes, target: str) -> None:
    """The log's escapes are undone; what a URL can't hold is percent-encoded; the rest stays."""
    line = parse_line(b'h - - [t] "GET ' + logged + b' HTTP/1.1" 500 1')
    assert line is not None
    assert line.asked == Request("GET", target, b" HTTP/1.1")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/x", "/x?retry=true"),
        ("/x?", "/x?retry=true"),
        ("/x?a=1&b=%26&a=2", "/x?a=1&b=%26&a=2&retry=true"),
        ("/x?retry=false", "/x?retry=false&retry=true"),
        ("/x?retry=true&a=1", "/x?retry=true&a=1"),
        ("/x?a=?", "/x?a=?&retry=true"),
    ],
)
def test_retry_is_added_to_the_query_once(target: str, expected: str) -> None:
    """The rest stays as it is; a log of repeated requests is not marked again."""
    assert with_retry(Request("GET", target, b"")).target == expected


def test_repeated_line_has_the_new_answer_and_keeps_the_rest() -> None:
    """Time, target, status and size are new."""
    line = parse_line(COMBINED)
    assert line is not None
    assert line.asked is not None
    again = line.repeated(
        with_retry(line.asked), at=datetime(2026, 12, 1, 8, 9, 10, tzinfo=UTC), status=200, size=7
    )
    assert again.to_bytes() == (
        b'192.0.2.7 - ada [01/Dec/2026:08:09:10 +0000] "GET /search?q=x&retry=true HTTP/1.1" 200 7'
        b' "https://example.org/" "curl/8.5 \\"quoted\\""'
    )
