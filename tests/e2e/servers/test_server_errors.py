"""What a server answers by itself looks like every other error, under both servers,
and echoes nothing."""

import json
import socket
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from shared.http.response_headers import SECURITY_HEADERS
from tests.e2e.launching import launched

MALFORMED = {
    "not HTTP": b"GARBAGE\r\n\r\n",
    "a length that is no number": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
    "a header without a colon": b"GET /<script> HTTP/1.1\r\nHost: x\r\nscript\r\n\r\n",
    "a body over the limit": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 30000000\r\n\r\n",
    "an endless header": b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
}


def _ask(address: str, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send raw bytes and return status, headers and body of the answer."""
    host, port = urlsplit(address).hostname, urlsplit(address).port
    with socket.create_connection((host, port), timeout=10) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65_536):
            answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    return int(first.split(" ")[1]), dict(line.split(": ", 1) for line in lines), body


@pytest.mark.parametrize("server", ["cherrypy", "gunicorn"])
def test_malformed_request_gets_a_problem_with_every_header(tmp_path: Path, server: str) -> None:
    """4xx, problem+json, the security headers, the connection closed,
    nothing of the request repeated."""
    with launched(tmp_path / "var", "--server", server) as launch:
        for what, request in MALFORMED.items():
            status, headers, body = _ask(launch.address, request)
            assert 400 <= status < 500, what
            assert headers["Content-Type"] == "application/problem+json", what
            assert headers["Connection"] == "close", what
            assert SECURITY_HEADERS.items() <= headers.items(), what
            assert json.loads(body)["status"] == status, what
            assert b"script" not in body, what
            assert "Server" not in headers, what


@pytest.mark.parametrize("server", ["cherrypy", "gunicorn"])
def test_client_that_sends_a_huge_body_at_once_reads_why_it_is_refused(
    tmp_path: Path, server: str
) -> None:
    """Most clients send all of a body before they look for an answer;
    a reset connection would tell them nothing."""
    body = b"x" * 20_000_000
    with launched(tmp_path / "var", "--server", server) as launch:
        for path in ("/api/jobs", "/accounts/login/", "/admin/api/files"):
            answer = httpx.post(
                f"{launch.address}{path}", content=body, timeout=30, trust_env=False
            )
            assert answer.status_code == 413
            assert answer.headers["content-type"] == "application/problem+json"
