"""From text to typed rows in a Parquet file.

A sound table whose first rows show what it is goes through DuckDB once, and every cell is checked
on its way. As soon as one is no value of its column, all is read as text first,
without the rows that can't be read, and each column is decided by all cells.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from flask_api.tasks.tables.cells.readings import Reading
from flask_api.tasks.tables.columns import (
    Cells,
    Decision,
    Facts,
    Wishes,
    candidates,
    cell_of,
    decide,
    first_cells,
    looks_like,
)
from flask_api.tasks.tables.database import (
    TableDatabase,
    UnexpectedCellsError,
    Watch,
    identifier,
    literal,
)
from flask_api.tasks.tables.dialect import Dialect
from flask_api.tasks.tables.fit import columns_of
from flask_api.tasks.tables.lines import MAX_ROW_BYTES, NO_DELIMITER, Style
from flask_api.tasks.tables.salvage import SALVAGED, Salvaged, salvage

# Rows that are packed together: DuckDB holds so many of them,
# and a reader of one row unpacks so many.
_GROUP_BYTES = 32_000_000
_VECTOR = 2_048
_LARGEST_GROUP = 122_880
# as DuckDB has them; given, a line that ends otherwise is an error
_LINE_ENDS = {"\n": r"\n", "\r\n": r"\r\n"}
_HEAD = 40  # rows looked at before all are asked


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRows:
    """What the columns were called and decided to be, the rows that were left out,
    and what else there is to say."""

    names: tuple[str, ...]
    decisions: tuple[Decision, ...]
    left_out: Salvaged
    notes: tuple[str, ...] = ()


def store_rows(
    source: Path,
    target: Path,
    dialect: Dialect,
    wishes: Wishes,
    *,
    folder: Path,
    database: TableDatabase,
    watch: Watch,
) -> StoredRows:
    """Read the text at ``source`` into a Parquet file.
    ``folder`` takes what is in between, ``database`` may use it all."""
    settled = _settled(dialect, wishes, database=database)
    if settled is not None:
        with suppress(UnexpectedCellsError):
            return _store_settled(source, target, dialect, settled, database=database, watch=watch)
    raw = folder / "raw.parquet"
    found = dialect.width
    dialect, left_out = _store_text(
        source, raw, dialect, folder=folder, database=database, watch=watch
    )
    stored = _store_typed(raw, target, dialect, wishes, left_out, database=database, watch=watch)
    if dialect.width == found:
        return stored
    note = (
        f"Most rows have {dialect.width:,} cells, not {found:,} as the first lines: they are read."
    )
    return replace(stored, notes=(note, *stored.notes))


def _store_settled(
    source: Path,
    target: Path,
    dialect: Dialect,
    settled: tuple[Decision, ...],
    *,
    database: TableDatabase,
    watch: Watch,
) -> StoredRows:
    """Store all columns as what they are taken for.
    Raises UnexpectedCellsError when a cell is something else."""
    names = dialect.names
    shown = ", ".join(
        f"{_checked(n, each.reading)} AS {identifier(names[n])}" for n, each in enumerate(settled)
    )
    query = f"SELECT {shown} FROM {csv_table(source, dialect)}"  # noqa: S608  # quoted
    _copy(database, query, target, dialect, watch=watch)
    return StoredRows(names=names, decisions=settled, left_out=Salvaged())


def _settled(
    dialect: Dialect, wishes: Wishes, *, database: TableDatabase
) -> tuple[Decision, ...] | None:
    """Return what the columns are if the rest of the file can't change it,
    but by a cell that doesn't fit.

    So it is when the first cells leave nothing open:
    they show a reading that no wider one contends with, or nothing but text.
    """
    is_open = (
        wishes.missing is not None or not dialect.is_simple or dialect.line_end not in _LINE_ENDS
    )
    is_open = is_open or (
        dialect.header.cells is not None and len(dialect.header.cells) == dialect.width - 1
    )
    if is_open or not dialect.first_rows:
        return None
    decisions = []
    columns = columns_of(dialect.first_rows, dialect.width)
    for cells, all_cells in zip(first_cells(columns, wishes), columns, strict=True):
        tried = candidates(cells, wishes)
        if not cells or (
            tried and any(wishes.stands_for_none(cell.strip(" ")) for cell in all_cells)
        ):
            return None
        decision = _by_sample(cells, tried, wishes, database=database) if tried else Decision()
        if tried and (decision.reading is None or decision.ambiguous):
            return None
        decisions.append(decision)
    return tuple(decisions)


def _by_sample(
    cells: Sequence[str], tried: Sequence[Reading], wishes: Wishes, *, database: TableDatabase
) -> Decision:
    """Return what these cells alone are: by their looks,
    and where that leaves a doubt by their values."""
    yes = next((each.sides[0] for each in tried if each.sides), None)
    trues = sum(cell == yes for cell in cells)
    looks = [sum(looks_like(each, cell) for cell in cells) for each in tried]
    facts = Facts(
        present=len(cells), missing=0, trues=trues, fits=tuple(zip(tried, looks, strict=True))
    )
    decision = decide(facts, wishes)
    if not decision.ambiguous:
        return decision
    counts = ", ".join(f"count(*) FILTER ({each.fits('x')})" for each in tried)
    values = f"unnest([{', '.join(map(literal, cells))}])"
    (answer,) = database.run(f"SELECT {counts} FROM (SELECT {values} AS x)")  # noqa: S608  # quoted
    return decide(replace(facts, fits=tuple(zip(tried, map(int, answer), strict=True))), wishes)


def _checked(number: int, reading: Reading | None) -> str:
    """Return the SQL of a column's value, which is an error when a cell is none."""
    cell = f"c{number}"
    if reading is None:
        return cell
    return (
        f"CASE WHEN {cell} IS NULL THEN NULL WHEN {reading.fits(cell)} THEN {reading.value(cell)} "
        "ELSE error('') END"
    )


def _store_text(
    source: Path,
    raw: Path,
    dialect: Dialect,
    *,
    folder: Path,
    database: TableDatabase,
    watch: Watch,
) -> tuple[Dialect, Salvaged]:
    """Store all cells as text; return the dialect, too,
    for most rows may be of another width than the first ones."""
    if dialect.is_simple and dialect.line_end in _LINE_ENDS:
        try:
            _copy(
                database,
                f"SELECT * FROM {csv_table(source, dialect)}",  # noqa: S608  # quoted
                raw,
                dialect,
                watch=watch,
            )
        except UnexpectedCellsError:
            pass
        else:
            return dialect, Salvaged()
    plain = folder / "salvaged"
    left_out = salvage(source, plain, dialect, checkpoint=lambda: watch(0.0))
    if left_out.usual_width != dialect.width:
        dialect = replace(dialect, width=left_out.usual_width)
        left_out = salvage(source, plain, dialect, checkpoint=lambda: watch(0.0))
    written = replace(dialect, style=SALVAGED, skip=0, line_end="\n")
    _copy(database, f"SELECT * FROM {csv_table(plain, written)}", raw, dialect, watch=watch)  # noqa: S608  # quoted
    plain.unlink()
    return dialect, left_out


def _store_typed(
    raw: Path,
    target: Path,
    dialect: Dialect,
    wishes: Wishes,
    left_out: Salvaged,
    *,
    database: TableDatabase,
    watch: Watch,
) -> StoredRows:
    source = f"read_parquet({literal(raw)})"
    cells = [f"c{number}" for number in range(dialect.width)]
    tried = _tried(source, cells, dialect, wishes, database=database, watch=watch)
    all_cells = Cells(source=source, wishes=wishes, database=database, watch=watch)
    facts = all_cells.facts(cells, tried)
    decisions = tuple(decide(each, wishes) for each in facts)
    names = dialect.header.names(dialect.width, last_is_empty=facts[-1].present == 0)
    shown = (
        f"{_value(cell, decision, wishes)} AS {identifier(name)}"
        for cell, decision, name in zip(cells, decisions, names, strict=True)
    )
    _copy(database, f"SELECT {', '.join(shown)} FROM {source}", target, dialect, watch=watch)  # noqa: S608  # quoted
    return StoredRows(names=names, decisions=decisions, left_out=left_out, notes=left_out.notes)


def _tried(
    source: str,
    names: Sequence[str],
    dialect: Dialect,
    wishes: Wishes,
    *,
    database: TableDatabase,
    watch: Watch,
) -> list[tuple[Reading, ...]]:
    """Return which readings each column is tried for, by its first cells that hold something."""
    tried: list[tuple[Reading, ...]] = []
    head = database.run(f"SELECT * FROM {source} LIMIT {_HEAD}", watch=watch)  # noqa: S608  # quoted
    columns = (
        [[cell or "" for cell in column] for column in zip(*head, strict=True)]
        if head
        else [()] * dialect.width
    )
    for name, seen in zip(names, first_cells(columns, wishes), strict=True):
        cells = seen
        if not cells and len(head) == _HEAD:  # there may be more
            cell = cell_of(name, wishes)
            found = database.run(
                f"SELECT {cell} FROM {source} WHERE {cell} IS NOT NULL LIMIT 20",  # noqa: S608
                watch=watch,
            )
            cells = [text for (text,) in found]
        tried.append(candidates(cells, wishes))
    return tried


def _value(name: str, decision: Decision, wishes: Wishes) -> str:
    if decision.reading:
        return decision.reading.value(f"({cell_of(name, wishes)})")
    if wishes.missing:
        return (
            f"CASE WHEN {wishes.is_missing(f'trim({identifier(name)})')} THEN NULL ELSE "
            f"{identifier(name)} END"
        )
    return identifier(name)


def _copy(
    database: TableDatabase, select: str, target: Path, dialect: Dialect, *, watch: Watch
) -> None:
    row_bytes = max(dialect.line_bytes, 16 * dialect.width)
    rows = min(_LARGEST_GROUP, max(_VECTOR, _GROUP_BYTES // row_bytes // _VECTOR * _VECTOR))
    database.run(
        f"COPY ({select}) TO {literal(target)} (FORMAT parquet, ROW_GROUP_SIZE {rows})", watch=watch
    )


def csv_table(path: Path, dialect: Dialect) -> str:
    """Return the table c0, c1, ... of a text's cells, read strictly:
    the first thing that doesn't fit is an error."""
    columns = ", ".join(f"c{number}: 'VARCHAR'" for number in range(dialect.width))
    style: Style = dialect.style
    return (
        f"read_csv({literal(path)}, auto_detect = false, columns = {{{columns}}}"
        f", delim = {literal(style.delimiter or NO_DELIMITER)}"
        f", quote = {literal(style.quote)}, escape = {literal(style.escape)}"
        f", comment = '', skip = {dialect.skip}, header = false, new_line = "
        f"{literal(_LINE_ENDS[dialect.line_end])}"
        f", max_line_size = {MAX_ROW_BYTES}, buffer_size = {8 * MAX_ROW_BYTES}, compression = "
        "'none')"
    )
