"""The one reading of first lines and headers: what is read in two ways somewhere is refused."""

from io import BytesIO

import pytest

from deploy.cherrypy_server import StrictHeaderReader
from deploy.framing import is_plain_head, is_plain_target, read_field, repeated_field


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
    """Cut off, folded, with a blank before the colon, with a control character that some servers take for an end."""
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
    """An encoded slash, another host's name and a fragment are read differently; what follows the question mark is data."""
    assert is_plain_target(target) == is_plain


def test_cherrypy_reads_headers_as_gunicorn_does() -> None:
    """Parts of a list are joined in order; a name with an underscore is nobody's."""
    sent = BytesIO(b"x-list: a\r\nX_List: evil\r\nX-LIST: b\r\nHost: x\r\n\r\nbody")
    assert StrictHeaderReader()(sent) == {b"X-List": b"a,b", b"Host": b"x"}
    assert sent.read() == b"body"


@pytest.mark.parametrize("end", [b"", b"Host: x\r\n", b"Host: x\r\nHost: x\r\n\r\n"])
def test_cherrypy_refuses_headers_that_end_early_or_repeat(end: bytes) -> None:
    """What is raised is answered with 400."""
    with pytest.raises(ValueError, match="header"):
        StrictHeaderReader()(BytesIO(b"Accept: x\r\n" + end))


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
def test_head_says_one_host_and_one_end(*, host: str | None, coding: str | None, is_http_1_1: bool, is_plain: bool) -> None:
    """Anything but "chunked" is read in several ways, and so are chunks in HTTP/1.0, which has none."""
    assert is_plain_head(host=host, coding=coding, is_http_1_1=is_http_1_1) is is_plain
