"""The answer a server gives by itself, before any application sees the request:
malformed, too large, too slow.

One form for every server, with the headers of every other answer,
and nothing of the request echoed.
"""

import json

from shared.http.response_headers import HSTS, SECURITY_HEADERS


def raw_answer(
    status: int, reason: str, *, production: bool
) -> tuple[list[tuple[str, str]], bytes]:
    """Return headers and body of an answer that says problem+json (RFC 9457)."""
    body = json.dumps({"type": "about:blank", "title": reason, "status": status}).encode()
    headers = {
        "Content-Type": "application/problem+json",
        "Content-Length": str(len(body)),
        **SECURITY_HEADERS,
        **({"Strict-Transport-Security": HSTS} if production else {}),
    }
    return list(headers.items()), body


def raw_error(status: int, reason: str, *, production: bool) -> bytes:
    """Return a whole HTTP/1.1 response of this kind, which closes the connection."""
    headers, body = raw_answer(status, reason, production=production)
    lines = [
        f"HTTP/1.1 {status} {reason}",
        "Connection: close",
        *(f"{name}: {value}" for name, value in headers),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
