"""What came back from a fetch, with its body bounded:
as it was sent, and unpacked if that was asked for."""

import zlib
from collections.abc import Iterable, Iterator

import httpx

from flask_api.tasks.web.errors import BadResponse, TooLarge

# The only coding that an unpacking fetch asks for;
# a server may name it either way (RFC 9110, 8.4.1.3).
_GZIP = frozenset({"gzip", "x-gzip"})
_PLAIN = frozenset({"", "identity"})
_GZIP_FORMAT = 31
_PIECE = 65_536


class Reply:
    """The status, the headers, the URL after redirects and, once, the body.
    Read it in the block of ``stream``."""

    def __init__(self, response: httpx.Response, *, max_bytes: int, unpack: bool) -> None:
        self._response = response
        self._max_bytes = max_bytes
        self._unpack = unpack
        self.status = response.status_code
        self.url = str(response.url)
        self.headers = response.headers

    def iter_body(self) -> Iterator[bytes]:
        """Give the body in pieces as they arrive.
        Raises TooLarge, before the first piece if the length is announced.

        The limit holds for what was sent and, if it is unpacked, for what comes out,
        while it comes out.
        """
        announced = self.headers.get("Content-Length", "")
        if (
            self._response.request.method != "HEAD"
            and announced.isdecimal()
            and int(announced) > self._max_bytes
        ):
            raise self._too_large()
        pieces = self._bounded(self._response.iter_raw())
        return self._bounded(self._unpacked(pieces)) if self._unpack else pieces

    def _unpacked(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        coding = self.headers.get("Content-Encoding", "").strip().lower()
        if coding in _PLAIN:
            return iter(pieces)
        if coding in _GZIP:
            return _gunzip(pieces)
        raise BadResponse("The body is packed in a way that was not asked for.")

    def _bounded(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        received = 0
        for piece in pieces:
            received += len(piece)
            if received > self._max_bytes:
                raise self._too_large()
            yield piece

    def _too_large(self) -> TooLarge:
        return TooLarge(f"The body is longer than {self._max_bytes} bytes.")


def _gunzip(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Unpack in pieces of bounded length, however tightly packed.
    What follows the end is ignored, as browsers do."""
    unpacker = zlib.decompressobj(_GZIP_FORMAT)
    try:
        for piece in pieces:
            packed = piece
            while packed and not unpacker.eof:
                yield unpacker.decompress(packed, _PIECE)
                packed = unpacker.unconsumed_tail
        yield unpacker.flush()
    except zlib.error as error:
        raise BadResponse("The body can't be unpacked.") from error
    if not unpacker.eof:
        raise BadResponse("The packed body broke off.")
