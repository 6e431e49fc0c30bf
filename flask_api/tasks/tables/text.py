"""From uploaded bytes to plain UTF-8 text: unpacked, its encoding found out, decoded. Streams;
holds a piece at a time."""

import codecs
import gzip
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from flask_api.jobs.errors import TaskError
from flask_api.tasks.tables.encoding import Encoding, FoundEncoding, encoding_of, utf_16_of

_CHUNK = 1 << 20
_LOOK = 1 << 16
_CHECK_EVERY = 10_000
_GZIP = b"\x1f\x8b"
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b"))
_MOST_CONTROLS = 0.05  # of the bytes: packed data has a tenth, text next to none

Checkpoint = Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A file of UTF-8 (a byte order mark may be there), and the encoding that it had.

    What was no text in that encoding is a byte that is none in UTF-8.
    """

    path: Path
    encoding: FoundEncoding


def read_text(
    source: Path,
    folder: Path,
    *,
    max_bytes: int,
    encoding: Encoding | None = None,
    checkpoint: Checkpoint = lambda: None,
) -> Text:
    """Return the text of an uploaded file; ``source`` itself when that is UTF-8 already,
    else a file in ``folder``.

    Calls ``checkpoint`` after every megabyte. Raises TaskError for what is empty, no text, damaged,
    or larger than ``max_bytes`` when unpacked.
    """
    if _begins_with(source, _GZIP):
        source = _write(folder / "unpacked", _unpack(source), max_bytes, checkpoint)
    size = source.stat().st_size
    if size == 0:
        raise TaskError("The file is empty.")
    _check_size(size, max_bytes)
    found = (
        FoundEncoding(name=encoding, certainty="given")
        if encoding
        else find_encoding(source, checkpoint)
    )
    if found.name == "utf-8":
        return Text(path=source, encoding=found)
    # A character can take three times the bytes in UTF-8.
    decoded = _write(folder / "decoded", _decode(source, found.name), 3 * max_bytes, checkpoint)
    if source.parent == folder:
        source.unlink()  # unpacked, and of no use any more
    return Text(path=decoded, encoding=found)


def find_encoding(path: Path, checkpoint: Checkpoint = lambda: None) -> FoundEncoding:
    """Return the encoding of a file: by its mark, by being UTF-8 throughout,
    else a guess from its first odd lines.

    UTF-8 with a few damaged places is UTF-8. Raises TaskError for what isn't text.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    for number, chunk in enumerate(_chunks(path)):
        if number == 0:
            if marked := _by_mark(chunk):
                return FoundEncoding(name=marked, certainty="certain")
            if unmarked := utf_16_of(chunk[:_LOOK]):
                return FoundEncoding(name=unmarked, certainty="likely")
            _refuse_binary(chunk)
        checkpoint()
        try:
            decoder.decode(chunk)
        except UnicodeDecodeError as error:
            return _guess(path, max(0, number * _CHUNK + error.start - _LOOK), checkpoint)
    return FoundEncoding(name="utf-8", certainty="certain")


def _by_mark(head: bytes) -> str | None:
    return next((name for mark, name in _MARKS if head.startswith(mark)), None)


def _refuse_binary(head: bytes) -> None:
    controls = len(head) - len(head.translate(None, _CONTROLS))
    if controls > _MOST_CONTROLS * len(head):
        raise TaskError(
            "The file is not text: it must be a table separated by commas or tabs, which may be "
            "packed with gzip."
        )


def _guess(path: Path, begin: int, checkpoint: Checkpoint) -> FoundEncoding:
    """Guess from the first lines that are more than ASCII, wherever they are from ``begin`` on."""
    sample = bytearray()
    with path.open("rb") as stream:
        stream.seek(begin)
        if begin:
            stream.readline(_LOOK)  # the rest of one
        for number in count():
            line = stream.readline(_LOOK)
            if not line or len(sample) > _LOOK:
                break
            if number % _CHECK_EVERY == 0:
                checkpoint()
            if not line.isascii():
                sample += line.strip(b"\r\n") + b"\n"
    text = sample.decode("utf-8", "replace")
    damaged = text.count("\ufffd")
    if sum(not letter.isascii() for letter in text) > 2 * damaged:
        return FoundEncoding(name="utf-8", certainty="likely")
    return encoding_of(bytes(sample))


def _unpack(source: Path) -> Iterator[bytes]:
    try:
        with gzip.open(source) as stream:
            while chunk := stream.read(_CHUNK):
                yield chunk
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise TaskError(f"The gzip file is damaged: {error}") from error


def _no_text(error: UnicodeError) -> tuple[str, int]:
    """Put a byte that isn't UTF-8 where something isn't text:
    the row is left out, and none is changed without a word."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\udcff", error.end


codecs.register_error("gatehouse.no_text", _no_text)


def _decode(source: Path, encoding: str) -> Iterator[bytes]:
    """Decode piece by piece."""
    decoder = codecs.getincrementaldecoder(encoding)("gatehouse.no_text")
    for chunk in _chunks(source):
        yield decoder.decode(chunk).encode("utf-8", "surrogateescape")
    yield decoder.decode(b"", final=True).encode("utf-8", "surrogateescape")


def _write(target: Path, chunks: Iterator[bytes], max_bytes: int, checkpoint: Checkpoint) -> Path:
    size = 0
    with target.open("wb") as stream:
        for chunk in chunks:
            checkpoint()
            size += len(chunk)
            _check_size(size, max_bytes)
            stream.write(chunk)
    return target


def _check_size(size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise TaskError(
            f"The table has more than {max_bytes:,} bytes (unpacked, if it was packed): split it."
        )


def _begins_with(path: Path, mark: bytes) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(mark)) == mark


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk
