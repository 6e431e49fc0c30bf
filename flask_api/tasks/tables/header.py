"""The names of a table's columns, and what stands above them.

A title, a blank line or a comment above the table has another number of cells than its rows; a
header may be one name short (a column of row names, as R writes it)
or too long (an empty name at its end).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from flask_api.tasks.tables.cells.readings import LONGEST
from flask_api.tasks.tables.cells.types import Kind
from flask_api.tasks.tables.columns import Wishes, candidates, first_cells
from flask_api.tasks.tables.lines import Row

_NAME_LENGTH = 100
_NAMES_LENGTH = 60_000  # of all together: they are in the result, which is bounded
_LINES_ABOVE = 100
_YEAR = re.compile("(?:19|20)[0-9]{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The names above the rows, if there are some,
    and how many lines above them were passed over."""

    cells: tuple[str, ...] | None = None
    last_line: int = 0  # before the first row
    skipped: int = 0
    is_sure: bool = True
    notes: tuple[str, ...] = field(default=())

    def names(self, width: int, *, last_is_empty: bool) -> tuple[str, ...]:
        """Return a name for each of ``width`` columns.
        ``last_is_empty`` tells a separator at the end from row names."""
        cells = list(self.cells or ())
        if len(cells) == width - 1 and not last_is_empty and self.cells:
            cells = ["", *cells]
        return clean_names([*cells, *[""] * width][:width])


def find_header(
    rows: Sequence[Row], width: int, wishes: Wishes, *, has_header: bool | None
) -> Header:
    """Return where the rows begin and what their columns are called.
    ``rows`` are the first ones, the bad ones among them."""
    place = next(
        (number for number, row in enumerate(rows) if len(row.cells) == width and not row.problem),
        None,
    )
    if place is None:  # the first ones are too long to be looked at
        note = "The first line was taken for a row; it might be otherwise."
        return Header(is_sure=False, notes=() if has_header is False else (note,))
    if place > _LINES_ABOVE:
        return Header()
    first, body = rows[place], rows[place + 1 :]
    verdict, is_sure = _verdict(first, body, width, wishes)
    above = rows[place - 1] if place else None
    if has_header is False:
        return _header(None, _last_before(first, width), place)
    if above and not verdict and _could_name(above, width, wishes):
        note = f"The header has {len(above.cells):,} names for {width:,} columns."
        return _header(above, above.last_line, place - 1, notes=(note,))
    if verdict and not is_sure and has_header is None:
        note = f"Line {first.line:,} was taken for the header; it might be otherwise."
        return _header(first, first.last_line, place, is_sure=False, notes=(note,))
    if verdict is None and has_header is None:
        return _guessed(first, width, place)
    if verdict or has_header:
        return _header(first, first.last_line, place)
    return _header(None, _last_before(first, width), place)


def _guessed(first: Row, width: int, place: int) -> Header:
    """Take a line that could be either for a header if each of its names is one by itself."""
    # that of an index is often left out
    names = first.cells if first.cells[0].strip() else first.cells[1:]
    is_header = (
        bool(names) and all(cell.strip() for cell in names) and len(set(names)) == len(names)
    )
    row, last_line = (first, first.last_line) if is_header else (None, _last_before(first, width))
    taken = "was taken for the header" if is_header else "was taken for a row"
    note = f"Line {first.line:,} {taken}; it might be otherwise."
    return _header(row, last_line, place, is_sure=False, notes=(note,))


def clean_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return names that can be shown and told apart, also by who ignores case:
    printable, not too long, none empty."""
    longest = max(8, min(_NAME_LENGTH, _NAMES_LENGTH // len(names)))
    cleaned: dict[str, str] = {}
    for number, name in enumerate(names, start=1):
        shown = (
            "".join(letter if letter.isprintable() else " " for letter in name).strip()[:longest]
            or f"column{number - 1}"
        )
        while shown.casefold() in cleaned:
            shown = (
                f"{shown[: longest - 6].rstrip()} {number}"
                if not shown.endswith(f" {number}")
                else f"{shown}+"
            )
        cleaned[shown.casefold()] = shown
    return tuple(cleaned.values())


def _last_before(row: Row, width: int) -> int:
    """Return the line above the first row; of one column,
    what is empty there is a cell as it is anywhere else."""
    return row.line - 1 if width > 1 else 0


def _header(
    row: Row | None,
    last_line: int,
    above: int,
    *,
    is_sure: bool = True,
    notes: tuple[str, ...] = (),
) -> Header:
    if above:
        notes = (
            f"{above:,} {'line' if above == 1 else 'lines'} above the table passed over.",
            *notes,
        )
    return Header(
        cells=tuple(row.cells) if row else None,
        last_line=last_line,
        skipped=above,
        is_sure=is_sure,
        notes=notes,
    )


def _could_name(row: Row, width: int, wishes: Wishes) -> bool:
    """Tell whether a line of another width names the columns:
    enough words, none of them a value."""
    cells = [cell for cell in row.cells if cell.strip()]
    if row.problem or not cells or any(cell.strip() for cell in row.cells[width:]):
        return False
    is_short = len(row.cells) < 2 or 2 * len(row.cells) < width
    return not is_short and not any(
        candidates([cell], wishes) for cell in cells if len(cell) <= LONGEST
    )


def _verdict(
    first: Row, body: Sequence[Row], width: int, wishes: Wishes
) -> tuple[bool | None, bool]:
    """Tell whether the first row names columns: its words stand above numbers or dates.
    None when there is a doubt. Also tell whether more than one row says so."""
    good = [row.cells for row in body if len(row.cells) == width and not row.problem]
    if not good:
        return None, False
    columns = list(zip(*good, strict=True))
    years: list[str] = []
    above_kinds = below_none = evidence = 0
    for name, column, cells in zip(
        map(str.strip, first.cells), columns, first_cells(columns, wishes), strict=True
    ):
        both = {cell.strip(" ") for cell in cells}
        kinds = [
            each
            for each in candidates(cells, wishes)
            if not each.sides or both.issuperset(each.sides)
        ]
        if not name:
            continue
        if kinds and not wishes.stands_for_none(name):
            fits = any(len(name) <= LONGEST and re.fullmatch(each.pattern, name) for each in kinds)
            is_word = not fits and _is_word(name, wishes)  # a date above numbers says nothing
            above_kinds, below_none = above_kinds + is_word, below_none + fits
            evidence = max(evidence, is_word * len(cells))
            years += (
                [name] if _YEAR.fullmatch(name) and not all(map(_YEAR.fullmatch, cells)) else []
            )
        elif not kinds:
            below_none += name in map(str.strip, column)
    if len(years) > 1 and _are_even(years):
        return True, True
    if bool(above_kinds) == bool(below_none):
        return None, False
    return above_kinds > 0, evidence != 1  # one row may be so by chance


def _is_word(name: str, wishes: Wishes) -> bool:
    """Tell whether a name is neither a number nor a date, also not half of one.
    Words for true and false are names: n, on."""
    is_value = any(each.kind is not Kind.BOOLEAN for each in candidates([name], wishes))
    return not is_value and any(map(str.isalpha, name))


def _are_even(years: Sequence[str]) -> bool:
    """Tell whether years are at one distance, as they stand above columns."""
    steps = {int(later) - int(earlier) for earlier, later in pairwise(years)}
    return len(steps) == 1 and 0 not in steps
