"""Which encoding a web page or a feed is in: what it says itself, among the encodings of the web.

A byte order mark wins, then the Content-Type, then what the document's first bytes say (an XML
declaration, a ``meta`` element); with none of them UTF-8 if it fits, else Windows-1252. A document
that could be read so far is not in UTF-16, whatever it says there: it means UTF-8. Source:
WHATWG Encoding Standard, 4.2; HTML Standard, 13.2.3.2.
"""

import codecs
import re

from flask_api.tasks.web.labels import CODECS, USER_DEFINED, decode_as

_LOOKED_AT = 1024
_IN_HEADER = re.compile(r"charset\s*=[\s\"']*([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE)
_CHARSET = re.compile(rb"charset\s*=[\s\"']*([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE)
_ENCODING = re.compile(rb"\sencoding\s*=[\s\"']*([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_FALLBACK = "cp1252"
_MEANT_BY_A_DOCUMENT = {"utf-16-le": "utf-8", "utf-16-be": "utf-8", USER_DEFINED: _FALLBACK}


def decode(body: bytes, *, content_type: str) -> str:
    """Return the text of a document. What does not fit its encoding becomes U+FFFD;
    raises nothing."""
    for mark, name in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace")
    found = _IN_HEADER.search(content_type)
    name = (
        CODECS.get(found[1].lower() if found else "")
        or _declared(body[:_LOOKED_AT])
        or _guess(body)
    )
    return decode_as(name, body)


def _declared(head: bytes) -> str | None:
    """Return the encoding that the document says it is in, None if it says none that is known."""
    if head.lstrip().startswith(b"<?xml"):
        name = _known(_ENCODING.search(head.partition(b"?>")[0]))
        if name is not None:
            return name
    for tag in _without_comments(head).lower().split(b"<meta")[1:]:
        name = _known(_CHARSET.search(tag.partition(b">")[0]))
        if name is not None:
            return name
    return None


def _known(found: re.Match[bytes] | None) -> str | None:
    name = CODECS.get(found[1].decode("ascii").lower()) if found else None
    return _MEANT_BY_A_DOCUMENT.get(name, name) if name else None


def _without_comments(head: bytes) -> bytes:
    """Return what is outside of comments: what was commented out does not count."""
    first, *others = head.split(b"<!--")
    return first + b"".join(other.partition(b"-->")[2] for other in others)


def _guess(body: bytes) -> str:
    try:
        body.decode()
    except UnicodeDecodeError:
        return _FALLBACK
    return "utf-8"
