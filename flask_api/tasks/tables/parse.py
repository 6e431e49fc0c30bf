"""tables.parse: an uploaded table, whatever it is written in, becomes typed rows that GET /jobs/{id}/rows serves in pages."""

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from flask_api.jobs.context import JobContext
from flask_api.jobs.inputs import InputFile
from flask_api.jobs.task import task
from flask_api.tasks.tables.database import TableDatabase, Watch
from flask_api.tasks.tables.dialect import Delimiter, Dialect, find_dialect
from flask_api.tasks.tables.page import ROWS_FILE
from flask_api.tasks.tables.read import StoredRows, store_rows
from flask_api.tasks.tables.salvage import RowProblem
from flask_api.tasks.tables.summary import Summary, count_rows, summarize
from flask_api.tasks.tables.text import Encoding, Text, read_text
from flask_api.tasks.tables.types import Kind, kind_of

SUMMARY_FILE = "summary.json"
MAX_BYTES = 2_000_000_000
_TIMEOUT_S = 1800.0
_MEMORY_MB = 160
_THREADS = 2
_WIDE = 100  # columns from which on one thread must do: each thread holds pages of every column
_FOLDER = "gatehouse-table-"
# Of the largest result, what summaries may take; the rest is for the columns' names and the rows that were left out.
_SUMMARY_SHARE = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column. ``summary`` is null when the result would be too large with it; summary.json has them all."""

    name: str
    kind: Kind
    summary: Summary | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How the table was written."""

    encoding: str
    delimiter: str
    quote: str
    has_header: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedTable:
    """What was read: ``left_out`` rows could not be, and ``problems`` says why of the first hundred."""

    rows: int
    columns: list[Column]
    left_out: int
    problems: list[RowProblem]
    layout: Layout


@task("tables.parse", executor="processes", timeout_s=_TIMEOUT_S, max_attempts=2)
def parse_table(
    file: InputFile,
    delimiter: Delimiter | None = None,
    has_header: bool | None = None,
    encoding: Encoding | None = None,
    *,
    job: JobContext,
) -> ParsedTable:
    """Read a comma or tab separated table: its columns, their kinds, a summary of each, its rows in pages.

    What is not given is found out. The file may be packed with gzip. A column is of the narrowest kind that all its cells
    fit; a row that can't be read is left out and counted. Raises TaskError for what is no table, or too large.
    """
    with file.local_path() as path, _new_folder() as folder:
        job.progress(0, 100, message="looking at the file")
        room = job.settings.table_temp_bytes
        text = read_text(path, folder, max_bytes=min(MAX_BYTES, room // 3), encoding=encoding, checkpoint=job.checkpoint)
        dialect = find_dialect(text.path, folder, memory_mb=_MEMORY_MB, delimiter=delimiter, has_header=has_header)
        threads = _THREADS if len(dialect.names) <= _WIDE else 1
        # Rows are packed, so they never take more than their text.
        spill = max(0, room - 2 * text.path.stat().st_size)
        with TableDatabase(
            files=(text.path,), folder=folder, memory_mb=_MEMORY_MB, threads=threads, spill_bytes=spill
        ) as database:
            target = folder / ROWS_FILE
            stored = store_rows(
                text.path, target, dialect, folder=folder, database=database, watch=_watch(job, 5, 70, "reading rows")
            )
            if text.path.parent == folder:
                text.path.unlink()  # of the table only the rows are kept from here on
            watch = _watch(job, 70, 95, "summarizing columns")
            summaries = list(summarize(target, dialect.names, stored.types, database=database, watch=watch))
            rows = count_rows(target, database=database)
        job.save_file(ROWS_FILE, target)
    columns = [
        Column(name=name, kind=kind_of(each), summary=summary)
        for name, each, summary in zip(dialect.names, stored.types, summaries, strict=True)
    ]
    job.save_file(SUMMARY_FILE, json.dumps([asdict(column) for column in columns], allow_nan=False))
    return _result(rows, _bounded(columns, job), text, dialect, stored)


def _result(rows: int, columns: list[Column], text: Text, dialect: Dialect, stored: StoredRows) -> ParsedTable:
    return ParsedTable(
        rows=rows,
        columns=columns,
        left_out=stored.left_out.count,
        problems=list(stored.left_out.problems),
        layout=Layout(encoding=text.encoding, delimiter=dialect.delimiter, quote=dialect.quote, has_header=dialect.has_header),
    )


def _bounded(columns: list[Column], job: JobContext) -> list[Column]:
    """Return the columns without the summaries that the result has no room for."""
    room = _SUMMARY_SHARE * job.settings.job_result_max_bytes
    bounded = []
    for column in columns:
        room -= len(json.dumps(asdict(column)))
        bounded.append(column if room > 0 else replace(column, summary=None))
    return bounded


def _watch(job: JobContext, first: int, last: int, message: str) -> Watch:
    """Return what tells the job's owner how far it is, and ends it when it must."""

    def watch(percent: float) -> None:
        job.progress(first + int((last - first) * min(percent, 100.0) / 100), 100, message=message)

    return watch


@contextmanager
def _new_folder() -> Iterator[Path]:
    """Give a folder for what is in between; also remove those that were left when a child was killed."""
    for left in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*"):
        try:
            is_dead = time.time() - left.stat().st_mtime > 2 * _TIMEOUT_S
        except FileNotFoundError:  # another child was quicker
            continue
        if is_dead:
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_FOLDER) as name:
        yield Path(name)
