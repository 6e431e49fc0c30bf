"""What a column may be, in our words and in DuckDB's, and how its values become JSON.

A value that JSON has no word for is written so that nothing is lost or invented: dates and times as
ISO 8601 text, integers beyond 2**53 as text (JavaScript would round them),
NaN and infinity as null, very long text cut, with an ellipsis at its end.
"""

import math
from enum import StrEnum

from flask_api.tasks.tables.database import identifier

EXACT_TO = 2**53 - 1
CELL_LENGTH = 1_000

Cell = str | int | float | bool | None


class Kind(StrEnum):
    """The kind of a column's values."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    TIME = "time"
    TIMESTAMP = "timestamp"  # with Z at its end when the table had time zones


_INTEGERS = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "HUGEINT",
)
KINDS = {
    **dict.fromkeys(_INTEGERS, Kind.INTEGER),
    "FLOAT": Kind.NUMBER,
    "DOUBLE": Kind.NUMBER,
    "BOOLEAN": Kind.BOOLEAN,
    "DATE": Kind.DATE,
    "TIME": Kind.TIME,
    "TIMESTAMP": Kind.TIMESTAMP,
    "TIMESTAMP WITH TIME ZONE": Kind.TIMESTAMP,
}


def kind_of(sql_type: str) -> Kind:
    """Return the kind of a type of DuckDB's; what we have no word for is text."""
    return KINDS.get(sql_type, Kind.TEXT)


def as_json(column: str, sql_type: str, *, longest: int = CELL_LENGTH) -> str:
    """Return the SQL expression whose values :func:`cell` takes,
    for an expression or a quoted column name."""
    if sql_type == "TIMESTAMP WITH TIME ZONE":
        return f"replace(CAST({column} AT TIME ZONE 'UTC' AS VARCHAR), ' ', 'T') || 'Z'"
    if sql_type == "TIMESTAMP":
        return f"replace(CAST({column} AS VARCHAR), ' ', 'T')"
    if sql_type in ("DATE", "TIME"):
        return f"CAST({column} AS VARCHAR)"
    if sql_type in KINDS:
        return column
    text = f"CAST({column} AS VARCHAR)"
    return (
        f"CASE WHEN length({text}) > {longest} THEN left({text}, {longest - 1}) || '…' ELSE {text} "
        "END"
    )


def cell(value: Cell) -> Cell:
    """Return a value as JSON can hold it exactly, or null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > EXACT_TO:
        return str(value)
    return value


def quoted(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return column names as SQL has them."""
    return tuple(map(identifier, names))
