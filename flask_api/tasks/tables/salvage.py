"""The rows of a damaged table that can be read:
one by one, slower than DuckDB, and sure of what is dropped.

DuckDB skips bad rows too, but keeps a note of each outside the memory that it counts, and loses its
place in a long quoted cell. Here a bad row is counted, the first hundred are described, and memory
stays at a row. The good ones are written again in one plain dialect that DuckDB reads without a
doubt.
"""

import csv
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from flask_api.tasks.tables.dialect import MAX_COLUMNS, Dialect
from flask_api.tasks.tables.lines import Row, Style, open_lines, quotes_after_blank, read_rows

SALVAGED = Style(delimiter=",", quote='"', escape='"')
PROBLEMS_SHOWN = 100
_CHECK_EVERY = 10_000
_WIDTHS = 1_000  # told apart


@dataclass(frozen=True, slots=True, kw_only=True)
class RowProblem:
    """A row that was left out: the line that it begins on, counted from 1, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Salvaged:
    """How many rows were left out, what was wrong with the first of them,
    and how many cells most rows have.

    ``loose_quote`` is the line of the first quote after a blank that was taken for text,
    0 when there is none.
    """

    count: int = 0
    problems: tuple[RowProblem, ...] = ()
    usual_width: int = 0
    loose_quote: int = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """What could have been read otherwise."""
        if not self.loose_quote:
            return ()
        return (
            f"The quote after a blank on line {self.loose_quote:,} was taken for text, as are "
            "others like it.",
        )


def salvage(
    source: Path, target: Path, dialect: Dialect, *, checkpoint: Callable[[], None]
) -> Salvaged:
    """Write the rows that fit ``dialect`` to ``target``, in the style SALVAGED;
    say which were left out.

    Calls ``checkpoint`` every few thousand rows.
    """
    problems: list[RowProblem] = []
    count = loose_quote = 0
    quote = "" if dialect.style.drops_blanks else dialect.style.quote
    widths: Counter[int] = Counter()
    with target.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        # the other one leaves a bare \r
        quoter = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL)
        for row in _checked_rows(source, dialect, checkpoint):
            if dialect.width > 1 and _is_empty(row):
                continue
            del row.cells[_cells_that_count(row, dialect.width) :]
            width = len(row.cells) or 1  # an empty line of one column is an empty cell
            if not row.problem and (width in widths or len(widths) < _WIDTHS):
                widths[width] += 1
            reason = _problem(row, dialect.width)
            if not reason:
                text = "".join(row.cells)
                if quote and not loose_quote and quote in text:
                    is_loose = any(quotes_after_blank(cell, quote) for cell in row.cells)
                    loose_quote = row.line if is_loose else 0
                (quoter if "\r" in text else writer).writerow(row.cells or [""])
                continue
            count += 1
            if len(problems) < PROBLEMS_SHOWN:
                problems.append(RowProblem(line=row.line, reason=reason))
    usual = _usual(widths, dialect.width)
    return Salvaged(
        count=count, problems=tuple(problems), usual_width=usual, loose_quote=loose_quote
    )


def _checked_rows(source: Path, dialect: Dialect, checkpoint: Callable[[], None]) -> Iterator[Row]:
    rows = read_rows(open_lines(source, skip=dialect.skip), dialect.style)
    for number, row in enumerate(rows):
        if number % _CHECK_EVERY == 0:
            checkpoint()
        yield row


def _is_empty(row: Row) -> bool:
    """Tell whether a row of a table with separators is an empty line."""
    has_cells = len(row.cells) > 1 or bool(row.cells and row.cells[0].strip(" "))
    return not row.problem and not has_cells


def _cells_that_count(row: Row, width: int) -> int:
    """Return how many cells a row has without the empty ones after the last column,
    which DuckDB passes over as well."""
    count = len(row.cells)
    while count > width and not row.cells[count - 1]:
        count -= 1
    return count


def _problem(row: Row, width: int) -> str:
    if row.problem or len(row.cells or [""]) == width:
        return row.problem
    seen = f"It goes on to line {row.last_line:,} and has" if row.last_line > row.line else "It has"
    return f"{seen} {len(row.cells):,} cells; the table has {width:,} columns."


def _usual(widths: Counter[int], width: int) -> int:
    """Return the width that more than half of the rows have, else the present one."""
    most = max(widths, key=lambda each: widths[each], default=width)
    return most if most <= MAX_COLUMNS and 2 * widths[most] > sum(widths.values()) else width
