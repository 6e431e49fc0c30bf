"""One reading of a request's first line and headers for every server, so that no two of them see another request.

Servers differ: of two Cookie or Authorization lines one takes the last, another joins them; one decodes ``%2F`` in a path,
another keeps it. Whoever can plant a header could choose which one counts, so what is read in two ways is refused.
Source: RFC 9112, 2.2, 3.2, 5.1 and 6.1; RFC 6265, 5.4.
"""

import re

# Fields that say who asks, from where, and what: two of one are never what an honest client sends.
SINGLE_FIELDS = frozenset(
    {
        *("authorization", "content-length", "content-type", "cookie", "host", "origin", "sec-fetch-site", "x-csrftoken"),
        "transfer-encoding",
    }
)

_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\0\r\n]*?)[ \t]*\r\n")


def read_field(line: bytes) -> tuple[bytes, bytes]:
    """Return name and value of one header line with its end; ValueError for any other form, continued lines too."""
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError("a header line is malformed")
    return found[1], found[2]


def repeated_field(names: list[str]) -> str | None:
    """Return the name of a single field that comes twice, None when there is none."""
    seen: set[str] = set()
    for name in (name.lower() for name in names):
        if name in seen:
            return name
        seen |= {name} & SINGLE_FIELDS
    return None


def is_plain_head(*, host: str | None, coding: str | None, is_http_1_1: bool) -> bool:
    """Tell whether Host and Transfer-Encoding (None: absent) name a host, and an end of the body, that nobody reads otherwise.

    A proxy may not see ``\\x0bchunked``, or chunks in HTTP/1.0, and pass on as the next request what is a body here.
    """
    if coding is not None and (coding.lower() != "chunked" or not is_http_1_1):
        return False
    return host is not None or not is_http_1_1


def is_plain_target(target: str) -> bool:
    """Tell whether a request's target is one path of this host, and every server reads the same path in it."""
    path = target.partition("?")[0]
    return path.startswith("/") and not path.startswith("//") and "#" not in target and "%2f" not in path.lower()
