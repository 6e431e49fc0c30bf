"""The lines of a text and the rows in them, read in Python:
slower than DuckDB, and sure of what it drops.

A bad row is told from a good one, a quote that is never closed costs its own line only, and memory
stays at one row. What a row is depends on a :class:`Style` alone,
not on how many cells a row should have.
"""

import codecs
import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

MAX_ROW_BYTES = 1_000_000
# A quote that is never closed swallows what follows up to the longest row. That often it is read
# again from the next line on; after that what was swallowed is gone with it,
# or a hostile file would be read a million times.
_REREADS = 1_000
_CHUNK = 1 << 20
NO_DELIMITER = "\x1f"  # of a table of one column: a line that has one is read in Python
_LINE_END = re.compile(r"\r\n|\r|\n")
_BACKSLASH = re.compile(r"\\([\\\"'])")
# A quote after a backslash on its way through csv, which by itself drops any backslash, and what
# follows a closing quote becomes part of the cell. No text has this letter: it is half of one.
_ESCAPED = "\ud800"

Line = tuple[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """What separates cells and quotes them. Without ``delimiter`` a line is a cell;
    ``quote`` may be empty.

    ``escape`` is the quote itself (it is doubled) or a backslash (before a quote or another
    backslash). ``drops_blanks`` after a separator, for tables that set them before quotes.
    """

    delimiter: str
    quote: str
    escape: str
    drops_blanks: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row's cells (none of an empty line), the line it begins on, counted from 1,
    and what is wrong with it, or nothing."""

    cells: list[str]
    line: int
    problem: str = ""

    @property
    def last_line(self) -> int:
        """The line that it ends on: a quoted cell may go on over several."""
        return self.line + sum(len(_LINE_END.findall(cell)) for cell in self.cells)


class RowTooLongError(Exception):
    """One row is longer than any may be, or a quote in it is never closed."""


def is_plain(path: Path, style: Style, *, line_end: str, is_narrow: bool) -> bool:
    """Tell whether DuckDB reads a text's cells as :func:`read_rows` does; False where it may not.

    It drops blanks between a quote and the separator before or after it, and a blank beside a line
    end of another kind; where a line is a cell (``is_narrow``), any such end is in doubt. It takes
    a first row that is longer than its buffer for none.
    """
    quote = style.quote.encode()
    loose = _loose(style)
    before = b"\n"
    for chunk in _chunks(path):
        if len(chunk) >= MAX_ROW_BYTES and b"\n" not in chunk:
            return False
        if not _ends_alike(before[-1:] + chunk, line_end, is_narrow=is_narrow):
            return False
        joined = before + chunk
        if quote and (b" " + quote in joined or quote + b" " in joined) and loose.search(joined):
            return False
        before = joined[max(0, len(joined.rstrip(b" ")) - 1) :]  # blanks go on in the next one
        if len(before) > MAX_ROW_BYTES:
            return False
    return before != b"\r" and not (quote and before.startswith(quote + b" "))


def _loose(style: Style) -> re.Pattern[bytes]:
    quote, mark = (re.escape(each).encode() for each in (style.quote, style.delimiter))
    if style.delimiter == " ":
        return re.compile(
            rb"[\r\n] +%b|  %b|%b  |%b +[\r\n%b]" % (quote, quote, quote, quote, quote)
        )
    return re.compile(rb"[\r\n%b] +%b|%b +[\r\n%b%b]" % (mark, quote, quote, mark, quote))


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        chunk = stream.read(_CHUNK)
        yield chunk.removeprefix(codecs.BOM_UTF8)
        while chunk := stream.read(_CHUNK):
            yield chunk


def _ends_alike(text: bytes, line_end: str, *, is_narrow: bool) -> bool:
    """Tell whether all lines end so; a first and a last byte that may be half an end don't
    count."""
    if line_end == "\n":
        return b"\r" not in text
    pairs = text.count(b"\r\n")
    is_alike = text.count(b"\r") - text.endswith(b"\r") <= pairs
    return is_alike and not (is_narrow and text.count(b"\n") - text.startswith(b"\n") > pairs)


def quotes_after_blank(cell: str, quote: str) -> bool:
    """Tell whether a quote follows blanks at a cell's begin:
    it may have been meant to be one around the cell."""
    return cell[:1] == " " and cell.lstrip(" ")[:1] == quote


def open_lines(path: Path, *, skip: int = 0) -> Iterator[Line]:
    """Yield the numbered lines of a text after the first ``skip``, with their ends of any kind.

    One that is longer than a row may be comes in pieces of one number.
    A byte that is not UTF-8 is a lone surrogate.
    """
    number = 1
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        while line := stream.readline(MAX_ROW_BYTES):
            if number > skip:
                yield number, line
            if line[-1] in "\r\n":
                number += 1


def read_rows(
    lines: Iterable[Line], style: Style, *, longest: int = MAX_ROW_BYTES, rereads: int = _REREADS
) -> Iterator[Row]:
    """Yield all rows of numbered lines, the bad ones too.
    ``longest`` characters are the most of a row."""
    source = _Lines(lines, longest=longest, rereads=rereads)
    if not style.delimiter:
        yield from _whole_lines(source)
        return
    csv.field_size_limit(MAX_ROW_BYTES)  # of the process; the rows' own limit is what counts
    reader = _reader(source, style)
    while True:
        source.begin_row()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, RowTooLongError) as error:
            row = Row(cells=[], line=source.first_line, problem=_reason(error, longest))
            source.skip_row()
            reader = _reader(source, style)  # the old one is in the middle of a cell
            yield row
            continue
        yield Row(cells=cells, line=source.first_line, problem=source.damage)


def _whole_lines(source: "_Lines") -> Iterator[Row]:
    while True:
        source.begin_row()
        try:
            line = next(source, None)
        except RowTooLongError as error:
            row = Row(cells=[], line=source.first_line, problem=_reason(error, MAX_ROW_BYTES))
            source.skip_row()
            yield row
            continue
        if line is None:
            return
        cell = line.rstrip("\r\n")
        yield Row(cells=[cell] if cell else [], line=source.first_line, problem=source.damage)


def _reader(source: "_Lines", style: Style) -> Iterator[list[str]]:
    if not style.quote:
        return csv.reader(source, strict=True, delimiter=style.delimiter, quoting=csv.QUOTE_NONE)
    marks = {
        "delimiter": style.delimiter,
        "quotechar": style.quote,
        "skipinitialspace": style.drops_blanks,
    }
    if style.escape == "\\":
        lines = (
            _BACKSLASH.sub(lambda found: _ESCAPED if found[1] == style.quote else found[1], line)
            for line in source
        )
        rows = csv.reader(lines, strict=True, **marks)  # type: ignore[arg-type]  # of str and bool
        return ([cell.replace(_ESCAPED, style.quote) for cell in row] for row in rows)
    return csv.reader(source, strict=True, **marks)  # type: ignore[arg-type]


def _reason(error: Exception, longest: int) -> str:
    if isinstance(error, RowTooLongError):
        return f"It is longer than {longest:,} characters, or a quote in it is never closed."
    if "unexpected end of data" in str(error):
        return "A quote in it is never closed."
    return "There is something between a closing quote and the next separator."


class _Lines:
    """The lines of a table for a csv reader, which remembers those of the present row to give them
    again."""

    def __init__(self, lines: Iterable[Line], *, longest: int, rereads: int) -> None:
        self._source = iter(lines)
        self._longest = longest
        self._rereads = rereads
        self._again: deque[Line] = deque()
        self._row: list[Line] = []
        self._length = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        number, line = self._again.popleft() if self._again else next(self._source)
        self._row.append((number, line))
        self._length += len(line)
        if self._length >= self._longest:
            raise RowTooLongError
        return line

    @property
    def first_line(self) -> int:
        """The number of the line that the present row begins on."""
        return self._row[0][0] if self._row else 0

    @property
    def damage(self) -> str:
        """What is wrong when not all bytes of the present row were text."""
        if any(_is_damaged(line) for _, line in self._row):
            return "It has bytes that are no text in this encoding."
        return ""

    def begin_row(self) -> None:
        """Forget the lines of the last row."""
        self._row.clear()
        self._length = 0

    def skip_row(self) -> None:
        """Go on after the first line of the present row, as if the rest had not been read."""
        first, *rest = self._row
        self.begin_row()
        if rest and self._rereads > 0:
            self._rereads -= 1
            self._again.extendleft(reversed(rest))
        else:
            self._drop_pieces(rest[-1][1] if rest else first[1])

    def _drop_pieces(self, piece: str) -> None:
        """Pass over what is left of a line that came in pieces."""
        while not self._again and piece[-1] not in "\r\n":
            _, piece = next(self._source, (0, "\n"))


def _is_damaged(line: str) -> bool:
    if line.isascii():
        return False
    try:
        line.encode()
    except UnicodeEncodeError:
        return True
    return False
