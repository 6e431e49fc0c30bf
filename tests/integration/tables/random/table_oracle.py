"""The judge of tables.parse: is each cell what was written, or does the answer say why not?

It knows what a random table was made of. What comes back must be, line by line, the text of each
cell or what it means, in a column of the kind that it says;
lines may be missing only when they are named; a guess may be wrong only when it is called one.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from flask_api.tasks.tables.columns import MISSING, Decision, Wishes
from flask_api.tasks.tables.database import TableDatabase, identifier
from flask_api.tasks.tables.dialect import find_dialect
from flask_api.tasks.tables.read import store_rows
from flask_api.tasks.tables.salvage import RowProblem
from flask_api.tasks.tables.text import read_text
from tests.integration.tables.random.cell_oracle import (
    Reading,
    as_found,
    holds_something,
    is_missing,
    is_said,
    keeps_quotes,
    may_be_meant,
    notes_of,
)
from tests.integration.tables.random.random_cells import Cell
from tests.integration.tables.random.random_tables import RandomTable
from tests.integration.tables.random.written import LINE_END, WAYS, Line, Way


def read(content: bytes, folder: Path, database: TableDatabase, **given: Any) -> Reading:
    """Read a table as tables.parse does, with a database that is there already.
    ``given`` is what its owner says."""
    source, target = folder / "table.csv", folder / "rows.parquet"
    source.write_bytes(content)
    wishes = Wishes(
        dates=given.pop("dates", None),
        decimal=given.pop("decimal", None),
        missing=given.pop("missing", None),
    )
    text = read_text(source, folder, max_bytes=10**9, encoding=given.pop("encoding", None))
    dialect = find_dialect(text.path, wishes, **given)
    stored = store_rows(
        text.path,
        target,
        dialect,
        wishes,
        folder=folder,
        database=database,
        watch=lambda percent: None,
    )
    shown = ", ".join(
        _shown(name, each) for name, each in zip(stored.names, stored.decisions, strict=True)
    )
    rows = database.run(f"SELECT {shown} FROM read_parquet(?)", (str(target),))  # quoted
    return Reading(encoding=text.encoding, dialect=dialect, stored=stored, rows=rows)


def _shown(name: str, decision: Decision) -> str:
    """Return the SQL of a column as Python takes it:
    an instant comes with ``+`` behind it, for want of a zone database."""
    if decision.sql_type == "TIMESTAMP WITH TIME ZONE":
        return f"CAST({identifier(name)} AT TIME ZONE 'UTC' AS VARCHAR) || '+00:00'"
    return identifier(name)


def faults(table: RandomTable, reading: Reading) -> Iterator[str]:
    """Yield what is wrong and not said."""
    way = WAYS[table.way]
    if not _is_same_text(table, reading):
        if reading.encoding.certainty in ("certain", "given"):
            yield f"the encoding is {reading.encoding}"
        return
    delimiter = reading.dialect.delimiter
    if delimiter != way.delimiter and not (delimiter == "none" and len(table.kinds) == 1):
        if not notes_of(reading, "separat"):
            yield f"the separator is {delimiter!r}"
        return
    if (
        delimiter == "none"
        and way.quote not in ("", reading.dialect.style.quote)
        and notes_of(reading, "each line is one cell")
    ):
        return  # the quotes are text, as is said
    has_long = any(LINE_END.search(cell.text) for line in table.lines for cell in line.cells)
    if has_long and keeps_quotes(way, reading.dialect) and notes_of(reading, "taken for text"):
        return  # so are they here, and such a cell is several rows
    lines = list(_lines(table, reading))
    wrong = [line for line in lines if isinstance(line, str)]
    yield from wrong or _line_faults(
        [line for line in lines if isinstance(line, Line)], way, reading
    )


def _is_same_text(table: RandomTable, reading: Reading) -> bool:
    plain = b"".join(line for line in table.content.splitlines())
    texts = []
    for encoding in (table.encoding, reading.encoding.name):
        try:
            texts.append(plain.decode(encoding, "replace"))
        except UnicodeError:
            texts.append("")
    return texts[0].lstrip("\ufeff") == texts[1].lstrip("\ufeff")


def _lines(table: RandomTable, reading: Reading) -> Iterator[Line | str]:
    """Yield the lines that should be there, with the header where it was said to be a row."""
    has_header = WAYS[table.way].header != "none"
    found = reading.dialect.header
    if (found.cells is not None) == has_header:
        yield from table.lines
        names = {cell.strip("'\"") for cell in found.cells or ()}  # where quotes are taken for text
        if not names - {""} <= {*table.names} and not found.notes:
            yield f"the header is {found}"
    elif found.is_sure and not notes_of(reading, "above the table passed over"):
        yield f"the header is {found}"
    # else it is among the lines that were passed over
    elif has_header and not found.is_sure and not found.skipped:
        yield Line(
            number=found.last_line + 1, cells=tuple(Cell(name, name) for name in table.names)
        )
        yield from table.lines
    else:
        yield from table.lines


def _line_faults(lines: Sequence[Line], way: Way, reading: Reading) -> Iterator[str]:
    left_out = {line for problem in reading.stored.left_out.problems for line in _lines_of(problem)}
    header = reading.dialect.header
    # What stands above is said to be passed over, or to be the names.
    first = header.last_line if header.skipped or header.cells is not None else 0
    kept = [line for line in lines if line.number not in left_out and line.number > first]
    kept, rows = _without_merged(kept, reading.rows)
    if len(kept) != len(rows):  # an empty line may be an empty cell, or none
        kept = [line for line in kept if holds_something(line)]
        rows = [row for row in rows if any(value is not None and value != " " for value in row)]
    with_words = kept
    if len(kept) != len(rows):  # and so may a line of words for no value
        kept = [line for line in kept if any(not is_missing(cell) for cell in line.cells)]
    if len(kept) != len(rows):
        yield f"{len(kept)} rows should be there, {len(rows)} are; left out: {sorted(left_out)}"
        return
    read_as = reading.stored.decisions
    width = len(kept[0].cells) if kept else len(read_as)
    if len(read_as) < width or any(
        value is not None
        for line, row in zip(kept, rows, strict=True)
        if not line.is_damaged
        for value in row[width:]
    ):
        if not reading.stored.notes and not notes_of(reading, "The header has"):
            yield f"there are {len(read_as)} columns in place of {width}"
        return
    for line, row in zip(kept, rows, strict=True):
        shown = [as_found(cell, way, reading.dialect) for cell in line.cells]
        wrong = [
            number
            for number, cell in enumerate(shown)
            if not is_said(row[number], cell, read_as[number])
        ]
        if wrong and not may_be_meant(row, line, way, reading):
            number = wrong[0]
            yield (
                f"line {line.number}: {line.cells[number]} is {row[number]!r} by the rule "
                f"{read_as[number].rule!r}"
            )
    for number, decision in enumerate(read_as[:width]):
        words = (
            sum(line.cells[number].text.strip(" ").lower() in MISSING for line in with_words)
            if decision.reading
            else 0
        )
        if words != decision.missing and not any(line.is_damaged for line in kept):
            yield f"{words} words for no value in column {number}, {decision.missing} are said"


def _without_merged(
    lines: list[Line], rows: list[tuple[Any, ...]]
) -> tuple[list[Line], list[tuple[Any, ...]]]:
    """Leave out the row that a stray quote made of several lines,
    where it happens to be a sound one, and these lines."""
    for place, (line, row) in enumerate(zip(lines, rows, strict=False)):
        ends = sum(len(LINE_END.findall(value)) for value in row if isinstance(value, str))
        if line.is_damaged and ends:
            last = line.number + ends
            return lines[:place] + [each for each in lines[place:] if each.number > last], rows[
                :place
            ] + rows[place + 1 :]
    return lines, rows


def _lines_of(problem: RowProblem) -> range:
    """Return the lines that a problem names: a quote that opens too early takes some with it."""
    last = re.match("It goes on to line ([0-9]+)", problem.reason)
    return range(problem.line, int(last[1]) + 1 if last else problem.line + 1)
