"""The lines of a web server's access log, in the common and the combined format.

    192.0.2.7 - ada [20/Nov/2026:12:13:36 +0000] "GET /search?q=x HTTP/1.1" 503 162 "-" "curl/8"
    |- who ------|  |- time ------------------|   |- request ------------|  |   |   |- rest
                                                                       status   size

The rest is the combined format's: referer and agent.

Bytes in, bytes out: a line that is not changed is written as it was read. The user may be empty
(``""``) and hold blanks, quotes and brackets; the status may say that none was sent (``000`` from
nginx, ``-`` from Apache). Quotes and control characters in a request are escaped by the server:
``\\"``, ``\\t``, ``\\x16``, and ``\\u0016`` in nginx's JSON.
Source: Apache's mod_log_config and ap_escape_logitem; nginx's ngx_http_log_module.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import quote

_MAX_TIME = 64
_MAX_METHOD = 20
_MAX_SIZE_DIGITS = 19
# ` 503 `, the size, and one byte more, to see where it ends.
_LONGEST_ANSWER = 5 + _MAX_SIZE_DIGITS + 1
_VERSION = frozenset(b"0123456789.")
_ESCAPED = re.compile(rb"\\(?:x([0-9A-Fa-f]{2})|u00([0-9A-Fa-f]{2})|(.))", re.DOTALL)
_LETTERS = {
    b"t": b"\t",
    b"n": b"\n",
    b"r": b"\r",
    b"v": b"\v",
    b"f": b"\f",
    b"b": b"\b",
    b'"': b'"',
    b"\\": b"\\",
}
# What a request target may hold as it is; all else is percent-encoded. Source:
# RFC 3986, 3.3 and 3.4.
_IN_TARGET = "/?:@!$&'()*+,;=-._~%[]|"
_RETRY = "retry=true"
_TIME = "%d/%b/%Y:%H:%M:%S %z"


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for. ``target`` is as a URL has it;
    ``protocol`` begins with a blank, or is empty (HTTP/0.9)."""

    method: str
    target: str
    protocol: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line. ``asked`` is None when the request is none that HTTP knows;
    ``raw_request`` is what was logged.

    ``raw_status`` is three digits, or ``-``.
    """

    who: bytes
    time: bytes
    raw_request: bytes
    asked: Request | None
    raw_status: bytes
    size: bytes
    rest: bytes

    @property
    def status(self) -> int:
        """The status that was sent; 0 if none was (``000`` or ``-``)."""
        return int(self.raw_status) if self.raw_status.isdigit() else 0

    def repeated(self, request: Request, *, at: datetime, status: int, size: int) -> "LogLine":
        """Return the line of this request sent again:
        time, target, status and size are new, the rest is kept."""
        raw = f"{request.method} {request.target}".encode() + request.protocol
        time = at.strftime(_TIME).encode()
        answer = {"raw_status": b"%03d" % status, "size": b"%d" % size}
        return replace(self, time=time, raw_request=raw, asked=request, **answer)

    def to_bytes(self) -> bytes:
        """Return the line as the server would have written it, without a line break."""
        before = b'%b[%b] "%b"' % (self.who, self.time, self.raw_request)
        return b"%b %b %b%b" % (before, self.raw_status, self.size, self.rest)


def parse_line(line: bytes) -> LogLine | None:
    """Read a line without its line break; None if it has neither format.

    The first ``[time] "request" status size`` counts. Linear: a request ends at the next quote that
    is not escaped, so those tried one after the other don't overlap.
    """
    host_end = line.find(b" ")
    if b"\0" in line or host_end < 1 or line[:1].isspace():
        return None
    time_end = line.find(b'] "')
    while time_end != -1:
        time = line.rfind(b"[", max(host_end + 1, time_end - _MAX_TIME - 1), time_end - 1)
        request_end = _closing_quote(line, time_end + 3)
        answer = _answer_at(line, request_end + 1) if request_end != -1 else None
        if answer is not None and time != -1 and line[time - 1 : time] == b" ":
            raw, (status, size) = line[time_end + 3 : request_end], answer
            return LogLine(
                who=line[:time],
                time=line[time + 1 : time_end],
                raw_request=raw,
                asked=_parse_request(raw),
                raw_status=status,
                size=size,
                rest=line[request_end + len(status) + len(size) + 3 :],
            )
        time_end = line.find(b'] "', time_end + 3)
    return None


def _closing_quote(line: bytes, start: int) -> int:
    """Return where the next quote is that is not escaped, -1 if there is none."""
    quote_at = line.find(b'"', start)
    while quote_at != -1:
        before = quote_at
        while before > start and line[before - 1 : before] == b"\\":
            before -= 1
        if (quote_at - before) % 2 == 0:
            return quote_at
        quote_at = line.find(b'"', quote_at + 1)
    return -1


def _answer_at(line: bytes, start: int) -> tuple[bytes, bytes] | None:
    """Return the status and the size that stand there, each behind a blank,
    and before a blank or the line's end."""
    blank, status, size = [*line[start : start + _LONGEST_ANSWER].split(b" ", 3), b"", b""][:3]
    size = size.partition(b"\t")[0]
    is_status = status == b"-" or (len(status) == 3 and status.isdigit())
    is_size = size == b"-" or (len(size) <= _MAX_SIZE_DIGITS and size.isdigit())
    return (status, size) if not blank and is_status and is_size else None


def _parse_request(logged: bytes) -> Request | None:
    method, _, rest = logged.partition(b" ")
    target, _, protocol = rest.partition(b" ")
    if not (method.isalpha() and len(method) <= _MAX_METHOD and target) or target.split() != [
        target
    ]:
        return None
    if rest != target and not _is_protocol(protocol):
        return None
    return Request(method.decode(), _as_target(target), rest[len(target) :])


def _is_protocol(said: bytes) -> bool:
    version = said.removeprefix(b"HTTP/")
    return version != said and 1 <= len(version) <= 5 and _VERSION.issuperset(version)


def with_retry(request: Request) -> Request:
    """Add ``retry=true`` to the query and leave the rest as it is;
    a request that has it already is not changed."""
    path, _, query = request.target.partition("?")
    if _RETRY in query.split("&"):
        return request
    return replace(request, target=f"{path}?{query}&{_RETRY}" if query else f"{path}?{_RETRY}")


def _as_target(logged: bytes) -> str:
    """Undo the log's escapes, and percent-encode what a URL can't hold."""
    return quote(_ESCAPED.sub(_unescaped, logged), safe=_IN_TARGET)


def _unescaped(found: re.Match[bytes]) -> bytes:
    """Return the byte that an escape stands for; what is no escape of a server stays as it is."""
    digits = found[1] or found[2]
    return bytes([int(digits, 16)]) if digits else _LETTERS.get(found[3], found[0])
