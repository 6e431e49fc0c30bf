"""Which encoding a web page or a feed is in: what it says itself, among the encodings of the web.

A byte order mark wins, then the Content-Type, then what is written in the document's first bytes; with none of them UTF-8 if
it fits, else Windows-1252. Only encodings of the web count: Python's own list has some that decode in quadratic time
(punycode) or are no text at all (hex). Source: WHATWG Encoding Standard, 4.2; HTML Standard, 13.2.3.2.
"""

import codecs
import re

_LOOKED_AT = 1024
_IN_HEADER = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE)
_IN_DOCUMENT = re.compile(rb"(?:charset|<\?xml[^>]{0,100}\sencoding)\s*=\s*(?:[\"']\s*)?([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE)
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_FALLBACK = "cp1252"
# Python's names. Latin-1 and ASCII mean Windows-1252 on the web.
_OF_THE_WEB = {"iso8859-1": _FALLBACK, "ascii": _FALLBACK} | {
    name: name
    for name in (
        *("utf-8", "utf-16", "utf-16-le", "utf-16-be", "big5", "euc_jp", "euc_kr", "gb18030", "gb2312", "gbk"),
        *("iso2022_jp", "shift_jis", "koi8-r", "koi8-u", "mac-roman", "mac-cyrillic", "cp866", "cp874"),
        *(f"cp{number}" for number in range(1250, 1259)),
        *(f"iso8859-{number}" for number in (2, 3, 4, 5, 6, 7, 8, 10, 11, 13, 14, 15, 16)),
    )
}


def decode(body: bytes, *, content_type: str) -> str:
    """Return the text of a document. What does not fit its encoding becomes U+FFFD; raises nothing."""
    for mark, name in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace")
    name = _known(_IN_HEADER.search(content_type)) or _known(_IN_DOCUMENT.search(body[:_LOOKED_AT])) or _guess(body)
    return body.decode(name, "replace")


def _known(found: re.Match[str] | re.Match[bytes] | None) -> str | None:
    if found is None:
        return None
    label = found[1] if isinstance(found[1], str) else found[1].decode("ascii")
    try:
        return _OF_THE_WEB.get(codecs.lookup(label).name)
    except LookupError:
        return None


def _guess(body: bytes) -> str:
    try:
        body.decode()
    except UnicodeDecodeError:
        return _FALLBACK
    return "utf-8"
