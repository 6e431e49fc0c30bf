"""How a table is written: what separates its cells, how they are quoted, what its columns are called and hold.

DuckDB finds it out from a sample. The sample is ours: whole lines of one kind of line end, none too long, few enough to look
at every one, so that nothing in a hostile file makes the search itself expensive.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from flask_api.jobs.errors import TaskError
from flask_api.tasks.tables.database import TableDatabase, TableError

MAX_COLUMNS = 1_000
MAX_ROW_BYTES = 1_000_000
_SAMPLE_LINES = 20_000
_SAMPLE_LENGTH = 4_000_000
_NAME_LENGTH = 100
_NAMES_LENGTH = 60_000  # of all together: they are in the result, which is bounded

Delimiter = Literal[",", ";", "\t", "|", ":", " "]
_DELIMITERS = (",", ";", "\t", "|")

# What its columns are read as; of DuckDB's other types the values stay text, so that no digit is lost.
_TYPES = frozenset({"BOOLEAN", "BIGINT", "DOUBLE", "DATE", "TIME", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"})

_SNIFF = (
    "SELECT Delimiter, Quote, Escape, Comment, SkipRows, HasHeader, Columns, DateFormat, TimestampFormat"
    " FROM sniff_csv(?, sample_size = -1, ignore_errors = true, compression = 'none'{options})"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How to read one table. ``quote``, ``escape``, ``comment`` may be empty; ``types`` are what the sample looks like."""

    delimiter: str
    quote: str
    escape: str
    comment: str
    skip: int
    has_header: bool
    names: tuple[str, ...]
    types: tuple[str, ...]
    date_format: str
    timestamp_format: str
    line_bytes: int = 1  # of the sample's lines on average

    def of_text(self) -> "Dialect":
        """Return the same with columns of text, which any cell fits."""
        return replace(self, types=("VARCHAR",) * len(self.types))

    def as_salvaged(self) -> "Dialect":
        """Return how salvaged rows of this table are written."""
        return replace(self, delimiter=",", quote='"', escape='"', comment="", skip=0, has_header=False)


def find_dialect(
    path: Path, folder: Path, *, memory_mb: int, delimiter: Delimiter | None = None, has_header: bool | None = None
) -> Dialect:
    """Return how the table at ``path`` is written; what is given needs no finding. Raises TaskError when there is no table."""
    lines = list(_sample_lines(path))
    text = "".join(lines)
    if not text.strip():
        raise TaskError("The file has no rows.")
    _check_columns(lines, delimiter)
    options = {"delim": delimiter, "header": has_header}
    found = _sniff(lines, folder / "sample", options, memory_mb=memory_mb)
    if not found.quote and (sound := _soundly_quoted(lines, found.delimiter)):  # one that is never closed hides all others
        found = _sniff(sound, folder / "sample", options, memory_mb=memory_mb)
    if len(found.names) > MAX_COLUMNS:
        raise TaskError(f"The table has {len(found.names):,} columns; accepted are at most {MAX_COLUMNS:,}.")
    if not found.quote and '"' not in text:  # none in the sample: there may be some further down
        found = replace(found, quote='"', escape='"')
    line_bytes = len(text.encode("utf-8", "replace")) // len(lines) + 1
    return replace(found, names=clean_names(found.names), line_bytes=line_bytes)


def open_lines(path: Path) -> Iterator[str]:
    """Yield the lines of a text with their ends, of any kind; each in pieces when it is longer than a row may be.

    A byte that is not UTF-8 is a lone surrogate.
    """
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        while line := stream.readline(MAX_ROW_BYTES):
            yield line


def clean_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return names that can be shown and told apart, also by who ignores case: printable, not too long, none empty."""
    longest = max(8, min(_NAME_LENGTH, _NAMES_LENGTH // len(names)))
    cleaned: dict[str, str] = {}
    for number, name in enumerate(names, start=1):
        shown = "".join(letter if letter.isprintable() else " " for letter in name).strip()[:longest] or f"column{number - 1}"
        while shown.casefold() in cleaned:
            shown = f"{shown[: longest - 6].rstrip()} {number}" if not shown.endswith(f" {number}") else f"{shown}+"
        cleaned[shown.casefold()] = shown
    return tuple(cleaned.values())


def _sample_lines(path: Path) -> Iterator[str]:
    length = 0
    was_cut = False
    for number, line in enumerate(open_lines(path)):
        if number >= _SAMPLE_LINES or length > _SAMPLE_LENGTH:
            return
        has_end = line[-1] in "\r\n"
        if has_end and not was_cut:
            length += len(line)
            yield line.rstrip("\r\n") + "\n"
        elif not was_cut and len(line) < MAX_ROW_BYTES // 2:
            yield line  # the last one
        was_cut = not has_end


def _check_columns(lines: list[str], delimiter: Delimiter | None) -> None:
    """Refuse a table of very many columns before DuckDB takes memory for each."""
    first = next(line for line in lines if line.strip())
    most = max(first.count(each) for each in ((delimiter,) if delimiter else _DELIMITERS))
    if most >= MAX_COLUMNS:
        raise TaskError(f"The table has about {most + 1:,} columns; accepted are at most {MAX_COLUMNS:,}.")


def _soundly_quoted(lines: list[str], delimiter: str) -> list[str]:
    """Return the lines without those that quote wrongly; none unless nine in ten cells that begin with a quote end with one."""
    edge = re.escape(delimiter)
    begins, cell = re.compile(f'(?:^|{edge})"'), re.compile(f'(?:^|{edge})"[^"\\n]*"(?={edge}|$)', re.MULTILINE)
    counts = [(len(begins.findall(line)), len(cell.findall(line))) for line in lines]
    begun, closed = (sum(each) for each in zip(*counts, strict=True))
    if not closed or closed < 0.9 * begun:
        return []
    return [line for line, (begun, closed) in zip(lines, counts, strict=True) if begun == closed and line.count('"') % 2 == 0]


def _sniff(lines: list[str], sample: Path, options: Mapping[str, str | bool | None], *, memory_mb: int) -> Dialect:
    sample.write_text("".join(lines), encoding="utf-8", errors="replace", newline="")
    given = {name: value for name, value in options.items() if value is not None}
    sql = _SNIFF.format(options="".join(f", {name} = ?" for name in given))
    try:
        with TableDatabase(files=(sample,), memory_mb=memory_mb, threads=1) as database:
            ((*marks, skip, header, columns, date, timestamp),) = database.run(sql, (str(sample), *given.values()))
    except TableError as error:
        raise TaskError(
            "No table can be made out in the file: accepted are rows of cells with one separator, such as a comma or a tab."
        ) from error
    separator, quote, escape, comment = ("" if mark == "(empty)" else str(mark) for mark in marks)
    return Dialect(
        delimiter=separator,
        quote=quote,
        escape=escape,
        comment=comment,
        skip=int(skip),
        has_header=bool(header),
        names=tuple(str(column["name"]) for column in columns),
        types=tuple(str(column["type"]) if str(column["type"]) in _TYPES else "VARCHAR" for column in columns),
        date_format=date or "",
        timestamp_format=timestamp or "",
    )
