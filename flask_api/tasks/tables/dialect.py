"""How a table is written: what separates its cells, how they are quoted, how many a row has, where its rows begin.

Found out from the first lines, a bounded number of them: the way of writing under which most of these lines have one number of
cells. What the rest of the file says otherwise comes out when it is read, where the same holds for all lines.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Literal

from flask_api.jobs.errors import TaskError
from flask_api.tasks.tables.columns import Wishes, candidates, first_cells
from flask_api.tasks.tables.header import Header, find_header
from flask_api.tasks.tables.lines import MAX_ROW_BYTES, Line, Row, Style, open_lines, read_rows

MAX_COLUMNS = 1_000
_SAMPLE_LINES = 5_000
_SAMPLE_LENGTH = 1_000_000
# In the sample one quote that is never closed must not hide the rest, nor many of them make it long to look at.
_LONGEST_IN_SAMPLE = 100_000
_REREADS_IN_SAMPLE = 50

Delimiter = Literal[",", ";", "\t", "|", ":", " ", "none"]
_DELIMITERS = ("\t", "|", ";", ",")  # where two are as likely, the one that is rarer inside of cells
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

    @property
    def names(self) -> tuple[str, ...]:
        """What the columns are called, as far as it is known before the rows are read."""
        return self.header.names(self.width, last_is_empty=False)

    @property
    def notes(self) -> tuple[str, ...]:
        """What could have been read otherwise, or was changed."""
        blanks = ("Blanks after a separator were dropped.",) if self.style.drops_blanks else ()
        return (*self.header.notes, *blanks)


def find_dialect(
    path: Path, wishes: Wishes, *, delimiter: Delimiter | None = None, has_header: bool | None = None, skip: int = 0
) -> Dialect:
    """Return how the table at ``path`` is written; what is given needs no finding. Raises TaskError when there is no table."""
    lines = list(_sample(open_lines(path, skip=skip)))
    if not any(line.strip() for _, line in lines):
        raise TaskError("The file has no rows.")
    excel = _EXCEL.fullmatch(lines[0][1])
    if excel and delimiter in (None, excel[1]):
        delimiter, skip, lines = excel[1], skip + 1, lines[1:]  # type: ignore[assignment]  # one of them
    _check_columns(lines, delimiter)
    style, width, rows = _find_style(lines, delimiter, wishes)
    if width > MAX_COLUMNS:
        raise TaskError(f"The table has {width:,} columns; accepted are at most {MAX_COLUMNS:,}.")
    header = find_header(rows, width, wishes, has_header=has_header)
    ends = {line[len(line.rstrip("\r\n")) :] for _, line in lines} - {""}
    before = max(skip, header.last_line)
    return Dialect(
        style=style,
        width=width,
        skip=before,
        header=header if not excel else replace(header, skipped=header.skipped + 1),
        line_end="\n" if not ends else ends.pop() if len(ends) == 1 else "",
        line_bytes=sum(len(line.encode("utf-8", "replace")) for _, line in lines) // max(1, len(lines)) + 1,
        first_rows=tuple(row for row in rows if row.line > before and not row.problem and len(row.cells) == width),
        is_simple=style.escape != "\\" and not style.drops_blanks and _is_simple(path, before, style),
    )


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


def _is_simple(path: Path, skip: int, style: Style) -> bool:
    """Tell whether DuckDB finds the first row, too: it takes a quote in the lines before for one of a cell's."""
    head = islice(open_lines(path), skip)
    return all(len(line) < _LONGEST_IN_SAMPLE and (not style.quote or line.count(style.quote) % 2 == 0) for _, line in head)


def _check_columns(lines: list[Line], delimiter: str | None) -> None:
    """Refuse a table of very many columns before it is looked at closely."""
    first = next((line for _, line in lines if line.strip()), "")
    most = max(first.count(each) for each in ((delimiter,) if delimiter else _DELIMITERS))
    if most >= MAX_COLUMNS:
        raise TaskError(f"The table has about {most + 1:,} columns; accepted are at most {MAX_COLUMNS:,}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fit:
    """How well a style fits: of all rows, the share that has the usual number of cells and no more doubt."""

    style: Style
    width: int
    share: float
    rows: tuple[Row, ...]


def _find_style(lines: list[Line], delimiter: Delimiter | None, wishes: Wishes) -> tuple[Style, int, tuple[Row, ...]]:
    if delimiter == "none":
        best = _fit(lines, Style(delimiter="", quote="", escape=""))
        return best.style, 1, best.rows
    text = "".join(line for _, line in lines)
    if delimiter:
        best = max(_fits(lines, text, delimiter), key=lambda fit: fit.share)
        return best.style, best.width, best.rows
    found = [max(_fits(lines, text, each), key=lambda fit: fit.share) for each in _DELIMITERS if each in text]
    likely = [fit for fit in found if fit.width > 1 and fit.share > 0.5 and not _is_prose(fit)]
    if likely:
        best = max(likely, key=lambda fit: (round(fit.share, 1), _typed(fit, wishes))) if len(likely) > 1 else likely[0]
        return best.style, best.width, best.rows
    best = _fit(lines, Style(delimiter=",", quote='"', escape='"'))
    if '"' not in text or best.width > 1 or best.share < 1:
        best = _fit(lines, Style(delimiter="", quote="", escape=""))
    return best.style, 1, best.rows


def _fits(lines: list[Line], text: str, delimiter: str) -> Iterator[_Fit]:
    """Yield how well each way to quote fits: the usual one, and others where it leaves something to wish for."""
    usual = _fit(lines, Style(delimiter=delimiter, quote='"', escape='"'))
    yield usual
    if '"' not in text:
        if re.search(rf"(?:^|{re.escape(delimiter)})'", text, re.MULTILINE):
            single = _fit(lines, Style(delimiter=delimiter, quote="'", escape="'"))
            if any(_is_quoted(cell, "'") for row in usual.rows for cell in row.cells) and single.share >= usual.share:
                yield replace(single, share=single.share + 1e-9)
        return
    if usual.share == 1:
        return
    if '\\"' in text:
        yield _fit(lines, Style(delimiter=delimiter, quote='"', escape="\\"))
    if re.search(rf'{re.escape(delimiter)} +"', text):
        yield _fit(lines, Style(delimiter=delimiter, quote='"', escape='"', drops_blanks=True))
    yield _fit(lines, Style(delimiter=delimiter, quote="", escape=""))


def _fit(lines: list[Line], style: Style) -> _Fit:
    rows = read_rows(lines, style, longest=_LONGEST_IN_SAMPLE, rereads=_REREADS_IN_SAMPLE)
    some = tuple(row for row in rows if row.cells or row.problem or not style.delimiter)
    widths = Counter(len(row.cells) for row in some if not row.problem)
    if not widths:
        return _Fit(style=style, width=1, share=0.0, rows=some)
    width = max(widths, key=lambda each: (widths[each], each))
    good = sum(len(row.cells) == width and not row.problem and not _keeps_quotes(row, style) for row in some)
    return _Fit(style=style, width=width, share=good / len(some), rows=some)


def _keeps_quotes(row: Row, style: Style) -> bool:
    """Tell whether a style that knows no quotes leaves some around a cell."""
    return not style.quote and any(_is_quoted(cell, '"') for cell in row.cells)


def _is_quoted(cell: str, quote: str) -> bool:
    return len(cell) > 1 and cell[0] == quote == cell[-1]


def _is_prose(fit: _Fit) -> bool:
    """Tell whether commas are those of sentences: a blank follows each, and the first line has none."""
    if fit.style.delimiter != "," or len(fit.rows[0].cells) > 1:
        return False
    return all(cell.startswith(" ") for row in fit.rows for cell in row.cells[1:])


def _typed(fit: _Fit, wishes: Wishes) -> float:
    """Return the share of columns that are more than text, read so."""
    columns = columns_of(fit.rows, fit.width)
    return sum(bool(candidates(cells, wishes)) for cells in first_cells(columns, wishes)) / fit.width


def columns_of(rows: Iterable[Row], width: int) -> Sequence[Sequence[str]]:
    """Return the cells of the good rows by column."""
    good = [row.cells for row in rows if len(row.cells) == width and not row.problem]
    return list(zip(*good, strict=True)) if good else [()] * width
