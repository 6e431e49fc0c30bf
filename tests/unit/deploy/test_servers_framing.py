"""The one reading of first lines and headers: what is read in two ways somewhere is refused."""

import pytest

from deploy.servers.framing import (
    Head,
    HeadError,
    HeadReader,
    is_plain_head,
    is_plain_target,
    read_field,
    repeated_field,
)


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (b"Host: x\r\n", (b"Host", b"x")),
        (b"Host:x \t\r\n", (b"Host", b"x")),
        (b"Empty:\r\n", (b"Empty", b"")),
        (b"Colons: a:b: c\r\n", (b"Colons", b"a:b: c")),
        (b"Latin: \xe4\r\n", (b"Latin", b"\xe4")),
    ],
)
def test_header_line_is_split_at_its_first_colon(line: bytes, field: tuple[bytes, bytes]) -> None:
    """Blanks around the value are no part of it."""
    assert read_field(line) == field


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"Host: x",
        b"Host: x\n",
        b"Host : x\r\n",
        b" folded\r\n",
        b"no colon\r\n",
        b": x\r\n",
        b"A: b\rC: d\r\n",
        b"A: \0\r\n",
    ],
)
def test_header_line_of_another_form_is_refused(line: bytes) -> None:
    """Cut off, folded, with a blank before the colon,
    with a control character that some servers take for an end."""
    with pytest.raises(ValueError, match="malformed"):
        read_field(line)


def test_only_fields_that_may_come_once_are_refused_twice() -> None:
    """In any case of letters; lists may be sent in parts."""
    assert repeated_field(["Accept", "ACCEPT", "Cookie"]) is None
    assert repeated_field(["Cookie", "Accept", "COOKIE"]) == "cookie"


@pytest.mark.parametrize(
    ("target", "is_plain"),
    [
        *[(target, True) for target in ("/", "/api/me?next=//x%2fy", "/a//b")],
        *[(target, False) for target in ("", "*", "//x/y", "http://x/y", "/a%2Fb", "/a#b", "a")],
    ],
)
def test_target_is_plain_when_every_server_reads_one_path(target: str, is_plain: bool) -> None:
    """An encoded slash, another host's name and a fragment are read differently;
    what follows the question mark is data."""
    assert is_plain_target(target) == is_plain


def read(sent: bytes, *, piece: int = 7) -> tuple[Head, bytes]:
    """Return the head that came in pieces of that size, and what followed it."""
    reader = HeadReader()
    for begin in range(0, len(sent), piece):
        if head := reader.feed(sent[begin : begin + piece]):
            return head, reader.rest + sent[begin + piece :]
    raise AssertionError("the head has no end")


def head_with(*fields: bytes, first: bytes = b"GET / HTTP/1.1") -> bytes:
    """Return a head with a host and these fields."""
    return b"\r\n".join([first, b"Host: x", *fields, b"", b""])


@pytest.mark.parametrize("piece", [1, 2, 7, 1000])
def test_head_is_the_same_in_pieces_of_any_size(piece: int) -> None:
    """One empty line before it is forgiven, and what follows it is left for who reads the body."""
    head, rest = read(
        b"\r\n" + head_with(b"X-List: a", b"x-list:b", b"X_List: evil") + b"body", piece=piece
    )
    assert (head.method, head.target, head.is_http_1_1, rest) == ("GET", "/", True, b"body")
    assert head.joined() == {b"Host": b"x", b"X-List": b"a,b"}
    assert read(head.wire)[0] == head


MALFORMED_LINES = [
    *[
        b"get / HTTP/1.1",
        b"GET  / HTTP/1.1",
        b"GET / HTTP/1.1 ",
        b"GET /",
        b"",
        b"GET / HTTP/11",
        b"GE / HTTP/1.1",
    ],
    *[
        b"GET %s HTTP/1.1" % target
        for target in (b"s://]ufd/:", b"*", b"http:///", b"/\xe4", b"//x/", b"http://x//y")
    ],
]
MALFORMED_LENGTHS = [b"", b"+3", b"-1", b"0_3", b"3,3", b"9" * 19, b"\xb2"]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (head_with(first=b"GET /" + b"a" * 9000 + b" HTTP/1.1"), 414),
        (b"GET /" + b"a" * 9000, 414),
        (head_with(b"X: " + b"a" * 8200), 431),
        (head_with(b"X: " + b" " * 8200 + b"b"), 431),
        (head_with() [:-2] + b"X: " + b"a" * 9000, 431),
        (head_with(*[b"X%d: %s" % (i, b"a" * 4000) for i in range(9)]), 431),
        (head_with(*[b"X: a"] * 100), 431),
        *[(head_with(first=first), 400) for first in MALFORMED_LINES],
        *[(head_with(first=b"GET / HTTP/%s" % version), 505) for version in (b"0.9", b"1.2", b"2.0")],
        (head_with(first=b"GET http://y/ HTTP/1.1"), 400),
        (head_with(first=b"CONNECT / HTTP/1.1"), 501),
        (head_with(b"Expect: tea"), 417),
        (head_with(b"Expect: tea", b"Expect: 100-continue"), 417),
        (head_with(b'Cookie: a="%s"' % (b"\\" * 33)), 400),
        (head_with(b"Content-Length: 3", b"Transfer-Encoding: chunked"), 400),
        *[(head_with(field, field.lower()), 400) for field in (b"Cookie: a=b", b"Authorization: "
                                                                               b"a", b"Content-Length: "
                                                                                     b"3")],
        *[(head_with(b"Content-Length: %s" % length), 400) for length in MALFORMED_LENGTHS],
        (b"GET / HTTP/1.1\nHost: x\n\n", 400),
        (b"\r\n\r\n" + head_with(), 400),
    ],
)  # fmt: skip
def test_head_of_another_form_is_refused_while_it_comes(sent: bytes, status: int) -> None:
    """Too long, too many, or to be read in two ways."""
    with pytest.raises(HeadError) as caught:
        read(sent)
    assert caught.value.status == status


@pytest.mark.parametrize(
    "fields", [(), (b"Connection: keep-alive",), (b"Connection: Upgrade, closed", b"Upgrade: h2c")]
)
def test_connection_of_http_1_1_goes_on_unless_it_says_close(fields: tuple[bytes, ...]) -> None:
    """One reading for every server: they compare the field's text each in its own way."""
    assert b"Connection" not in read(head_with(*fields))[0].joined()


@pytest.mark.parametrize(
    "fields",
    [
        (b"Connection: Close",),
        (b"Connection: x,\tclose ,y",),
        (b"connection: keep-alive", b"Connection: CLOSE"),
    ],
)
def test_close_counts_in_any_case_and_place(fields: tuple[bytes, ...]) -> None:
    """RFC 9112, 9.3; and HTTP/1.0 ends with its answer, whatever it says."""
    assert read(head_with(*fields))[0].joined()[b"Connection"] == b"close"
    old = head_with(*fields, b"Connection: keep-alive", first=b"GET / HTTP/1.0")
    assert b"Connection" not in read(old)[0].joined()


def test_client_of_http_1_0_expects_no_answer_before_its_own() -> None:
    """RFC 9110, 10.1.1: it would take the interim one for it."""
    expects = (b"Expect", b"100-continue")
    line = b": ".join(expects)
    assert expects in read(head_with(line))[0].fields
    assert expects not in read(head_with(line, first=b"GET / HTTP/1.0"))[0].fields


def test_head_at_each_limit_is_read() -> None:
    """8 kB in a field, 100 fields."""
    assert len(read(head_with(b"X: " + b"a" * (8192 - 5)))[0].fields) == 2
    assert len(read(head_with(*[b"X: a"] * 99))[0].fields) == 100


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"http://x/a?b", "/a?b"),
        (b"HTTPS://X?b", "/?b"),
        (b"http://x", "/"),
        (b"http://x/?a=http://y", "/?a=http://y"),
    ],
)
def test_target_in_absolute_form_is_a_path_of_its_host(target: bytes, path: str) -> None:
    """RFC 9112, 3.2.2; without a Host field the target's host is it."""
    assert read(head_with(first=b"GET %s HTTP/1.1" % target))[0].target == path
    assert (b"Host", b"x") in read(b"GET http://x/ HTTP/1.0\r\n\r\n")[0].fields


@pytest.mark.parametrize(
    ("host", "coding", "is_http_1_1", "is_plain"),
    [
        ("x", None, True, True),
        ("x", "chunked", True, True),
        ("x", "Chunked", True, True),
        (None, None, False, True),
        (None, None, True, False),
        ("x", "chunked", False, False),
        ("x", "\x0bchunked", True, False),
        ("x", "chunked,chunked", True, False),
        ("x", "gzip, chunked", True, False),
        ("x", "", True, False),
    ],
)
def test_head_says_one_host_and_one_end(
    *, host: str | None, coding: str | None, is_http_1_1: bool, is_plain: bool
) -> None:
    """Anything but "chunked" is read in several ways, and so are chunks in HTTP/1.0,
    which has none."""
    assert is_plain_head(host=host, coding=coding, is_http_1_1=is_http_1_1) is is_plain
