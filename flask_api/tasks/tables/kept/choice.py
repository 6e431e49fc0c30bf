"""Which of the kept rows are wanted, and in which order, in SQL.

Sorted are numbers by size, texts whatever their case, what is missing last; rows with equal cells
stay in the order of the file. Searched is what GET .../rows shows of a cell, before it is cut.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from flask_api.tasks.tables.cells.types import Kind, as_json, kind_of
from flask_api.tasks.tables.database import identifier

# Of a Parquet file DuckDB gives the number of each row under this name, unless a column has it.
_ROW_NUMBER = "file_row_number"
_WHOLE = 2**31

ColumnTypes = Sequence[tuple[str, str]]  # name, DuckDB's type


class NoSuchColumnError(Exception):
    """There is no column of this number; ``columns`` is how many there are."""

    def __init__(self, columns: int) -> None:
        super().__init__(columns)
        self.columns = columns


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChoice:
    """Rows that have ``text`` in a cell, sorted by the column of number ``by``, counted from 1;
    0 is the order of the file."""

    by: int = 0
    is_down: bool = False
    text: str = ""

    @property
    def is_all(self) -> bool:
        """Whether these are all rows, as they lie in the file: nothing has to be looked at."""
        return not self.by and not self.text

    def where(self, columns: ColumnTypes) -> tuple[str, tuple[str, ...]]:
        """Return the condition, and the text that its parameter $2 is; both empty for all rows."""
        if not self.text:
            return "", ()
        cells = " OR ".join(
            f"contains(lower(CAST({_shown(name, sql_type)} AS VARCHAR)), lower($2))"
            for name, sql_type in columns
        )
        return f" WHERE ({cells})", (self.text,)

    def select(self, shown: str, columns: ColumnTypes, *, size: int, first: int) -> str:
        """Return the query of a page; its parameters are the file and what ``where`` says.
        Raises NoSuchColumnError."""
        where, order = self.where(columns)[0], self.order(columns)
        some = f"FROM read_parquet($1){where}{order} LIMIT {size} OFFSET {first}"
        if not self.by or _hides_number(columns):
            return f"SELECT {shown} {some}"
        # Only the numbers of rows are sorted, and the rows of a page read: whole rows up to a late
        # page would not fit into memory.
        return (
            f"SELECT {shown} FROM read_parquet($1) "  # noqa: S608  # quoted
            f"WHERE {_ROW_NUMBER} IN (SELECT {_ROW_NUMBER} {some}){order}"
        )

    def order(self, columns: ColumnTypes) -> str:
        """Return the order. Raises NoSuchColumnError."""
        if not self.by:
            return ""
        if self.by > len(columns):
            raise NoSuchColumnError(len(columns))
        name, sql_type = columns[self.by - 1]
        column = identifier(name)
        key = f"lower({column})" if sql_type == "VARCHAR" else column
        direction = "DESC" if self.is_down else "ASC"
        # else by the other columns: rows that are equal in all are the same in any order
        rest = [identifier(each) for each, _ in columns]
        equal = rest if _hides_number(columns) else [_ROW_NUMBER]
        return f" ORDER BY {key} {direction} NULLS LAST, {', '.join(equal)}"


def _hides_number(columns: ColumnTypes) -> bool:
    """Tell whether a column has the name of the numbers of rows: DuckDB compares names so."""
    return any(name.lower() == _ROW_NUMBER for name, _ in columns)


def _shown(name: str, sql_type: str) -> str:
    column = identifier(name)
    is_text = kind_of(sql_type) is Kind.TEXT
    return column if is_text else as_json(column, sql_type, longest=_WHOLE)
