"""Of random tables, damaged ones among them,
no cell comes back other than it was written without a word."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flask_api.jobs.errors import TaskError
from flask_api.tasks.tables.database import TableDatabase, UnexpectedCellsError
from flask_api.tasks.tables.dialect import Dialect
from flask_api.tasks.tables.header import Header
from flask_api.tasks.tables.lines import Style, is_plain, open_lines, read_rows
from flask_api.tasks.tables.read import csv_table
from tests.integration.tables.random.random_tables import RandomTable, tables
from tests.integration.tables.random.table_oracle import faults, read

# NIGHTLY_EXAMPLES=100000 for the long run, which tries others each time;
# the suite tries the same ones.
EXAMPLES = int(os.environ.get("NIGHTLY_EXAMPLES", "2000"))
CHECKED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="NIGHTLY_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


# Finding the smallest of what fails takes a while:
# the suite's bound for a test is for one that succeeds.
pytestmark = pytest.mark.timeout(0 if "NIGHTLY_EXAMPLES" in os.environ else 600)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the database may use."""
    return tmp_path_factory.mktemp("tables")


@pytest.fixture(scope="module")
def database(folder: Path) -> Iterator[TableDatabase]:
    """One database for all tables: to open one takes longer than to read a small table."""
    with TableDatabase(folder=folder, memory_mb=160, threads=1) as database:
        yield database


@CHECKED
@given(table=tables())
def test_every_cell_is_what_was_written_or_the_answer_says_why_not(
    table: RandomTable, folder: Path, database: TableDatabase
) -> None:
    """Fifty kinds of cells, seventeen ways to write and as many encodings, late surprises,
    damage anywhere."""
    try:
        reading = read(table.content, folder, database, **table.arguments)
    except TaskError as error:
        refused = str(error)
    else:
        assert list(faults(table, reading)) == []
        return
    # Nothing but empty cells; a stray zero, or a few letters of UTF-16 without a mark.
    assert "no rows" in refused or (
        "not text" in refused and (table.damage or table.encoding.startswith("utf-16-"))
    )


PIECES = st.sampled_from(
    [
        "a",
        "b",
        " ",
        '"',
        '""',
        "'",
        "\t",
        "\\",
        "\u00e9",
        "\0",
        "\ufeff",
        "\r",
        "\n",
        "\r\n",
        ",",
        ', "',
        '" ,',
        "#",
    ]
)
STYLES = [
    Style(delimiter=mark, quote=quote, escape=quote)
    for mark in (",", "\t", " ")
    for quote in ('"', "'", "")
]


@settings(CHECKED, max_examples=EXAMPLES // 4)
@given(
    pieces=st.lists(PIECES, max_size=40),
    style=st.sampled_from(STYLES),
    width=st.integers(1, 3),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_what_is_plain_is_read_by_both_readers_alike(
    pieces: list[str], style: Style, width: int, end: str, folder: Path, database: TableDatabase
) -> None:
    """DuckDB reads a text as Python does, refuses it, or is not asked."""
    path = folder / "pieces.csv"
    path.write_text("".join(pieces), encoding="utf-8", newline="")
    if not is_plain(path, style, line_end=end, is_narrow=width == 1):
        return
    dialect = Dialect(
        style=style,
        width=width,
        skip=0,
        header=Header(),
        line_end=end,
        line_bytes=10,
        first_rows=(),
        is_simple=True,
        doubt="",
    )
    try:
        rows = database.run(f"SELECT * FROM {csv_table(path, dialect)}")  # quoted
    except UnexpectedCellsError:
        return
    ours = []
    for row in read_rows(open_lines(path), style):
        cells = row.cells or [""]
        while len(cells) > width and not cells[-1]:
            cells.pop()
        if width == 1 or len(row.cells) > 1 or cells[0].strip(" "):  # else it is an empty line
            ours.append(row.problem or tuple(cell or None for cell in cells))
    assert ours == rows
