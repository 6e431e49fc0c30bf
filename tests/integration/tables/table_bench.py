"""tables.parse on bytes, without the service."""

import json
from itertools import zip_longest
from pathlib import Path
from typing import Any

from flask_api.jobs.tasks.inline import InlineReporter, run_inline
from flask_api.tasks.tables.kept.page import read_page
from flask_api.tasks.tables.parse import parse_table


class Parsed:
    """A parsed table: its result, and its rows as GET .../rows gives them, the first thousand."""

    def __init__(self, content: bytes, folder: Path, **arguments: Any) -> None:
        source, rows = folder / "table.csv", folder / "rows.parquet"
        source.write_bytes(content)
        reporter = InlineReporter()
        self.result = run_inline(parse_table, {"file": source, **arguments}, reporter=reporter)
        rows.write_bytes(reporter.files["rows.parquet"])
        self.rows = read_page(rows, first=0, size=max(1, 1000 // len(self.result["columns"]))).rows
        self.kinds = [column["kind"] for column in self.result["columns"]]
        self.names = [column["name"] for column in self.result["columns"]]
        self.summaries = json.loads(reporter.files["summary.json"])

    @property
    def problems(self) -> list[int]:
        """The lines of the rows that were left out."""
        assert self.result["left_out"] >= len(self.result["problems"])
        return [problem["line"] for problem in self.result["problems"]]

    @property
    def layout(self) -> dict[str, Any]:
        """How the table was written."""
        layout: dict[str, Any] = self.result["layout"]
        return layout

    def column(self, name: str) -> tuple[str, list[Any]]:
        """Return the kind of a column and its cells."""
        place = self.names.index(name)
        return self.kinds[place], [row[place] for row in self.rows]

    def read_as(self, name: str) -> dict[str, Any]:
        """Return what the summary says about how a column was read."""
        read_as: dict[str, Any] = self.summaries[self.names.index(name)]["summary"]["read_as"]
        return read_as


def beside(cases: list[list[str]], folder: Path, **arguments: Any) -> Parsed:
    """Parse a table that has a column of each of these lists of cells, called a0, a1, ...;
    short ones end with empty cells."""
    rows = zip_longest(*cases, fillvalue="")
    lines = [";".join(f"a{number}" for number in range(len(cases))), *map(";".join, rows)]
    return Parsed("\n".join(lines).encode() + b"\n", folder, **arguments)


def check(parsed: Parsed, cases: list[tuple[list[str], str, list[Any]]]) -> None:
    """Compare each column with the kind and the cells that its case says, digit for digit."""
    for number, (cells, kind, shown) in enumerate(cases):
        found, values = parsed.column(f"a{number}")
        assert (found, [repr(cell) for cell in values[: len(cells)]]) == (
            kind,
            [repr(cell) for cell in shown],
        ), cells


def one(cells: list[str], folder: Path, *, separator: str = ";", **arguments: Any) -> Parsed:
    """Parse a column of these cells beside one of numbers."""
    lines = [f"a{separator}n", *(f"{cell}{separator}{number}" for number, cell in enumerate(cells))]
    return Parsed("\n".join(lines).encode() + b"\n", folder, **arguments)
