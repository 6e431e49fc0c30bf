"""The kept rows, all of them, as a file of another format: bounded in memory, disk and time.

No digit is lost: texts are whole, fractions are written so that they read as the same number, and
integers with all their digits. In JSON lines cells are as GET .../rows has them. ``spreadsheet`` is
CSV for programs that take a cell that begins with = + - @ for a formula: such a text has a ' before
it (OWASP, CSV Injection), numbers have not; it begins with the mark by which they know UTF-8.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from flask_api.tasks.tables.cells.types import EXACT_TO, Kind, as_json, kind_of
from flask_api.tasks.tables.database import TableDatabase, TableTooLargeError, identifier, literal

CopyFormat = Literal["csv", "spreadsheet", "jsonl"]
FORMULA = ("=", "+", "-", "@", "\t", "\r")
BYTE_ORDER_MARK = "\ufeff"
_MEMORY_MB = 128
_TIMEOUT_S = 50.0  # proxies wait a minute for the first byte
_WHOLE = 2**31
_LARGE = ("BIGINT", "UBIGINT", "HUGEINT")


def copy_rows(source: Path, target: Path, form: CopyFormat, *, most_bytes: int) -> None:
    """Write the rows of a Parquet file to ``target``, alone in its folder. Blocks for 50 s at most.
    Raises TableTooLargeError for what takes longer, or more than ``most_bytes``."""
    until = time.monotonic() + _TIMEOUT_S

    def watch(percent: float) -> None:
        del percent
        if time.monotonic() > until or (target.exists() and target.stat().st_size > most_bytes):
            raise TableTooLargeError(f"The table is too large to be made into {form}.")

    with TableDatabase(
        files=(source,), folder=target.parent, memory_mb=_MEMORY_MB, threads=1, spill_bytes=0
    ) as database:
        rows = f"read_parquet({literal(source)})"
        described = database.run(f"DESCRIBE SELECT * FROM {rows}", watch=watch)  # noqa: S608  # quoted
        columns = [(str(name), str(sql_type)) for name, sql_type, *_ in described]
        shown = ", ".join(
            f"{_cell(identifier(name), sql_type, form)} AS {identifier(name)}"
            for name, sql_type in columns
        )
        options = _options([name for name, _ in columns], form)
        copy = f"COPY (SELECT {shown} FROM {rows}) TO {literal(target)} ({options})"  # noqa: S608  # quoted
        ((count,),) = database.run(copy, watch=watch)
    watch(100)
    if form != "jsonl" and not count:
        head = csv_line([name for name, _ in columns], form, is_first=True)
        target.write_text(head, encoding="utf-8")


def csv_line(cells: Sequence[str | None], form: CopyFormat, *, is_first: bool = False) -> str:
    """Return a line of CSV, as DuckDB writes it: nothing for None, two quotes for an empty text.
    The first one for a spreadsheet begins with its mark."""
    for_sheet = form == "spreadsheet"
    line = ",".join(
        "" if cell is None else _quoted(guarded(cell) if for_sheet else cell) for cell in cells
    )
    return f"{BYTE_ORDER_MARK if for_sheet and is_first else ''}{line}\n"


def _quoted(text: str) -> str:
    is_plain = text and not any(sign in text for sign in ',"\n\r')
    return text if is_plain else '"' + text.replace('"', '""') + '"'


def guarded(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def _options(names: Sequence[str], form: CopyFormat) -> str:
    if form == "jsonl":
        return "FORMAT json"
    head = literal(csv_line(names, form, is_first=True))
    return f"FORMAT csv, HEADER false, PREFIX {head}, SUFFIX {literal(chr(10))}"


def _cell(column: str, sql_type: str, form: CopyFormat) -> str:
    """Return the expression for a cell, of a quoted column name."""
    if form == "jsonl" and sql_type in _LARGE:
        text = f"to_json(CAST({column} AS VARCHAR))"
        is_exact = f"{column} BETWEEN -{EXACT_TO} AND {EXACT_TO}"
        return f"CASE WHEN {is_exact} THEN to_json({column}) ELSE {text} END"
    if form == "jsonl" and sql_type in ("FLOAT", "DOUBLE"):
        return f"CASE WHEN isfinite({column}) THEN {column} END"
    if kind_of(sql_type) is not Kind.TEXT:
        return as_json(column, sql_type, longest=_WHOLE)
    text = column if sql_type == "VARCHAR" else f"CAST({column} AS VARCHAR)"
    if form != "spreadsheet":
        return text
    signs = ", ".join(f"chr({ord(sign)})" for sign in FORMULA)
    return f"CASE WHEN left({text}, 1) IN ({signs}) THEN '''' || {text} ELSE {text} END"
