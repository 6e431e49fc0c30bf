"""One reading of a request's first line and header fields for every server,
so that no two of them see another request.

Servers differ: of two Cookie or Authorization lines one takes the last, another joins them; one
decodes ``%2F`` in a path, another keeps it. A client that plants a header could choose which one
counts, so what is read in two ways is refused. And nothing is parsed by a regular expression:
strangers send these bytes, and each costs the same time whatever they are. Source:
RFC 9112, 2.2, 3.2, 5.1 and 6.1; RFC 6265, 5.4.
"""

from dataclasses import dataclass
from http import HTTPStatus
from string import ascii_letters, digits

# Bytes of the first line, of one field, and of all fields, line ends included; and how many fields.
# Beyond it: 414 and 431.
REQUEST_LINE_MAX = 8190
FIELD_MAX = 8192
FIELDS_BYTES_MAX = 32_768
FIELDS_MAX = 100

# Fields that identify the client and what it wants: two of one are never what an honest client
# sends.
_WHO_ASKS = {"authorization", "cookie", "host", "origin", "sec-fetch-site", "x-csrftoken"}
SINGLE_FIELDS = frozenset(_WHO_ASKS | {"content-length", "content-type", "transfer-encoding"})

_TOKEN = b"!#$%&'*+-.^_`|~" + (digits + ascii_letters).encode()
_METHOD = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ-"
_VISIBLE = bytes(range(0x21, 0x7F))
# Some servers take one of them for the end of a line. A tab may stand in a value.
_CONTROLS = bytes({*range(0x20), 0x7F} - {0x09})
# No browser quotes its cookies (RFC 6265, 4.1.1).
# Python's own reader, before 3.11.10, takes quadratic time for quoted ones.
_BACKSLASHES_MAX = 32
# So long is the longest number that no server reads as another one.
_LENGTH_DIGITS = 18


class HeadError(ValueError):
    """A head is refused with ``status``. Its text never repeats what was sent."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What every server makes of a request's head.
    ``target`` is a path of this host, with its query, as it was sent."""

    method: str
    target: str
    is_http_1_1: bool
    fields: tuple[tuple[bytes, bytes], ...]

    @property
    def request_line(self) -> bytes:
        """The first line, with its end."""
        return f"{self.method} {self.target} HTTP/1.{int(self.is_http_1_1)}\r\n".encode()

    @property
    def wire(self) -> bytes:
        """The head as it is given to a server that reads bytes."""
        return b"%s%s\r\n" % (
            self.request_line,
            b"".join(b"%s: %s\r\n" % field for field in self.fields),
        )

    def joined(self) -> dict[bytes, bytes]:
        """Return the fields by name, as gunicorn does:
        no underscores, the parts of a list joined by a comma."""
        fields: dict[bytes, bytes] = {}
        for name, value in self.fields:
            if b"_" in name:
                # X_User would become the same variable as X-User,
                # past a proxy that removes the latter
                continue
            key = name.title()
            fields[key] = fields[key] + b"," + value if key in fields else value
        return fields


class HeadReader:
    """Reads a head from pieces of any size, each byte once. For one request."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._line_from = self._sought_to = 0
        self._first: tuple[str, str, bool] | None = None
        self._fields: list[tuple[bytes, bytes]] = []
        self._fields_size = 0
        self.rest = b""

    @property
    def has_begun(self) -> bool:
        """Tell whether anything has come yet."""
        return bool(self._received)

    def feed(self, piece: bytes) -> Head | None:
        """Take what has come; return the head when it is whole, and what follows it is in ``rest``.
        Raises HeadError."""
        self._received += piece
        while (end := self._received.find(b"\n", self._sought_to) + 1) > 0:
            line = bytes(self._received[self._line_from : end])
            self._line_from = self._sought_to = end
            if self._is_last(line) and self._first:
                self.rest = bytes(self._received[end:])
                return self._head(*self._first)
        self._sought_to = len(self._received)
        self._require_room(self._sought_to - self._line_from)
        return None

    def _is_last(self, line: bytes) -> bool:
        self._require_room(len(line))
        if self._first is None:
            # one empty line before a request is forgiven: RFC 9112, 2.2
            if line != b"\r\n" or self._line_from > len(line):
                self._first = _read_request_line(line)
            return False
        if line == b"\r\n":
            return True
        self._fields.append(read_field(line))
        self._fields_size += len(line)
        return False

    def _require_room(self, size: int) -> None:
        if self._first is None:
            if size > REQUEST_LINE_MAX:
                raise HeadError(HTTPStatus.REQUEST_URI_TOO_LONG, "the first line is too long")
        elif (
            size > FIELD_MAX
            or self._fields_size + size > FIELDS_BYTES_MAX
            or len(self._fields) > FIELDS_MAX
        ):
            raise HeadError(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                "the header fields are too large or too many",
            )

    def _head(self, method: str, target: str, is_http_1_1: bool) -> Head:
        target, authority = _read_target(target)
        _check_fields(self._fields, authority=authority, is_http_1_1=is_http_1_1)
        if authority is not None and not is_http_1_1:
            self._fields = [
                *((n, v) for n, v in self._fields if n.lower() != b"host"),
                (b"Host", authority.encode()),
            ]
        fields = tuple(_with_one_end(self._fields, is_http_1_1=is_http_1_1))
        return Head(method=method, target=target, is_http_1_1=is_http_1_1, fields=fields)


def read_field(line: bytes) -> tuple[bytes, bytes]:
    """Return name and value of one header line with its end;
    HeadError for any other form, continued lines too."""
    name, colon, rest = line.partition(b":")
    value = rest[:-2]
    if (
        not (colon and name and rest.endswith(b"\r\n"))
        or name.translate(None, _TOKEN)
        or _has_any(value, _CONTROLS)
    ):
        raise _malformed("a header line is malformed")
    return name, value.strip(b" \t")


def repeated_field(names: list[str]) -> str | None:
    """Return the name of a single field that comes twice, None when there is none."""
    seen: set[str] = set()
    for name in (name.lower() for name in names):
        if name in seen:
            return name
        seen |= {name} & SINGLE_FIELDS
    return None


def is_plain_head(*, host: str | None, coding: str | None, is_http_1_1: bool) -> bool:
    """Tell whether Host and Transfer-Encoding (None: absent) name a host, and an end of the body,
    that nobody reads otherwise.

    A proxy may not see ``\\x0bchunked``, or chunks in HTTP/1.0,
    and pass on as the next request what is a body here.
    """
    if coding is not None and (coding.lower() != "chunked" or not is_http_1_1):
        return False
    return host is not None or not is_http_1_1


def is_plain_target(target: str) -> bool:
    """Tell whether a request's target is one path of this host,
    and every server reads the same path in it."""
    path = target.partition("?")[0]
    return (
        path.startswith("/")
        and not path.startswith("//")
        and "#" not in target
        and "%2f" not in path.lower()
    )


def _malformed(text: str) -> HeadError:
    return HeadError(HTTPStatus.BAD_REQUEST, text)


def _has_any(value: bytes, bad: bytes) -> bool:
    return len(value.translate(None, bad)) != len(value)


def _read_request_line(line: bytes) -> tuple[str, str, bool]:
    parts = line.removesuffix(b"\r\n").split(b" ")
    if (
        not line.endswith(b"\r\n")
        or len(parts) != 3
        or not 3 <= len(parts[0]) <= 20
        or parts[0].translate(None, _METHOD)
    ):
        raise _malformed("the first line is malformed")
    method, target, version = parts
    if method == b"CONNECT":
        raise HeadError(HTTPStatus.NOT_IMPLEMENTED, "this server is not a proxy")
    if not target or target.translate(None, _VISIBLE):
        raise _malformed("the first line is malformed")
    if version not in (b"HTTP/1.1", b"HTTP/1.0"):
        is_other = (
            len(version) == 8
            and version.startswith(b"HTTP/")
            and version[5:6].isdigit()
            and version[7:].isdigit()
        )
        raise HeadError(
            HTTPStatus.HTTP_VERSION_NOT_SUPPORTED if is_other else HTTPStatus.BAD_REQUEST,
            "not HTTP/1.1",
        )
    return method.decode(), target.decode(), version == b"HTTP/1.1"


def _read_target(target: str) -> tuple[str, str | None]:
    """Return path and query, and the host of an address in absolute form (RFC 9112, 3.2.2),
    None without one."""
    scheme, mark, address = target.partition("://")
    authority = None
    if mark and scheme.lower() in ("http", "https"):
        end = min(
            (found for found in (address.find("/"), address.find("?")) if found >= 0),
            default=len(address),
        )
        authority, target = address[:end], address[end:]
        target = target if target.startswith("/") else f"/{target}"
    if authority == "" or not is_plain_target(target):
        raise _malformed("the target is not a path of this host")
    return target, authority


def _with_one_end(
    fields: list[tuple[bytes, bytes]], *, is_http_1_1: bool
) -> list[tuple[bytes, bytes]]:
    """Return the fields with at most one Connection, which says ``close``:
    whether another request follows is one decision.

    Servers look for ``close`` or ``Keep-Alive`` each in its own way, and so would one answer what
    the other drops. Here the option counts in any case and place (RFC 9112, 9.3), and a connection
    of HTTP/1.0 ends with its answer. That is the first that its client reads, so it expects none
    before it (RFC 9110, 10.1.1).
    """
    dropped = (b"connection",) if is_http_1_1 else (b"connection", b"expect")
    others = [(name, value) for name, value in fields if name.lower() not in dropped]
    said = b",".join(value for name, value in fields if name.lower() == b"connection").lower()
    ends = is_http_1_1 and b"close" in (option.strip(b" \t") for option in said.split(b","))
    return [*others, (b"Connection", b"close")] if ends else others


def _check_fields(
    fields: list[tuple[bytes, bytes]], *, authority: str | None, is_http_1_1: bool
) -> None:
    """Raise HeadError for fields that somebody else may read otherwise."""
    if repeated_field([name.decode() for name, _ in fields]):
        raise _malformed("a header field that may come once comes twice")
    values = {name.lower(): value.decode("latin-1") for name, value in fields}
    host, coding, length = (
        values.get(name) for name in (b"host", b"transfer-encoding", b"content-length")
    )
    if not is_plain_head(host=host, coding=coding, is_http_1_1=is_http_1_1):
        raise _malformed("the host, or the end of the body, is ambiguous")
    is_number = length is None or (
        length.isascii() and length.isdigit() and len(length) <= _LENGTH_DIGITS
    )
    if not is_number or (length is not None and coding is not None):
        raise _malformed("the end of the body is ambiguous")
    # The target counts (RFC 9112, 3.2.2), but an application that looks at Host only must not see
    # another one.
    if authority is not None and authority.lower() != (host or authority).lower():
        raise _malformed("the target names another host than Host")
    if values.get(b"cookie", "").count("\\") > _BACKSLASHES_MAX:
        raise _malformed("the cookies are malformed")
    if any(
        name.lower() == b"expect" and value.lower() != b"100-continue" for name, value in fields
    ):
        raise HeadError(HTTPStatus.EXPECTATION_FAILED, "the expectation is unknown")
