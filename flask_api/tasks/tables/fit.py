"""How well each way of writing fits the first lines of a table: which separator, which quotes."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from typing import Literal

from flask_api.tasks.tables.columns import Wishes, candidates, first_cells, looks_like
from flask_api.tasks.tables.lines import (
    NO_DELIMITER,
    Line,
    Row,
    Style,
    quotes_after_blank,
    read_rows,
)

# In the sample one quote that is never closed must not hide the rest,
# nor many of them make it long to look at.
LONGEST_IN_SAMPLE = 100_000
_REREADS_IN_SAMPLE = 50

Delimiter = Literal[",", ";", "\t", "|", ":", " ", "none"]
Quote = Literal['"', "'", "none"]
# where two are as likely, the one that is rarer inside of cells
DELIMITERS = ("\t", "|", ";", ",")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How well a style fits: of all rows, the share that has the usual number of cells and no more
    doubt."""

    style: Style
    width: int
    share: float
    rows: tuple[Row, ...]
    doubt: str = ""


def find_style(
    lines: list[Line], delimiter: Delimiter | None, quote: Quote | None, wishes: Wishes
) -> Fit:
    """Return the best fit of these lines; what is given needs no finding."""
    if delimiter == "none":
        return _one_column(lines, quote or "none")
    text = "".join(line for _, line in lines)
    if delimiter:
        return max(_fits(lines, text, delimiter, quote), key=lambda fit: fit.share)
    found = [
        max(_fits(lines, text, each, quote), key=lambda fit: fit.share)
        for each in DELIMITERS
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


def _one_column(lines: list[Line], quote: Quote | None) -> Fit:
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


def _fits(lines: list[Line], text: str, delimiter: str, quote: Quote | None) -> Iterator[Fit]:
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


def _fit(lines: list[Line], style: Style, *, is_given: bool = False) -> Fit:
    rows = read_rows(lines, style, longest=LONGEST_IN_SAMPLE, rereads=_REREADS_IN_SAMPLE)
    some = tuple(row for row in rows if row.cells or row.problem or not style.delimiter)
    widths = Counter(len(row.cells) for row in some if not row.problem)
    if not widths:
        return Fit(style=style, width=1, share=0.0, rows=some)
    width = max(widths, key=lambda each: (widths[each], each))
    good = sum(
        len(row.cells) == width and not row.problem and (is_given or not _keeps_quotes(row, style))
        for row in some
    )
    return Fit(style=style, width=width, share=good / len(some), rows=some)


def _bad(fit: Fit) -> int:
    """Return how many rows are bad. Shares tell less: rows that go on over lines are fewer."""
    return round((1 - fit.share) * len(fit.rows))


def _cells(fit: Fit) -> Iterator[str]:
    return chain.from_iterable(row.cells for row in fit.rows)


def kept_quotes(fit: Fit) -> str:
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


def _is_prose(fit: Fit, *, are_numbers: bool) -> bool:
    """Tell whether commas are those of sentences or numbers:
    the first line has none, and a blank follows each other one."""
    if fit.style.delimiter != "," or len(fit.rows[0].cells) > 1:
        return False
    return are_numbers or all(cell.startswith(" ") for row in fit.rows for cell in row.cells[1:])


def _typed(fit: Fit, wishes: Wishes) -> float:
    """Return the share of columns that are more than text, read so."""
    columns = columns_of(fit.rows, fit.width)
    return (
        sum(bool(candidates(cells, wishes)) for cells in first_cells(columns, wishes)) / fit.width
    )


def columns_of(rows: Iterable[Row], width: int) -> Sequence[Sequence[str]]:
    """Return the cells of the good rows by column."""
    good = [row.cells for row in rows if len(row.cells) == width and not row.problem]
    return list(zip(*good, strict=True)) if good else [()] * width
