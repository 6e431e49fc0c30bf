"""Request bodies on CherryPy's server: read in pieces, never past their end, never for ever."""

import io
from collections.abc import Callable

import pytest

from deploy.servers.bodies import (
    PATIENCE_S,
    SLOWEST_BYTES_S,
    ChunkedBody,
    KnownLengthBody,
    RequestBody,
)
from deploy.servers.body_limits import body_limit
from shared.settings import ServerSettings

NEXT = b"GET /next HTTP/1.1\r\n"


def known(sent: bytes, length: int) -> tuple[RequestBody, io.BytesIO]:
    """Return a body with a length, and the connection that it comes over."""
    source = io.BytesIO(sent)
    return KnownLengthBody(source, length), source


def chunked(sent: bytes, largest: int = 1000) -> tuple[RequestBody, io.BytesIO]:
    """Return a body in chunks, and the connection that it comes over."""
    source = io.BytesIO(sent)
    return ChunkedBody(source, largest=largest), source


WHOLE: dict[str, Callable[[], tuple[RequestBody, io.BytesIO]]] = {
    "length": lambda: known(b"abcdef" + NEXT, 6),
    "no length": lambda: known(NEXT, 0),
    "chunks": lambda: chunked(b"3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n" + NEXT),
    "no chunks": lambda: chunked(b"0\r\n\r\n" + NEXT),
    "extensions and trailers": lambda: chunked(b"6 ;a=b\r\nabcdef\r\n000\r\nX: y\r\n\r\n" + NEXT),
    "capitals": lambda: chunked(b"A\r\nabcdefghij\r\n0\r\n\r\n" + NEXT),
    "the limit": lambda: chunked(b"6\r\nabcdef\r\n0\r\n\r\n" + NEXT, largest=6),
}


@pytest.mark.parametrize("make", WHOLE.values(), ids=WHOLE.keys())
@pytest.mark.parametrize("size", [1, 4, 1000])
def test_body_is_read_to_its_end_and_no_further(
    make: Callable[[], tuple[RequestBody, io.BytesIO]], size: int
) -> None:
    """In pieces of any size; what follows is still there."""
    body, source = make()
    buffered = io.BufferedReader(body)
    content = b"".join(iter(lambda: buffered.read(size), b""))
    assert content == b"abcdefghij"[: len(content)]
    assert body.is_read
    assert source.read() == NEXT


BROKEN: dict[str, Callable[[], tuple[RequestBody, io.BytesIO]]] = {
    "cut": lambda: known(b"abc", 6),
    "cut in a chunk": lambda: chunked(b"6\r\nabc"),
    "cut before the last chunk": lambda: chunked(b"3\r\nabc\r\n"),
    "cut in the trailers": lambda: chunked(b"0\r\nX: y\r\n"),
    "chunk longer than it says": lambda: chunked(b"2\r\nabc\r\n0\r\n\r\n"),
    "no number": lambda: chunked(b"\r\n"),
    "negative": lambda: chunked(b"-1\r\n"),
    "sign": lambda: chunked(b"+1\r\na\r\n0\r\n\r\n"),
    "underscore": lambda: chunked(b"0_1\r\na\r\n0\r\n\r\n"),
    "0x": lambda: chunked(b"0x1\r\na\r\n0\r\n\r\n"),
    "bare line feed": lambda: chunked(b"1\na\r\n0\r\n\r\n"),
    "head without end": lambda: chunked(b"1;" + b"x" * 10_000),
    "trailer that is the next request": lambda: chunked(b"0\r\n" + b"GET / HTTP/1.1\r\n\r\n"),
    "NUL in an extension": lambda: chunked(b"3;a\0b\r\nabc\r\n0\r\n\r\n"),
    "trailers without end": lambda: chunked(b"0\r\n" + b"X: y\r\n" * 1000 + b"\r\n"),
    "larger than the limit": lambda: chunked(b"7\r\nabcdefg\r\n0\r\n\r\n", largest=6),
    "larger than the limit in all": lambda: chunked(
        b"3\r\nabc\r\n4\r\nabcd\r\n0\r\n\r\n", largest=6
    ),
    "larger than memory": lambda: chunked(b"ffffffffffffff\r\nabc"),
}


@pytest.mark.parametrize("make", BROKEN.values(), ids=BROKEN.keys())
def test_broken_body_is_an_error_and_stays_one(
    make: Callable[[], tuple[RequestBody, io.BytesIO]],
) -> None:
    """One that frameworks know; afterwards nothing on the connection is taken for a body or a
    request."""
    body, _ = make()
    with pytest.raises((OSError, ValueError)):
        io.BufferedReader(body).read()
    assert not body.discard(at_most=10**9)
    assert not body.is_read
    with pytest.raises(ValueError, match="unknown"):
        body.readinto(bytearray(1))


def test_little_that_nobody_wanted_is_read_away() -> None:
    """What is more, or of unknown length, is not."""
    body, source = known(b"x" * 100 + NEXT, 100)
    assert not body.discard(at_most=99)
    assert source.tell() == 0
    assert body.discard(at_most=100)
    assert source.read() == NEXT
    assert not chunked(b"1\r\na\r\n0\r\n\r\n")[0].discard(at_most=100)


class _Trickle:
    """A connection on which bytes come at a rate, by the test's clock."""

    def __init__(self, bytes_s: int) -> None:
        self.now = 0.0
        self._bytes_s = bytes_s

    def read1(self, size: int, /) -> bytes:
        """Wait a second."""
        self.now += 1
        return b"x" * min(size, self._bytes_s)

    def readline(self, size: int, /) -> bytes:
        """Not asked."""
        raise AssertionError(size)


@pytest.mark.parametrize(
    ("bytes_s", "is_read"), [(1, False), (SLOWEST_BYTES_S // 2, False), (SLOWEST_BYTES_S, True)]
)
def test_trickle_is_ended(bytes_s: int, is_read: bool) -> None:
    """Slower than the slowest rate, after the patience is over."""
    source = _Trickle(bytes_s)
    body = KnownLengthBody(source, 100 * SLOWEST_BYTES_S, clock=lambda: source.now)
    try:
        io.BufferedReader(body).read()
    except TimeoutError:
        assert source.now < 3 * PATIENCE_S
    assert body.is_read is is_read


@pytest.mark.parametrize(
    ("method", "path", "mount", "is_upload"),
    [
        ("POST", "/api/files", "", True),
        ("POST", "/tools/api/files", "/tools", True),
        ("PUT", "/api/files", "", False),
        ("POST", "/api/jobs", "", False),
        ("POST", "/admin/api/files", "", False),
        ("POST", "/shop/api/files", "", False),
        ("POST", "//api/files", "", False),
        ("POST", "/api/files", "/tools", False),
        ("POST", "/tools/admin/api/files", "/tools", False),
    ],
)
def test_only_an_upload_may_be_large(method: str, path: str, mount: str, is_upload: bool) -> None:
    """What only ends like the address of uploads is the site's, or another application's."""
    settings = ServerSettings(session_secrets="s" * 32, site_max_body_bytes=2000)
    limit = body_limit(settings, method=method, path=path, mount=mount)
    assert (limit > settings.upload_max_bytes) == is_upload
    assert is_upload or limit == 2000
