"""tables.parse on bytes, without the service."""

import json
from pathlib import Path
from typing import Any

from flask_api.jobs.tasks.inline import InlineReporter, run_inline
from flask_api.tasks.tables.page import read_page
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
