"""tables.parse: an uploaded table, whatever it is written in,
becomes typed rows that GET /jobs/{id}/rows serves in pages."""

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from flask_api.jobs.errors import TaskError
from flask_api.jobs.tasks.context import JobContext
from flask_api.jobs.tasks.input_file import InputFile
from flask_api.jobs.tasks.task import task
from flask_api.tasks.tables.cells.dates import DateOrder
from flask_api.tasks.tables.cells.readings import Decimal
from flask_api.tasks.tables.cells.types import Kind, kind_of
from flask_api.tasks.tables.columns import Decision, Wishes
from flask_api.tasks.tables.database import TableDatabase, Watch
from flask_api.tasks.tables.dialect import Dialect, find_dialect
from flask_api.tasks.tables.encoding import Certainty, Encoding
from flask_api.tasks.tables.fit import Delimiter, Quote
from flask_api.tasks.tables.kept.page import ROWS_FILE
from flask_api.tasks.tables.read import StoredRows, store_rows
from flask_api.tasks.tables.salvage import RowProblem
from flask_api.tasks.tables.summary import Summary, count_rows, summarize
from flask_api.tasks.tables.text import Text, read_text
from shared.chart import ChartError

SUMMARY_FILE = "summary.json"
MAX_BYTES = 2_000_000_000
_TIMEOUT_S = 1800.0
_MEMORY_MB = 160
_THREADS = 2
_WIDE = 100  # columns from which on one thread must do: each thread holds pages of every column
_FOLDER = "gatehouse-table-"
# Of the largest result, what summaries may take;
# the rest is for the columns' names and the rows that were left out.
_SUMMARY_SHARE = 0.6
_CHARTS_SHARE, _CHARTS_MAX = 0.1, 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column. ``summary`` is null when the result would be too large with it;
    summary.json has them all."""

    name: str
    kind: Kind
    summary: Summary | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How the table was written, and what was done about it.

    ``encoding_is`` given, certain, likely or a guess. ``skipped`` lines above the table were passed
    over. ``notes`` are sentences on what could have been read otherwise.
    """

    encoding: str
    encoding_is: Certainty
    delimiter: str
    quote: str
    has_header: bool
    skipped: int
    notes: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedTable:
    """What was read: ``left_out`` rows could not be,
    and ``problems`` says why of the first hundred. ``charts`` has a histogram of each of the first
    numeric columns."""

    rows: int
    columns: list[Column]
    left_out: int
    problems: list[RowProblem]
    layout: Layout
    charts: list[dict[str, Any]] = field(default_factory=list)


_Word = Annotated[str, Field(max_length=100)]


@task("tables.parse", executor="processes", timeout_s=_TIMEOUT_S, max_attempts=2)
def parse_table(
    file: InputFile,
    delimiter: Delimiter | None = None,
    quote: Quote | None = None,
    header: bool | None = None,
    encoding: Encoding | None = None,
    skip: Annotated[int, Field(ge=0, le=1_000_000)] = 0,
    dates: DateOrder | None = None,
    decimal: Decimal | None = None,
    missing: Annotated[list[_Word], Field(max_length=100)] | None = None,
    allow_left_out: bool = False,
    *,
    job: JobContext,
) -> ParsedTable:
    """Read a comma or tab separated table: its columns, their kinds, a summary of each,
    its rows in pages.

    What is not given is found out; the file may be packed with gzip. A column is of a kind that all
    its cells fit without a loss, else text. A row that can't be read is left out and counted; more
    than half of them fail the job, unless ``allow_left_out``. ``delimiter`` "none" takes each line
    for one cell, ``quote`` "none" quotes for text; ``skip`` lines at the top are passed over,
    ``dates`` is the order of day, month and year, ``missing`` the words for no value, in place of
    NA and the like.
    """
    words = None if missing is None else tuple(missing)
    wishes = Wishes(dates=dates, decimal=decimal, missing=words)
    with file.local_path() as path, _new_folder() as folder:
        job.progress(0, 100, message="looking at the file")
        text = _read(path, folder, encoding, job=job)
        dialect = find_dialect(
            text.path, wishes, delimiter=delimiter, quote=quote, has_header=header, skip=skip
        )
        target = folder / ROWS_FILE
        stored, rows, summaries = _store(
            text, target, dialect, wishes, job=job, is_enough=allow_left_out
        )
        job.save_file(ROWS_FILE, target)
    columns = list(map(_column, stored.names, stored.decisions, summaries))
    job.save_file(SUMMARY_FILE, json.dumps([asdict(column) for column in columns], allow_nan=False))
    return _result(rows, columns, text, dialect, stored, job=job)


def _read(path: Path, folder: Path, encoding: Encoding | None, *, job: JobContext) -> Text:
    limit = min(MAX_BYTES, job.settings.table_temp_bytes // 3)
    return read_text(path, folder, max_bytes=limit, encoding=encoding, checkpoint=job.checkpoint)


def _store(
    text: Text, target: Path, dialect: Dialect, wishes: Wishes, *, job: JobContext, is_enough: bool
) -> tuple[StoredRows, int, list[Summary]]:
    """Store the rows; return what they were read as, how many there are,
    and the columns' summaries."""
    folder = target.parent
    threads = _THREADS if dialect.width <= _WIDE else 1
    # Rows are packed, so they never take more than their text.
    spill = max(0, job.settings.table_temp_bytes - 2 * text.path.stat().st_size)
    with TableDatabase(
        files=(text.path,), folder=folder, memory_mb=_MEMORY_MB, threads=threads, spill_bytes=spill
    ) as database:
        watch = _watch(job, 5, 70, "reading rows")
        stored = store_rows(
            text.path, target, dialect, wishes, folder=folder, database=database, watch=watch
        )
        if text.path.parent == folder:
            text.path.unlink()  # of the table only the rows are kept from here on
        rows = count_rows(target, database=database)
        _require_most(rows, stored, is_enough=is_enough)
        watch = _watch(job, 70, 95, "summarizing columns")
        return (
            stored,
            rows,
            list(summarize(target, stored.names, stored.decisions, database=database, watch=watch)),
        )


def _column(name: str, decision: Decision, summary: Summary) -> Column:
    return Column(name=name, kind=kind_of(decision.sql_type), summary=summary)


def _require_most(rows: int, stored: StoredRows, *, is_enough: bool) -> None:
    """Raise when more rows were left out than read:
    then the table is another one than it was taken for."""
    if stored.left_out.count <= rows or is_enough:
        return
    first = stored.left_out.problems[0]
    raise TaskError(
        f"{stored.left_out.count:,} of {stored.left_out.count + rows:,} rows don't fit a table of "
        f"{len(stored.names):,}"
        f" columns; the first is on line {first.line:,}: {first.reason} Say what separates the "
        "cells (delimiter), how many"
        " lines to pass over at the top (skip), or that this is all right (allow_left_out)."
    )


def _result(
    rows: int,
    columns: list[Column],
    text: Text,
    dialect: Dialect,
    stored: StoredRows,
    *,
    job: JobContext,
) -> ParsedTable:
    return ParsedTable(
        rows=rows,
        columns=_bounded(columns, job),
        charts=_charts(columns, job),
        left_out=stored.left_out.count,
        problems=list(stored.left_out.problems),
        layout=Layout(
            encoding=text.encoding.name,
            encoding_is=text.encoding.certainty,
            delimiter=dialect.delimiter,
            quote=dialect.style.quote,
            has_header=dialect.header.cells is not None,
            skipped=dialect.header.skipped,
            notes=[*dialect.notes, *stored.notes],
        ),
    )


def _bounded(columns: list[Column], job: JobContext) -> list[Column]:
    """Return the columns without the summaries that the result has no room for."""
    room = _SUMMARY_SHARE * job.settings.job_result_max_bytes
    bounded = []
    for column in columns:
        room -= len(json.dumps(asdict(column)))
        bounded.append(column if room > 0 else replace(column, summary=None))
    return bounded


def _charts(columns: list[Column], job: JobContext) -> list[dict[str, Any]]:
    """Return a histogram of each of the first numeric columns, as far as there is room."""
    room = _CHARTS_SHARE * job.settings.job_result_max_bytes
    charts: list[dict[str, Any]] = []
    for column in columns:
        if column.summary is None or column.summary.numbers is None:
            continue
        histogram = column.summary.numbers.histogram
        bins = list(zip(histogram.edges, histogram.edges[1:], histogram.counts, strict=False))
        if not bins or len(charts) == _CHARTS_MAX:
            continue
        try:
            chart = job.chart("histogram", bins, title=column.name, x=column.name, y="rows")
        except ChartError:  # numbers so large that their differences are none
            continue
        room -= len(json.dumps(chart))
        if room < 0:
            break
        charts.append(chart)
    return charts


def _watch(job: JobContext, first: int, last: int, message: str) -> Watch:
    """Return what tells the job's owner how far it is, and ends it when it must."""

    def watch(percent: float) -> None:
        job.progress(first + int((last - first) * min(percent, 100.0) / 100), 100, message=message)

    return watch


@contextmanager
def _new_folder() -> Iterator[Path]:
    """Give a folder for what is in between; also remove those that were left when a child was
    killed."""
    for left in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*"):
        try:
            is_dead = time.time() - left.stat().st_mtime > 2 * _TIMEOUT_S
        except FileNotFoundError:  # another child was quicker
            continue
        if is_dead:
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_FOLDER) as name:
        yield Path(name)
