"""What a file is, found out while it passes by: its size, its SHA-256, its media type.
Never what its sender says it is."""

import codecs
import hashlib

import puremagic

_HEAD = 8192
_UNKNOWN = "application/octet-stream"
_ZIP = "application/zip"
# puremagic's confidence is a tenth per byte of the signature.
# A text may begin with "BM" or "MZ" and be no bitmap, no program.
_SURE = 0.4


class Inspector:
    """Looks at a file's bytes in their order. Holds its first 8 kB and no more."""

    def __init__(self) -> None:
        self.size = 0
        self._digest = hashlib.sha256()
        self._head = b""
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._is_text = True

    def update(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self.size += len(chunk)
        self._digest.update(chunk)
        if len(self._head) < _HEAD:
            self._head += chunk[: _HEAD - len(self._head)]
        if self._is_text:
            self._is_text = b"\x00" not in chunk and self._decodes(chunk)

    @property
    def sha256(self) -> str:
        """The digest of all bytes so far, as hex."""
        return self._digest.hexdigest()

    def media_type(self) -> str:
        """Return the media type; call it after the last byte.
        Text is UTF-8 from end to end, without NUL."""
        is_text = self._is_text and self._decodes(b"", final=True)
        found = _by_signature(self._head, at_least=_SURE if is_text else 0.0)
        if not is_text:
            # a "{" alone makes no JSON
            return _UNKNOWN if not found or _is_of_text(found) else found
        return found or "text/plain"

    def _decodes(self, chunk: bytes, *, final: bool = False) -> bool:
        try:
            self._decoder.decode(chunk, final)
        except UnicodeDecodeError:
            return False
        return True


def _is_of_text(media_type: str) -> bool:
    """Tell whether a reader of the type will read the content as UTF-8."""
    return media_type.startswith("text/") or media_type.endswith(("json", "xml"))


def _by_signature(head: bytes, *, at_least: float) -> str:
    """Return what the first bytes say, '' when they say nothing."""
    try:
        matches = [match for match in puremagic.magic_string(head) if match.mime_type]
    except (puremagic.PureError, ValueError):  # unknown, or empty
        return ""
    best = [
        match.mime_type
        for match in matches
        if match.confidence >= max(at_least, matches[0].confidence)
    ]
    # Office documents, packages and plain archives begin alike: it is an archive, for certain.
    return _ZIP if head.startswith(b"PK\x03\x04") and len(set(best)) > 1 else next(iter(best), "")
