"""Where a request ends: each server refuses what a proxy could read in another way,
and closes the connection."""

import re
import socket
import time
from collections.abc import Iterator

import pytest

from tests.e2e.service import COMMANDS, ServiceProcess

NEXT = b"GET /api/health/live HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
CHUNKS = b"3\r\nabc\r\n0\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


def post(*, fields: bytes = b"", body: bytes = b"", version: bytes = b"1.1") -> bytes:
    """Return a request with a body, to an address that nobody needs a log-in for;
    {host} is to be filled in."""
    return b"POST /accounts/login/ HTTP/%s\r\nHost: {host}\r\n%s\r\n%s" % (version, fields, body)


# Each is followed by a request, which must not be answered.
REFUSED = {
    "coding twice in one line": post(
        fields=b"Transfer-Encoding: chunked, chunked\r\n", body=CHUNKS
    ),
    "coding in two lines": post(fields=CHUNKED * 2, body=CHUNKS),
    "coding behind a vertical tab": post(fields=b"Transfer-Encoding: \x0bchunked\r\n", body=CHUNKS),
    "coding with a parameter": post(fields=b"Transfer-Encoding: chunked;a=b\r\n", body=CHUNKS),
    "another coding before it": post(fields=b"Transfer-Encoding: gzip, chunked\r\n", body=CHUNKS),
    "unknown coding": post(fields=b"Transfer-Encoding: xchunked\r\n", body=CHUNKS),
    "no coding": post(fields=b"Transfer-Encoding: identity\r\n"),
    "empty coding": post(fields=b"Transfer-Encoding:\r\n"),
    "chunks in HTTP/1.0": post(
        fields=CHUNKED + b"Connection: keep-alive\r\n", body=CHUNKS, version=b"1.0"
    ),
    "chunks and a length": post(fields=CHUNKED + b"Content-Length: 3\r\n", body=CHUNKS),
    "length with a sign": post(fields=b"Content-Length: +3\r\n", body=b"abc"),
    "length with an underscore": post(fields=b"Content-Length: 0_3\r\n", body=b"abc"),
    "negative length": post(fields=b"Content-Length: -3\r\n", body=b"abc"),
    "two lengths": post(fields=b"Content-Length: 3\r\n" * 2, body=b"abc"),
    "two lengths in one line": post(fields=b"Content-Length: 3, 3\r\n", body=b"abc"),
    "length of 5,000 digits": post(fields=b"Content-Length: %s3\r\n" % (b"0" * 4999), body=b"abc"),
    "blank before the colon": post(fields=b"Content-Length : 3\r\n", body=b"abc"),
    "lines without CR": post(fields=b"Content-Length: 3\r\n", body=b"abc").replace(b"\r\n", b"\n"),
    "no host": b"GET /api/health/live HTTP/1.1\r\nAccept: */*\r\n\r\n",
    "two hosts": b"GET /api/health/live HTTP/1.1\r\nHost: {host}\r\nHost: {host}\r\n\r\n",
    "HTTP/0.9": b"GET /api/health/live\r\n\r\n",
    "HTTP/2.0": b"GET /api/health/live HTTP/2.0\r\nHost: {host}\r\n\r\n",
}
# What is wrong further on: the request itself may be answered, what follows must not.
BODIES = {
    "chunk without CR": b"3\nabc\r\n0\r\n\r\n",
    "line end in an extension": b"3;a\nb\r\nabc\r\n0\r\n\r\n",
    "NUL in an extension": b"3;a\0b\r\nabc\r\n0\r\n\r\n",
    "sign": b"+3\r\nabc\r\n0\r\n\r\n",
    "prefix": b"0x3\r\nabc\r\n0\r\n\r\n",
    "blank before it": b" 3\r\nabc\r\n0\r\n\r\n",
    "shorter than it says": b"4\r\nabc\r\n0\r\n\r\n",
    "longer than it says": b"2\r\nabc\r\n0\r\n\r\n",
    "no end": b"3\r\nabc\r\n0\r\n",
    "trailer that is a request": b"3\r\nabc\r\n0\r\nGET /api/me HTTP/1.1\r\n\r\n",
    "trailer without CR": b"3\r\nabc\r\n0\r\nX: y\n\r\n",
}


@pytest.fixture(scope="module", params=COMMANDS)
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceProcess]:
    """One start of each server for all of these."""
    with ServiceProcess(
        tmp_path_factory.mktemp(f"framing-{request.param}"), server=request.param
    ) as service:
        yield service


def statuses(service: ServiceProcess, request: bytes) -> list[int]:
    """Send these bytes on one connection, and return the status of each answer."""
    answers = answers_to(service, request)
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", answers)]


def answers_to(service: ServiceProcess, request: bytes) -> bytes:
    """Send these bytes on one connection, and return what comes until it is closed."""
    answers = b""
    with socket.create_connection(("127.0.0.1", service.port), timeout=15) as connection:
        connection.sendall(request.replace(b"{host}", service.host.encode()))
        try:
            while piece := connection.recv(65_536):
                answers += piece
        except ConnectionResetError:
            pass  # closed before it had read what follows
    return answers


@pytest.mark.parametrize("request_", REFUSED.values(), ids=REFUSED.keys())
def test_ambiguous_head_is_refused_and_nothing_read_after_it(
    service: ServiceProcess, request_: bytes
) -> None:
    """One answer, an error."""
    (status,) = statuses(service, request_ + NEXT)
    assert status in (400, 501, 505)


TOO_LARGE = {
    "one field": (b"X: " + b"a" * 8200 + b"\r\n", 431),
    "blanks in one field": (b"X: a" + b" " * 8200 + b"b\r\n", 431),
    "all fields": (b"".join(b"X%d: %s\r\n" % (i, b"a" * 8000) for i in range(5)), 431),
    "101 fields": (b"X: a\r\n" * 100, 431),
    "field without an end": (b"X: " + b"a" * 60_000, 431),
    "blanks, then a line without CR": (b"X:" + b" " * 3000 + b"\n", 400),
}


@pytest.mark.parametrize(("fields", "status"), TOO_LARGE.values(), ids=TOO_LARGE.keys())
def test_large_fields_are_refused_at_once(
    service: ServiceProcess, fields: bytes, status: int
) -> None:
    """8 kB in one, 32 kB in all, 100 fields; and whatever their bytes,
    nobody waits for them to be read."""
    began = time.monotonic()
    head = b"GET /api/health/live HTTP/1.1\r\nHost: {host}\r\n" + fields + b"\r\n"
    assert statuses(service, head + NEXT) == [status]
    assert time.monotonic() - began < 4


def test_target_in_absolute_form_is_answered(service: ServiceProcess) -> None:
    """RFC 9112, 3.2.2; a target that names another host than the Host field is refused."""
    absolute = b"GET http://{host}/api/health/live HTTP/1.1\r\nHost: {host}\r\n\r\n"
    assert statuses(service, absolute + NEXT) == [200, 200]
    assert statuses(service, absolute.replace(b"http://{host}", b"http://example.org") + NEXT) == [
        400
    ]


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_nothing_is_read_after_a_malformed_body(service: ServiceProcess, body: bytes) -> None:
    """The view answers without its body; then the connection ends,
    and nothing of it is an error of ours."""
    (status,) = statuses(service, post(fields=CHUNKED, body=body) + NEXT)
    assert status in (400, 403)
    assert "Traceback" not in service.log


def test_plain_requests_follow_each_other(service: ServiceProcess) -> None:
    """The judge of the above: what is well-formed leaves the next request where it is."""
    plain = [
        post(fields=b"Content-Length: 3\r\n", body=b"abc"),
        b"GET /api/health/live HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: "
        b"CHUNKED\r\n\r\n0\r\n\r\n",
        b"GET /api/health/live HTTP/1.1\r\nHost: {host}\r\n\r\n",
    ]
    for request in plain:
        assert statuses(service, request + NEXT)[-1] == 200
    assert statuses(service, b"GET /api/health/live HTTP/1.0\r\n\r\n") == [200]


HEADS = {
    "a page": b"HEAD /accounts/login/ HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "no such page": b"HEAD /nowhere HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "a file": b"HEAD /static/gatehouse/design.css HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "the API": b"HEAD /api/me HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "another host": b"HEAD / HTTP/1.1\r\nHost: example.org\r\n\r\n",
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS.keys())
def test_answer_to_head_ends_with_its_fields(service: ServiceProcess, head: bytes) -> None:
    """What came behind them would be read as the next answer, maybe somebody else's."""
    of_head, of_next, *_ = answers_to(service, head + NEXT).split(b"\r\n\r\n")
    assert b"Content-Length: " in of_head
    assert of_next.startswith(b"HTTP/1.1 200 ")
