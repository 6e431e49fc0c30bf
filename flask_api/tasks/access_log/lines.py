"""The lines of a web server's access log, in the common and the combined format.

    192.0.2.7 - ada [20/Nov/2026:12:13:36 +0000] "GET /search?q=x HTTP/1.1" 503 162 "https://example.org/" "curl/8"
    |- who ------|  |- time ------------------|   |- request ------------|  |   |   |- rest (combined: referer, agent)
                                                                       status   size

Bytes in, bytes out: a line that is not changed is written as it was read. Quotes and control characters in a request are
escaped by the server (``\\"``, ``\\x16``). Source: Apache's mod_log_config; nginx's ngx_http_log_module.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import quote

_LINE = re.compile(
    rb'(?P<who>\S+ [^\["]*)\[(?P<time>[^\]"]{1,64})\] "(?P<request>(?:[^"\\]|\\.)*)" '
    rb"(?P<status>[1-5][0-9][0-9]) (?P<size>[0-9]{1,19}|-)(?P<rest>(?:[ \t].*)?)",
    re.DOTALL,
)
_REQUEST = re.compile(rb"(?P<method>[A-Za-z]{1,20}) (?P<target>\S+)(?P<protocol> HTTP/[0-9.]{1,5})?")
_ESCAPED = re.compile(rb"\\(?:x([0-9A-Fa-f]{2})|(.))")
# What a request target may hold as it is; all else is percent-encoded. Source: RFC 3986, 3.3 and 3.4.
_IN_TARGET = "/?:@!$&'()*+,;=-._~%[]|"
_RETRY = "retry=true"
_TIME = "%d/%b/%Y:%H:%M:%S %z"


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for. ``target`` is as a URL has it; ``protocol`` begins with a blank, or is empty (HTTP/0.9)."""

    method: str
    target: str
    protocol: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line. ``asked`` is None when the request is none that HTTP knows; ``raw_request`` is what was logged."""

    who: bytes
    time: bytes
    raw_request: bytes
    asked: Request | None
    status: int
    size: bytes
    rest: bytes

    def repeated(self, request: Request, *, at: datetime, status: int, size: int) -> "LogLine":
        """Return the line of this request sent again: time, target, status and size are new, the rest is kept."""
        raw = f"{request.method} {request.target}".encode() + request.protocol
        time = at.strftime(_TIME).encode()
        return replace(self, time=time, raw_request=raw, asked=request, status=status, size=str(size).encode())

    def to_bytes(self) -> bytes:
        """Return the line as the server would have written it, without a line break."""
        status = str(self.status).encode()
        return b'%b[%b] "%b" %b %b%b' % (self.who, self.time, self.raw_request, status, self.size, self.rest)


def parse_line(line: bytes) -> LogLine | None:
    """Read a line without its line break; None if it has neither format."""
    found = None if b"\0" in line else _LINE.fullmatch(line)
    if found is None:
        return None
    return LogLine(
        who=found["who"],
        time=found["time"],
        raw_request=found["request"],
        asked=_parse_request(found["request"]),
        status=int(found["status"]),
        size=found["size"],
        rest=found["rest"],
    )


def _parse_request(logged: bytes) -> Request | None:
    found = _REQUEST.fullmatch(logged)
    if found is None:
        return None
    return Request(found["method"].decode().upper(), _as_target(found["target"]), found["protocol"] or b"")


def with_retry(request: Request) -> Request:
    """Add ``retry=true`` to the query and leave the rest as it is; a request that has it already is not changed."""
    path, _, query = request.target.partition("?")
    if _RETRY in query.split("&"):
        return request
    return replace(request, target=f"{path}?{query}&{_RETRY}" if query else f"{path}?{_RETRY}")


def _as_target(logged: bytes) -> str:
    """Undo the log's escapes, and percent-encode what a URL can't hold."""
    return quote(_ESCAPED.sub(_unescaped, logged), safe=_IN_TARGET)


def _unescaped(found: re.Match[bytes]) -> bytes:
    return bytes([int(found[1], 16)]) if found[1] else found[2]
