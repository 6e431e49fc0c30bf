"""Whether one cell, or one line, is what was written."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from flask_api.tasks.tables.cells.types import Kind, kind_of
from flask_api.tasks.tables.columns import MISSING, Decision
from flask_api.tasks.tables.dialect import Dialect
from flask_api.tasks.tables.encoding import FoundEncoding
from flask_api.tasks.tables.read import StoredRows
from tests.integration.tables.random.random_cells import Cell, Meaning
from tests.integration.tables.random.written import Line, Way, quoted


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What came of a table's bytes."""

    encoding: FoundEncoding
    dialect: Dialect
    stored: StoredRows
    rows: list[tuple[Any, ...]]


def notes_of(reading: Reading, word: str) -> bool:
    """Tell whether a note says so."""
    return any(word in note for note in (*reading.dialect.notes, *reading.stored.notes))


def is_missing(cell: Cell) -> bool:
    """Tell whether the cell is empty or a word for no value."""
    return cell.text.strip(" ").lower() in {"", *MISSING}


def may_be_meant(row: Sequence[Any], line: Line, way: Way, reading: Reading) -> bool:
    """Tell whether a row is another that its damaged line may as well mean: with a quote that
    strayed, one after a backslash is one, as is said."""
    if line.is_damaged and not way.escape and notes_of(reading, "backslash before a quote"):
        return True
    return any(is_read_as(row, other, line, reading.stored.decisions) for other in line.also)


def holds_something(line: Line) -> bool:
    """Tell whether a cell of the line is not blank."""
    texts = [cell.text for cell in line.cells]
    if line.is_damaged:
        texts = [text for other in line.also for text in other] or ["no text"]
    return any(text.strip(" ") for text in texts)


def keeps_quotes(way: Way, dialect: Dialect) -> bool:
    """Tell whether the quotes that this way sets around cells were taken for text."""
    is_other = way.quote != dialect.style.quote or (way.blank and not dialect.style.drops_blanks)
    return bool(way.quote and is_other)


def as_found(cell: Cell, way: Way, dialect: Dialect) -> Cell:
    """Return the cell as it stands there when its quotes were taken for text,
    or the blanks before it dropped, as is said."""
    if keeps_quotes(way, dialect):
        text = quoted(cell.text, way)
        return cell if text == cell.text else Cell(text, text)
    if dialect.style.drops_blanks and quoted(cell.text, way) == cell.text:
        text = cell.text.lstrip(" ")
        return cell if text == cell.text else Cell(text, text)
    return cell


def is_read_as(
    row: Sequence[Any], cells: Sequence[str], line: Line, read_as: Sequence[Decision]
) -> bool:
    """Tell whether a damaged line was read so; empty cells after the last column don't count."""
    known = {cell.text: cell for cell in line.cells}
    cells = [*cells]
    while len(cells) > len(row) and not cells[-1]:
        cells.pop()
    return len(cells) == len(row) and all(
        is_said(value, known.get(text) or Cell(text, text), decision) or has_digits(value, text)
        for value, text, decision in zip(row, cells, read_as, strict=True)
    )


def has_digits(value: Any, text: str) -> bool:
    """Tell whether a value that is left of a cell has the digits of what is left of its text."""
    if isinstance(value, str | None | bool):
        return False
    if isinstance(value, date):  # what is left of 2053/05/18 may be 2053/05/1
        parts, kept = (
            [int(each) for each in re.findall("[0-9]+", of)] for of in (str(value), text)
        )
        while len(parts) > len(kept) and parts[-1] == 0:
            parts.pop()
        if sorted(parts) == sorted(kept):
            return True
    shown, written = (re.sub("[^0-9]", "", each).strip("0") for each in (str(value), text))
    return shown == written


def is_said(value: Any, cell: Cell, decision: Decision) -> bool:
    """Tell whether a value is the cell, or what it means,
    or one of the meanings that the column's summary names."""
    kind = kind_of(decision.sql_type)
    if value is None:
        is_word = cell.text.strip(" ").lower() in MISSING
        return (
            not cell.text.strip(" ") if kind is Kind.TEXT else not cell.text.strip(" ") or is_word
        )
    if decision.sql_type == "TIMESTAMP WITH TIME ZONE":
        value = datetime.fromisoformat(value)
    if kind is Kind.TEXT:
        return bool(value == cell.text)
    if isinstance(value, bool):
        yes, no = decision.rule.removeprefix("boolean: ").split(" or ")
        return cell.text.strip(" ") == (yes if value else no)
    if _same(value, cell.meaning):
        return True
    # the summary says that it could be another day
    if isinstance(value, date) and decision.ambiguous:
        return sorted(map(int, re.findall("[0-9]+", cell.text)[:3])) == sorted(
            (value.day, value.month, value.year)
        )
    # A text that is written as a number may be read as that number, digit for digit.
    return _same(value, _plain(cell.text)) and (
        decision.reading is None or decision.reading.standing != "rival"
    )


def _plain(text: str) -> Meaning:
    text = text.strip(" ")
    if not text.replace("-", "", 1).replace(".", "", 1).isdecimal() and "e" not in text.lower():
        return None
    if "e" in text.lower() and not set("+-.") & set(text):
        return None  # 12E3
    try:
        return Decimal(text) if text.isascii() else None
    except InvalidOperation:
        return None


def _same(value: Any, meaning: Meaning) -> bool:
    if isinstance(meaning, str) or meaning is None or isinstance(meaning, bool):
        return False
    if isinstance(value, int | float) and isinstance(meaning, int | Decimal):
        return Decimal(repr(value)) == meaning
    if isinstance(value, datetime) and isinstance(meaning, datetime):
        return (value.tzinfo is None) == (meaning.tzinfo is None) and value == meaning
    return type(value) is type(meaning) and bool(value == meaning)
