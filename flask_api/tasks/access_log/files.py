"""Reading and writing access logs line by line, plain or packed by gzip,
in bounded memory whatever is in them."""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self, cast

from flask_api.jobs.errors import TaskError

MAX_LINE = 32_768
# Five million lines or so. What is packed counts as unpacked, so a bomb ends here.
MAX_LOG_BYTES = 1_000_000_000
_GZIP_MARK = b"\x1f\x8b"
_PIECE = 1 << 16


class LogTooLarge(TaskError):
    """The log is longer than this task reads, or its new version than a job may keep."""


@dataclass(frozen=True, slots=True)
class ReadLine:
    """One line with its line break, or ``problem``: why it can't be given."""

    number: int
    data: bytes
    problem: str | None = None


def is_packed(stream: BinaryIO) -> bool:
    """Tell whether a file is packed by gzip; the stream is at its start then."""
    mark = stream.read(len(_GZIP_MARK))
    stream.seek(0)
    return mark == _GZIP_MARK


def read_lines(stream: BinaryIO, *, max_bytes: int = MAX_LOG_BYTES) -> Iterator[ReadLine]:
    """Give the lines of a log. Too long ones are left out, with a problem;
    so is what comes after a break in the packing.

    Raises LogTooLarge.
    """
    source = cast(BinaryIO, gzip.GzipFile(fileobj=stream)) if is_packed(stream) else stream
    number = read = 0
    try:
        while data := source.readline(MAX_LINE + 1):
            number += 1
            read += len(data)
            is_long = len(data) > MAX_LINE
            while is_long and data and not data.endswith(b"\n"):
                data = source.readline(_PIECE)
                read += len(data)
                _check(read, max_bytes)
            _check(read, max_bytes)
            yield (
                ReadLine(number, b"", f"over {MAX_LINE} bytes")
                if is_long
                else ReadLine(number, data)
            )
    except (EOFError, zlib.error, gzip.BadGzipFile):
        yield ReadLine(number + 1, b"", "the packed file breaks off here")


def _check(read: int, max_bytes: int) -> None:
    if read > max_bytes:
        raise LogTooLarge(f"The log has more than {max_bytes} bytes, unpacked: give it in parts.")


class LogWriter:
    """Writes a log to a new file, packed or not. Use it in a ``with`` block."""

    def __init__(self, path: Path, *, packed: bool, max_bytes: int) -> None:
        self._file = path.open("xb")
        self._out = (
            cast(BinaryIO, gzip.GzipFile(fileobj=self._file, mode="wb", filename=""))
            if packed
            else self._file
        )
        self._max_bytes = max_bytes

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._out.close()
        self._file.close()

    def write(self, line: bytes) -> None:
        """Add a line with its line break. Raises LogTooLarge as soon as the file is longer than a
        job may keep."""
        self._out.write(line)
        if self._file.tell() > self._max_bytes:
            raise LogTooLarge(
                f"The new log has more than {self._max_bytes} bytes: give the log in "
                "parts, or packed by gzip."
            )
