"""Requests as an attacker writes them: no client library that mends or refuses what is wrong with
them."""

import json
import socket
from dataclasses import dataclass
from typing import Any

from tests.e2e.service import ServiceProcess

TIMEOUT_S = 10


@dataclass(frozen=True)
class Answer:
    """What came back, but for its date: equal answers look the same.
    Header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def send(
    service: ServiceProcess,
    path: str,
    *lines: str,
    method: str = "GET",
    body: bytes = b"",
    host: str | None = None,
) -> Answer:
    """Send one request with these header lines, as they are, on a connection of its own."""
    length = (
        [f"Content-Length: {len(body)}"]
        if body or method not in ("GET", "HEAD", "OPTIONS", "TRACE")
        else []
    )
    first = [f"{method} {path} HTTP/1.1", f"Host: {host or service.host}", "Connection: close"]
    return exchange(
        service, "\r\n".join([*first, *length, *lines, "", ""]).encode("latin-1") + body
    )


def exchange(service: ServiceProcess, request: bytes) -> Answer:
    """Send these bytes and read until the server closes."""
    answer = b""
    with socket.create_connection(("127.0.0.1", service.port), timeout=TIMEOUT_S) as connection:
        try:
            connection.sendall(request)
            while chunk := connection.recv(65_536):
                answer += chunk
        except (BrokenPipeError, ConnectionResetError):
            pass  # closed while we were still sending
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *fields = head.decode("latin-1").split("\r\n")
    assert first.startswith("HTTP/1.1 "), answer[:200]
    headers = {name.lower(): value for name, value in (field.split(": ", 1) for field in fields)}
    headers.pop("date", None)
    return Answer(int(first.split(" ")[1]), headers, body)
