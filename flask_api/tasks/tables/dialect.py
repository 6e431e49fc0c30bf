"""How a table is written: what separates its cells, how they are quoted, how many a row has,
where its rows begin.

Found out from the first lines, a bounded number of them: the way of writing under which most of
these lines have one number of cells. What the rest of the file says otherwise comes out when it is
read, where the same holds for all lines.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from flask_api.jobs.errors import TaskError
from flask_api.tasks.tables.columns import Wishes
from flask_api.tasks.tables.fit import (
    DELIMITERS,
    LONGEST_IN_SAMPLE,
    Delimiter,
    Quote,
    find_style,
    kept_quotes,
)
from flask_api.tasks.tables.header import Header, find_header
from flask_api.tasks.tables.lines import (
    MAX_ROW_BYTES,
    NO_DELIMITER,
    Line,
    Row,
    Style,
    is_plain,
    open_lines,
)

MAX_COLUMNS = 1_000
_SAMPLE_LINES = 5_000
_SAMPLE_LENGTH = 1_000_000
_ESCAPES = "A backslash before a quote or another backslash was taken for its escape, and dropped."

_EXCEL = re.compile(r'"?sep=([,;\t|: ])"?\r?\n?', re.IGNORECASE)  # Excel's own first line


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How to read one table: its rows begin after ``skip`` lines, ``width`` cells in each."""

    style: Style
    width: int
    skip: int
    header: Header
    line_end: str  # of the lines seen; empty when they differ
    line_bytes: int  # of the lines seen, on average
    first_rows: tuple[Row, ...]  # good ones, to guess from
    is_simple: bool  # whether DuckDB reads it as we do
    doubt: str  # about the separator

    @property
    def names(self) -> tuple[str, ...]:
        """What the columns are called, as far as it is known before the rows are read."""
        return self.header.names(self.width, last_is_empty=False)

    @property
    def delimiter(self) -> Delimiter:
        """What separates cells, as an argument has it."""
        return "none" if self.style.delimiter in ("", NO_DELIMITER) else self.style.delimiter  # type: ignore[return-value]  # one of them

    @property
    def notes(self) -> tuple[str, ...]:
        """What could have been read otherwise, or was changed."""
        blanks = ("Blanks after a separator were dropped.",) if self.style.drops_blanks else ()
        escapes = (_ESCAPES,) if self.style.escape == "\\" else ()
        return (*self.header.notes, *blanks, *escapes, *([self.doubt] if self.doubt else []))


def find_dialect(
    path: Path,
    wishes: Wishes,
    *,
    delimiter: Delimiter | None = None,
    quote: Quote | None = None,
    has_header: bool | None = None,
    skip: int = 0,
) -> Dialect:
    """Return how the table at ``path`` is written; what is given needs no finding.
    Raises TaskError when there is no table."""
    lines = list(_sample(open_lines(path, skip=skip)))
    if not any(line.strip() for _, line in lines):
        raise TaskError(_why_nothing(path, skip))
    excel = _EXCEL.fullmatch(lines[0][1])
    if excel and delimiter in (None, excel[1]):
        delimiter, skip, lines = excel[1], skip + 1, lines[1:]  # type: ignore[assignment]  # one of them
    _check_columns(lines, delimiter)
    fit = find_style(lines, delimiter, quote, wishes)
    style, width, rows = fit.style, fit.width, fit.rows
    if width > MAX_COLUMNS:
        raise TaskError(f"The table has {width:,} columns; it must have at most {MAX_COLUMNS:,}.")
    header = find_header(rows, width, wishes, has_header=has_header)
    ends = {line[len(line.rstrip("\r\n")) :] for _, line in lines} - {""}
    before = max(skip, header.last_line)
    line_end = "\n" if not ends else ends.pop() if len(ends) == 1 else ""
    return Dialect(
        style=style,
        width=width,
        skip=before,
        header=header if not excel else replace(header, skipped=header.skipped + 1),
        line_end=line_end,
        line_bytes=_usual_bytes(lines),
        first_rows=tuple(
            row for row in rows if row.line > before and not row.problem and len(row.cells) == width
        ),
        doubt=" ".join(filter(None, (fit.doubt, "" if quote else kept_quotes(fit)))),
        is_simple=_is_simple(path, before, style, line_end=line_end, width=width),
    )


def _usual_bytes(lines: list[Line]) -> int:
    size = sum(len(line.encode("utf-8", "replace")) for _, line in lines)
    return size // max(1, len(lines)) + 1


def _why_nothing(path: Path, skip: int) -> str:
    if any(len(line) >= MAX_ROW_BYTES for _, line in open_lines(path, skip=skip)):
        return f"Its rows are longer than {MAX_ROW_BYTES:,} characters: no table has such."
    return "The file has no rows."


def _sample(source: Iterator[Line]) -> Iterator[Line]:
    """Yield the first lines, without those that come in pieces."""
    length = 0
    last: Line | None = None
    was_cut = False
    for number, line in islice(source, _SAMPLE_LINES):
        is_whole = not was_cut and len(line) < MAX_ROW_BYTES
        was_cut = line[-1] not in "\r\n"
        if is_whole:
            last = (number, line)
            length += len(line)
            yield last
        if length > _SAMPLE_LENGTH:
            return


def _is_simple(path: Path, skip: int, style: Style, *, line_end: str, width: int) -> bool:
    """Tell whether DuckDB reads all as we do. It takes a quote in the lines above the rows for one
    of a cell's."""
    if style.escape == "\\" or style.drops_blanks:
        return False
    head = islice(open_lines(path), skip)
    if any(
        len(line) >= LONGEST_IN_SAMPLE or (style.quote and line.count(style.quote) % 2)
        for _, line in head
    ):
        return False
    return is_plain(path, style, line_end=line_end, is_narrow=width == 1)


def _check_columns(lines: list[Line], delimiter: str | None) -> None:
    """Refuse a table of very many columns before it is looked at closely."""
    first = next((line for _, line in lines if line.strip()), "")
    most = max(first.count(each) for each in ((delimiter,) if delimiter else DELIMITERS))
    if most >= MAX_COLUMNS:
        raise TaskError(
            f"The table has about {most + 1:,} columns; it must have at most {MAX_COLUMNS:,}."
        )
