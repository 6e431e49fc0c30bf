"""One page of the rows that a job keeps in a Parquet file, for the thread that answers a request:
quick, and bounded in every way."""

import time
from dataclasses import dataclass
from pathlib import Path

from flask_api.tasks.tables.cells.types import CELL_LENGTH, Cell, Kind, as_json, cell, kind_of
from flask_api.tasks.tables.database import TableDatabase, TableTooLargeError, Watch, identifier
from flask_api.tasks.tables.kept.choice import RowChoice

ROWS_FILE = "rows.parquet"
MAX_CELLS = 100_000
_MAX_LETTERS = 4_000_000
_MEMORY_MB = 128
_TIMEOUT_S = 10.0
ALL = RowChoice()


class PageTooLargeError(Exception):
    """A page of so many rows is too much; ``most`` is how many rows this table can give at once."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.most = most


class ChoiceTooLargeError(Exception):
    """The table is too large to be sorted or searched while somebody waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageColumn:
    """A column and what its cells are; see types for how each kind is written."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsPage:
    """Some of ``total`` rows."""

    columns: list[PageColumn]
    rows: list[list[Cell]]
    total: int


def read_page(path: Path, *, first: int, size: int, choice: RowChoice = ALL) -> RowsPage:
    """Return up to ``size`` of the chosen rows from number ``first``, counted from 0.
    Blocks for ten seconds at most.

    Long texts are cut: at 1,000 characters, earlier on a page of very many cells.
    Raises PageTooLargeError, NoSuchColumnError and ChoiceTooLargeError.
    """
    watch = _deadline(_TIMEOUT_S)
    source = (str(path),)
    with TableDatabase(files=(path,), memory_mb=_MEMORY_MB, threads=1) as database:
        described = database.run("DESCRIBE SELECT * FROM read_parquet(?)", source, watch=watch)
        columns = [(str(name), str(sql_type)) for name, sql_type, *_ in described]
        if size * len(columns) > MAX_CELLS:
            raise PageTooLargeError(max(1, MAX_CELLS // len(columns)))
        longest = min(CELL_LENGTH, _MAX_LETTERS // (size * len(columns)))
        shown = ", ".join(
            as_json(identifier(name), sql_type, longest=longest) for name, sql_type in columns
        )
        where, text = choice.where(columns)
        page = choice.select(shown, columns, size=size, first=first)
        try:
            total = _total(database, source, where, text, watch)
            rows = database.run(page, (*source, *text), watch=watch)
        except TableTooLargeError as error:
            if not choice.is_all:
                raise ChoiceTooLargeError from error
            raise PageTooLargeError(max(1, size // 10)) from error
    return RowsPage(
        columns=[PageColumn(name=name, kind=kind_of(sql_type)) for name, sql_type in columns],
        rows=[[cell(value) for value in row] for row in rows],
        total=total,
    )


def _deadline(seconds: float) -> Watch:
    until = time.monotonic() + seconds

    def watch(percent: float) -> None:
        del percent
        if time.monotonic() > until:
            raise TableTooLargeError("Reading the rows took too long.")

    return watch


def _total(
    database: TableDatabase, source: tuple[str], where: str, text: tuple[str, ...], watch: Watch
) -> int:
    """Return how many rows there are; of all rows, the file says so itself."""
    if text:
        count = f"SELECT count(*) FROM read_parquet($1){where}"  # noqa: S608  # quoted
        counted = database.run(count, (*source, *text), watch=watch)
    else:
        counted = database.run(
            "SELECT coalesce(sum(num_rows), 0) FROM parquet_file_metadata(?)", source
        )
    return int(counted[0][0])
