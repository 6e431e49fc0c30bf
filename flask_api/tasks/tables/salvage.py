"""The rows of a damaged table that can be read: line by line, slower than DuckDB, and sure of what it drops.

DuckDB skips bad rows too, but keeps a note of each outside the memory that it counts, and loses its place in a long quoted
cell. Here a bad row is counted, the first hundred are described, and memory stays at a row. The good ones are written anew in
one plain dialect that DuckDB reads without a doubt.
"""

import csv
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask_api.tasks.tables.dialect import MAX_ROW_BYTES, Dialect, open_lines

PROBLEMS_SHOWN = 100
# A quote that is never closed swallows what follows up to the longest row. That often it is read again from the next line on;
# after that what was swallowed is gone with it, or a hostile file would be read a million times.
_REREADS = 1_000
_CHECK_EVERY = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RowProblem:
    """A row that was left out: the line that it begins on, counted from 1, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Salvaged:
    """How many rows were left out, and what was wrong with the first of them."""

    count: int = 0
    problems: tuple[RowProblem, ...] = ()


class RowTooLongError(Exception):
    """One row is longer than any may be, or a quote in it is never closed."""


class _Lines:
    """The lines of a table for a csv reader, which remembers those of the present row to give them again."""

    def __init__(self, path: Path, dialect: Dialect) -> None:
        self._source = enumerate(open_lines(path), start=1)
        self._comment = dialect.comment
        self._again: deque[tuple[int, str]] = deque()
        self._row: list[tuple[int, str]] = []
        self._length = 0
        self._pieces = 0
        self._rereads = 0
        for _ in range(dialect.skip):
            next(self._source, None)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        number, line = self._again.popleft() if self._again else next(self._source)
        while self._comment and not self._row and line.startswith(self._comment):
            number, line = self._again.popleft() if self._again else next(self._source)
        self._row.append((number, line))
        self._length += len(line)
        if self._length >= MAX_ROW_BYTES:
            raise RowTooLongError
        return line

    @property
    def first_line(self) -> int:
        """The number of the line that the present row begins on."""
        return self._row[0][0] - self._pieces if self._row else 0

    @property
    def is_text(self) -> bool:
        """Tell whether all bytes of the present row were UTF-8."""
        return not any(_is_damaged(line) for _, line in self._row)

    def begin_row(self) -> None:
        """Forget the lines of the last row."""
        self._row.clear()
        self._length = 0

    def skip_row(self) -> None:
        """Go on after the first line of the present row, as if the rest had not been read."""
        first, *rest = self._row
        self.begin_row()
        if rest and self._rereads < _REREADS:
            self._rereads += 1
            self._again.extendleft(reversed(rest))
        else:
            self._drop_pieces(rest[-1][1] if rest else first[1])

    def _drop_pieces(self, piece: str) -> None:
        """Pass over what is left of a line that came in pieces."""
        while not self._again and piece[-1] not in "\r\n":
            _, piece = next(self._source, (0, "\n"))
            self._pieces += 1


def _is_damaged(line: str) -> bool:
    if line.isascii():
        return False
    try:
        line.encode()
    except UnicodeEncodeError:
        return True
    return False


def salvage(source: Path, target: Path, dialect: Dialect, *, checkpoint: Callable[[], None]) -> Salvaged:
    """Write the rows that fit ``dialect`` to ``target``, as Dialect.as_salvaged has it; say which were left out.

    Calls ``checkpoint`` every few thousand rows.
    """
    csv.field_size_limit(MAX_ROW_BYTES)  # of the process; the rows' own limit is what counts
    problems: list[RowProblem] = []
    count = 0
    with target.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        for number, (row, problem) in enumerate(_rows(source, dialect)):
            if number % _CHECK_EVERY == 0:
                checkpoint()
            if problem is None:
                writer.writerow(row)
                continue
            count += 1
            if len(problems) < PROBLEMS_SHOWN:
                problems.append(problem)
    return Salvaged(count=count, problems=tuple(problems))


def _rows(source: Path, dialect: Dialect) -> Iterator[tuple[list[str], RowProblem | None]]:
    lines = _Lines(source, dialect)
    options = _csv_options(dialect)
    reader = csv.reader(lines, strict=True, **options)
    awaits_header = dialect.has_header
    while True:
        lines.begin_row()
        try:
            row = next(reader)
        except StopIteration:
            return
        except (csv.Error, RowTooLongError) as error:
            problem = RowProblem(line=lines.first_line, reason=_reason(error))
            lines.skip_row()
            awaits_header = False
            reader = csv.reader(lines, strict=True, **options)  # the old one is in the middle of a cell
            yield [], problem
            continue
        if not row and len(dialect.names) > 1:
            continue  # an empty line
        if awaits_header:
            awaits_header = False
            continue
        yield row or [""], _check(row or [""], lines, dialect)


def _check(row: list[str], lines: _Lines, dialect: Dialect) -> RowProblem | None:
    if len(row) != len(dialect.names):
        return RowProblem(
            line=lines.first_line, reason=f"It has {len(row):,} cells; the table has {len(dialect.names):,} columns."
        )
    if not lines.is_text:
        return RowProblem(line=lines.first_line, reason="It has bytes that are no text in this encoding.")
    return None


def _reason(error: Exception) -> str:
    if isinstance(error, RowTooLongError):
        return f"It is longer than {MAX_ROW_BYTES:,} characters, or a quote in it is never closed."
    if "unexpected end of data" in str(error):
        return "A quote in it is never closed."
    return "There is something between a closing quote and the next separator."


def _csv_options(dialect: Dialect) -> dict[str, Any]:
    if not dialect.quote:
        return {"delimiter": dialect.delimiter, "quoting": csv.QUOTE_NONE}
    options: dict[str, Any] = {"delimiter": dialect.delimiter, "quotechar": dialect.quote}
    if dialect.escape not in ("", dialect.quote):
        options |= {"doublequote": False, "escapechar": dialect.escape}
    return options
