"""From text to typed rows in a Parquet file.

A sound table goes through DuckDB once, with the types that its sample shows. When a row or a cell doesn't fit, it is read as
text first, without the rows that can't be read, and each column then gets the narrowest type that all its cells fit.
"""

from dataclasses import dataclass
from pathlib import Path

from flask_api.tasks.tables.database import TableDatabase, TableError, Watch, identifier, literal
from flask_api.tasks.tables.dialect import MAX_ROW_BYTES, Dialect
from flask_api.tasks.tables.salvage import Salvaged, salvage

# What a column is tried for when a cell doesn't fit.
_WIDER = {"BIGINT": "DOUBLE", "DATE": "TIMESTAMP"}
# Read as BIGINT, 1.5 would become 2 without a word. Beyond 2**53 a DOUBLE can't tell; then it is text's turn.
_READ_AS = {"BIGINT": "DOUBLE"}
_WHOLE = "CASE WHEN {0} = floor({0}) AND abs({0}) < 9007199254740992 OR {0} IS NULL THEN CAST({0} AS BIGINT) ELSE error('') END"
# Rows that are packed together: DuckDB holds so many of them, and a reader of one row unpacks so many.
_GROUP_BYTES = 32_000_000
_VECTOR = 2_048
_LARGEST_GROUP = 122_880


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRows:
    """The types of the columns that were stored, and the rows that were not."""

    types: tuple[str, ...]
    left_out: Salvaged


def store_rows(
    source: Path, target: Path, dialect: Dialect, *, folder: Path, database: TableDatabase, watch: Watch
) -> StoredRows:
    """Read the text at ``source`` into a Parquet file. ``folder`` takes what is in between, ``database`` may use it all."""
    try:
        _copy(database, _csv(source, dialect), target, dialect, watch=watch)
    except TableError:
        raw = folder / "raw.parquet"
        left_out = _store_text(source, raw, dialect, folder=folder, database=database, watch=watch)
        types = _find_types(raw, dialect, database=database, watch=watch)
        _copy(database, _typed(raw, types, dialect), target, dialect, watch=watch)
        return StoredRows(types=types, left_out=left_out)
    return StoredRows(types=dialect.types, left_out=Salvaged())


def _store_text(source: Path, raw: Path, dialect: Dialect, *, folder: Path, database: TableDatabase, watch: Watch) -> Salvaged:
    try:
        _copy(database, _csv(source, dialect.of_text()), raw, dialect, watch=watch)
    except TableError:
        plain = folder / "salvaged"
        left_out = salvage(source, plain, dialect, checkpoint=lambda: watch(0.0))
        _copy(database, _csv(plain, dialect.as_salvaged().of_text()), raw, dialect, watch=watch)
        return left_out
    return Salvaged()


def _find_types(raw: Path, dialect: Dialect, *, database: TableDatabase, watch: Watch) -> tuple[str, ...]:
    """Return for each column the sample's type, or the next wider one that all of its cells fit."""
    types = list(dialect.types)
    doubtful = [number for number, each in enumerate(types) if each != "VARCHAR"]
    while doubtful:
        checks = (_fits(identifier(dialect.names[number]), types[number], dialect) for number in doubtful)
        (answer,) = database.run(f"SELECT {', '.join(checks)} FROM read_parquet(?)", (str(raw),), watch=watch)  # noqa: S608  # quoted
        doubtful = [number for number, fits in zip(doubtful, answer, strict=True) if fits is False]
        for number in doubtful:
            types[number] = _WIDER.get(types[number], "VARCHAR")
        doubtful = [number for number in doubtful if types[number] != "VARCHAR"]
    return tuple(types)


def _copy(database: TableDatabase, select: str, target: Path, dialect: Dialect, *, watch: Watch) -> None:
    row_bytes = max(dialect.line_bytes, 16 * len(dialect.names))
    rows = min(_LARGEST_GROUP, max(_VECTOR, _GROUP_BYTES // row_bytes // _VECTOR * _VECTOR))
    database.run(f"COPY ({select}) TO {literal(target)} (FORMAT parquet, ROW_GROUP_SIZE {rows})", watch=watch)


def _csv(path: Path, dialect: Dialect) -> str:
    """Return the SELECT that reads a text strictly: the first thing that doesn't fit is an error."""
    columns = ", ".join(f"c{number}: {literal(_READ_AS.get(each, each))}" for number, each in enumerate(dialect.types))
    names = ", ".join(
        f"{_WHOLE.format(f'c{number}') if each == 'BIGINT' else f'c{number}'} AS {identifier(name)}"
        for number, (name, each) in enumerate(zip(dialect.names, dialect.types, strict=True))
    )
    formats = "".join(
        f", {option} = {literal(value)}"
        for option, value in (("dateformat", dialect.date_format), ("timestampformat", dialect.timestamp_format))
        if value
    )
    return (
        f"SELECT {names} FROM read_csv({literal(path)}, auto_detect = false, columns = {{{columns}}}"  # noqa: S608  # quoted
        f", delim = {literal(dialect.delimiter)}, quote = {literal(dialect.quote)}, escape = {literal(dialect.escape)}"
        f", comment = {literal(dialect.comment)}, skip = {dialect.skip}, header = {dialect.has_header}{formats}"
        f", max_line_size = {MAX_ROW_BYTES}, buffer_size = {8 * MAX_ROW_BYTES}, compression = 'none')"
    )


def _typed(raw: Path, types: tuple[str, ...], dialect: Dialect) -> str:
    columns = (
        f"{_cast(name, each, dialect)} AS {name}" for name, each in zip(map(identifier, dialect.names), types, strict=True)
    )
    return f"SELECT {', '.join(columns)} FROM read_parquet({literal(raw)})"  # noqa: S608  # quoted


def _fits(name: str, sql_type: str, dialect: Dialect) -> str:
    fits = f"{_cast(name, sql_type, dialect)} IS NOT NULL"
    if sql_type == "DOUBLE":  # digits would be lost
        fits += f" AND NOT regexp_full_match({name}, '\\s*[+-]?\\d{{17,}}\\s*')"
    if sql_type == "BIGINT":  # the cast alone would round 1.5
        fits += f" AND regexp_full_match({name}, '\\s*[+-]?\\d+\\s*')"
    return f"bool_and({name} IS NULL OR ({fits}))"


def _cast(name: str, sql_type: str, dialect: Dialect) -> str:
    """Return the SQL that reads a text as this type, NULL where it is none."""
    form = {"DATE": dialect.date_format, "TIMESTAMP": dialect.timestamp_format}.get(sql_type, "")
    text = f"try_strptime({name}, {literal(form)})" if form else name
    return f"TRY_CAST({text} AS {sql_type})"
