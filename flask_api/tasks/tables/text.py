"""From uploaded bytes to plain UTF-8 text: unpacked, its encoding found out, decoded. Streams; holds a piece at a time."""

import codecs
import gzip
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from flask_api.jobs.errors import TaskError

# Those that a file without a mark is tried for, and those that only a mark, a look at its zeros or its owner tells.
Legacy = Literal[
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "koi8_r", "cp932", "euc_jp", "gb18030", "big5", "cp949", "euc_kr"
]  # fmt: skip
Encoding = Literal["utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32", Legacy]

_CHUNK = 1 << 20
_LOOK = 1 << 16
_GZIP = b"\x1f\x8b"
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
          (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))  # fmt: skip
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b"))
_MOST_CONTROLS = 0.05  # of the bytes: packed data has a tenth, text next to none

Checkpoint = Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A file of UTF-8 (a byte order mark may be there), and the encoding that it had."""

    path: Path
    encoding: str


def read_text(
    source: Path, folder: Path, *, max_bytes: int, encoding: Encoding | None = None, checkpoint: Checkpoint = lambda: None
) -> Text:
    """Return the text of an uploaded file; ``source`` itself when that is UTF-8 already, else a file in ``folder``.

    Calls ``checkpoint`` after every megabyte. Raises TaskError for what is empty, no text, damaged, or larger than
    ``max_bytes`` when unpacked.
    """
    if _begins_with(source, _GZIP):
        source = _write(folder / "unpacked", _unpack(source), max_bytes, checkpoint)
    size = source.stat().st_size
    if size == 0:
        raise TaskError("The file is empty.")
    _check_size(size, max_bytes)
    found = encoding or find_encoding(source, checkpoint)
    if found == "utf-8":
        return Text(path=source, encoding=found)
    # A character can take three times the bytes in UTF-8.
    decoded = _write(folder / "decoded", _decode(source, found), 3 * max_bytes, checkpoint)
    if source.parent == folder:
        source.unlink()  # unpacked, and of no use any more
    return Text(path=decoded, encoding=found)


def find_encoding(path: Path, checkpoint: Checkpoint = lambda: None) -> str:
    """Return the encoding of a file: by its mark, by being UTF-8 throughout, else a guess from its first odd lines.

    UTF-8 with a few damaged places is UTF-8. Raises TaskError for what is no text.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    for number, chunk in enumerate(_chunks(path)):
        if number == 0:
            marked = _by_mark(chunk) or _by_zeros(chunk)
            if marked:
                return marked
            _refuse_binary(chunk)
        checkpoint()
        try:
            decoder.decode(chunk)
        except UnicodeDecodeError as error:
            first = max(0, error.start - _LOOK)
            return _guess(error.object[first : error.start + _LOOK])
    return "utf-8"


def _by_mark(head: bytes) -> str | None:
    return next((name for mark, name in _MARKS if head.startswith(mark)), None)


def _by_zeros(head: bytes) -> str | None:
    """UTF-16 without a mark: most of what people write in tables has a zero in every other byte."""
    half = len(head) // 2
    odd, even = head[1::2].count(0), head[0::2].count(0)
    if odd > 0.4 * half > even * 4:
        return "utf-16-le"
    return "utf-16-be" if even > 0.4 * half > odd * 4 else None


def _refuse_binary(head: bytes) -> None:
    controls = len(head) - len(head.translate(None, _CONTROLS))
    if controls > _MOST_CONTROLS * len(head):
        raise TaskError("The file is not text: accepted are comma or tab separated tables, also packed with gzip.")


def _guess(sample: bytes) -> str:
    text = sample.decode("utf-8", "replace")
    damaged = text.count("\ufffd")
    if sum(not letter.isascii() for letter in text) > 2 * damaged:
        return "utf-8"
    from charset_normalizer import from_bytes

    odd_lines = b"\n".join(line for line in sample.splitlines() if not line.isascii())
    matches = from_bytes(odd_lines, cp_isolation=list(get_args(Legacy)))
    best = matches.best()
    if best is None:
        return "cp1252"
    # A few accents don't tell the Latin code pages apart; then the most widespread one is the likely one.
    alike = {name for match in matches if match.chaos <= best.chaos + 0.01 for name in match.could_be_from_charset}
    return "cp1252" if "cp1252" in alike else best.encoding


def _unpack(source: Path) -> Iterator[bytes]:
    try:
        with gzip.open(source) as stream:
            while chunk := stream.read(_CHUNK):
                yield chunk
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise TaskError(f"The gzip file is damaged: {error}") from error


def _decode(source: Path, encoding: str) -> Iterator[bytes]:
    """Decode piece by piece; what the encoding has no letter for becomes U+FFFD."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for chunk in _chunks(source):
        yield decoder.decode(chunk).encode("utf-8", "replace")
    yield decoder.decode(b"", final=True).encode("utf-8", "replace")


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
        raise TaskError(f"The table has more than {max_bytes:,} bytes (unpacked, if it was packed): split it.")


def _begins_with(path: Path, mark: bytes) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(mark)) == mark


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk
