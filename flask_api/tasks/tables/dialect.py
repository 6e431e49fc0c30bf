"""How a table is written: what separates its cells, how they are quoted, how many a row has,
where its rows begin.

Found out from the first lines, a bounded number of them: the way of writing under which most of
these lines have one number of cells. What the rest of the file says otherwise comes out when it is
read, where the same holds for all lines.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import Literal

from flask_api.jobs.errors import TaskError
from flask_api.tasks.tables.columns import Wishes, candidates, first_cells, looks_like
from flask_api.tasks.tables.header import Header, find_header
from flask_api.tasks.tables.lines import (
    MAX_ROW_BYTES,
    NO_DELIMITER,
    Line,
    Row,
    Style,
    is_plain,
    open_lines,
    quotes_after_blank,
    read_rows,
)

MAX_COLUMNS = 1_000
_SAMPLE_LINES = 5_000
_SAMPLE_LENGTH = 1_000_000
# In the sample one quote that is never closed must not hide the rest,
# nor many of them make it long to look at.
_LONGEST_IN_SAMPLE = 100_000
_REREADS_IN_SAMPLE = 50

Delimiter = Literal[",", ";", "\t", "|", ":", " ", "none"]
# where two are as likely, the one that is rarer inside of cells
Quote = Literal['"', "'", "none"]
_DELIMITERS = ("\t", "|", ";", ",")
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
        return (*self.header.notes, *blanks, *([self.doubt] if self.doubt else []))


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
    fit = _find_style(lines, delimiter, quote, wishes)
    style, width, rows = fit.style, fit.width, fit.rows
    if width > MAX_COLUMNS:
        raise TaskError(f"The table has {width:,} columns; accepted are at most {MAX_COLUMNS:,}.")
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
        line_bytes=sum(len(line.encode("utf-8", "replace")) for _, line in lines)
        // max(1, len(lines))
        + 1,
        first_rows=tuple(
            row for row in rows if row.line > before and not row.problem and len(row.cells) == width
        ),
        doubt=" ".join(filter(None, (fit.doubt, "" if quote else _kept_quotes(fit)))),
        is_simple=_is_simple(path, before, style, line_end=line_end, width=width),
    )


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
        len(line) >= _LONGEST_IN_SAMPLE or (style.quote and line.count(style.quote) % 2)
        for _, line in head
    ):
        return False
    return is_plain(path, style, line_end=line_end, is_narrow=width == 1)


def _check_columns(lines: list[Line], delimiter: str | None) -> None:
    """Refuse a table of very many columns before it is looked at closely."""
    first = next((line for _, line in lines if line.strip()), "")
    most = max(first.count(each) for each in ((delimiter,) if delimiter else _DELIMITERS))
    if most >= MAX_COLUMNS:
        raise TaskError(
            f"The table has about {most + 1:,} columns; accepted are at most {MAX_COLUMNS:,}."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fit:
    """How well a style fits: of all rows, the share that has the usual number of cells and no more
    doubt."""

    style: Style
    width: int
    share: float
    rows: tuple[Row, ...]
    doubt: str = ""


def _find_style(
    lines: list[Line], delimiter: Delimiter | None, quote: Quote | None, wishes: Wishes
) -> _Fit:
    if delimiter == "none":
        return _one_column(lines, quote or "none")
    text = "".join(line for _, line in lines)
    if delimiter:
        return max(_fits(lines, text, delimiter, quote), key=lambda fit: fit.share)
    found = [
        max(_fits(lines, text, each, quote), key=lambda fit: fit.share)
        for each in _DELIMITERS
        if each in text
    ]
    are_numbers = _are_numbers(lines, wishes)
    likely = [
        fit
        for fit in found
        if fit.width > 1 and fit.share > 0.5 and not _is_prose(fit, are_numbers=are_numbers)
    ]
    if likely:
        best = (
            max(likely, key=lambda fit: (round(fit.share, 1), _typed(fit, wishes)))
            if len(likely) > 1
            else likely[0]
        )
        others = [
            fit.style.delimiter
            for fit in likely
            if fit is not best and fit.share > best.share - 0.05
        ]
        return replace(
            best, doubt=_doubt(others, are_numbers=are_numbers and best.style.delimiter == ",")
        )
    best = _one_column(lines, quote)
    has_quotes = any(line[0] in "\"'" or '"' in line for _, line in lines)
    is_sure = not found and (best.style.quote or quote or not has_quotes)
    return replace(best, doubt="" if is_sure else "No separator was found: each line is one cell.")


def _one_column(lines: list[Line], quote: Quote | None) -> _Fit:
    """Return the fit of a table without separators, whose lines are cells if none is quoted."""
    whole = replace(_fit(lines, Style(delimiter="", quote="", escape="")), width=1)
    if quote == "none":
        return whole
    mark = quote or '"'
    best = _fit(lines, Style(delimiter=NO_DELIMITER, quote=mark, escape=mark))
    if any(quotes_after_blank(cell, mark) for cell in _cells(best)):
        best = _fit(lines, replace(best.style, drops_blanks=True))
    quoted = sum(_is_quoted(line.strip(), mark) for _, line in lines)
    is_quoted = quote or (quoted > sum(bool(row.problem) for row in best.rows) and best.width == 1)
    return replace(best, width=1) if is_quoted else whole


def _doubt(others: list[str], *, are_numbers: bool) -> str:
    if are_numbers:
        return "What is separated by commas might be numbers with a comma in them."
    return f"The separator might be {' or '.join(map(repr, others))} instead." if others else ""


def _are_numbers(lines: list[Line], wishes: Wishes) -> bool:
    """Tell whether each line may be one number with commas in it; the first one may be a name."""
    first, *rest = (line.strip().strip('"') for _, line in lines if line.strip())
    (cells,) = first_cells([rest], wishes)
    found = candidates(cells, wishes) if any("," in cell for cell in cells) else ()
    return bool(found) and ("," not in first or any(looks_like(each, first) for each in found))


def _fits(lines: list[Line], text: str, delimiter: str, quote: Quote | None) -> Iterator[_Fit]:
    """Yield how well each way to quote fits: the given or the usual one,
    and others where it leaves something to wish for."""
    mark = "" if quote == "none" else quote or '"'
    usual = _fit(lines, Style(delimiter=delimiter, quote=mark, escape=mark), is_given=bool(quote))
    yield usual
    if mark and any(quotes_after_blank(cell, mark) for cell in _cells(usual)):
        blanks = _fit(lines, replace(usual.style, drops_blanks=True))
        share = max(blanks.share, usual.share if _bad(blanks) <= _bad(usual) else 0.0)
        yield replace(blanks, share=share + 1e-9)  # what is quoted after a blank was meant to be
    if not quote and re.search(rf"(?:^|{re.escape(delimiter)})'", text, re.MULTILINE):
        single = _fit(lines, Style(delimiter=delimiter, quote="'", escape="'"))
        bad = _bad(usual) + sum(_is_cut(row.cells, "'") for row in usual.rows)
        if any(_is_quoted(cell, "'") for cell in _cells(usual)) and _bad(single) <= bad:
            yield replace(single, share=max(single.share, usual.share) + 1e-9)
    if not mark or mark not in text or usual.share == 1:
        return
    if f"\\{mark}" in text:
        yield _fit(lines, Style(delimiter=delimiter, quote=mark, escape="\\"))
    if not quote:
        yield _fit(lines, Style(delimiter=delimiter, quote="", escape=""))


def _fit(lines: list[Line], style: Style, *, is_given: bool = False) -> _Fit:
    rows = read_rows(lines, style, longest=_LONGEST_IN_SAMPLE, rereads=_REREADS_IN_SAMPLE)
    some = tuple(row for row in rows if row.cells or row.problem or not style.delimiter)
    widths = Counter(len(row.cells) for row in some if not row.problem)
    if not widths:
        return _Fit(style=style, width=1, share=0.0, rows=some)
    width = max(widths, key=lambda each: (widths[each], each))
    good = sum(
        len(row.cells) == width and not row.problem and (is_given or not _keeps_quotes(row, style))
        for row in some
    )
    return _Fit(style=style, width=width, share=good / len(some), rows=some)


def _bad(fit: _Fit) -> int:
    """Return how many rows are bad. Shares tell less: rows that go on over lines are fewer."""
    return round((1 - fit.share) * len(fit.rows))


def _cells(fit: _Fit) -> Iterator[str]:
    return chain.from_iterable(row.cells for row in fit.rows)


def _kept_quotes(fit: _Fit) -> str:
    """Return what to say of quotes that may have been meant to be no text;
    those after a blank are counted later."""
    kept = {"": '"', '"': "'"}.get(fit.style.quote) if fit.style.delimiter else None
    if not kept or not any(cell[:1] == kept for cell in _cells(fit)):
        return ""
    return f"Quotes ({kept}) that cells begin with were taken for text."


def _keeps_quotes(row: Row, style: Style) -> bool:
    """Tell whether a style that knows no quotes leaves some around a cell,
    or around two with a separator between them."""
    return not style.quote and any(
        _is_quoted(cell, '"') or (cell[:1] == '"' and cell.count('"') == 1) for cell in row.cells
    )


def _is_cut(cells: Sequence[str], quote: str) -> bool:
    """Tell whether a quoted cell seems to be cut in two at a separator inside."""
    return any(
        first[:1] == quote and last[-1:] == quote and first.count(quote) == 1 == last.count(quote)
        for first, last in pairwise(cells)
    )


def _is_quoted(cell: str, quote: str) -> bool:
    return len(cell) > 1 and cell[0] == quote == cell[-1]


def _is_prose(fit: _Fit, *, are_numbers: bool) -> bool:
    """Tell whether commas are those of sentences or numbers:
    the first line has none, and a blank follows each other one."""
    if fit.style.delimiter != "," or len(fit.rows[0].cells) > 1:
        return False
    return are_numbers or all(cell.startswith(" ") for row in fit.rows for cell in row.cells[1:])


def _typed(fit: _Fit, wishes: Wishes) -> float:
    """Return the share of columns that are more than text, read so."""
    columns = columns_of(fit.rows, fit.width)
    return (
        sum(bool(candidates(cells, wishes)) for cells in first_cells(columns, wishes)) / fit.width
    )


def columns_of(rows: Iterable[Row], width: int) -> Sequence[Sequence[str]]:
    """Return the cells of the good rows by column."""
    good = [row.cells for row in rows if len(row.cells) == width and not row.problem]
    return list(zip(*good, strict=True)) if good else [()] * width
