"""A list in a result as a table: a column for each member of its objects, for each place of lists
of one length, or one of its values."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from flask_api.tasks.tables.cells.types import EXACT_TO
from flask_api.tasks.tables.database import TableDatabase, TableTooLargeError, identifier, literal
from flask_api.tasks.tables.kept.copies import CopyFormat, csv_line

MOST_COLUMNS, MOST_CELLS = 1_000, 1_000_000
ListFormat = Literal[CopyFormat, "parquet"]
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
_INT64 = 2**63
_MEMORY_MB = 128


def find_list(result: Any, pointer: str) -> list[Any] | None:
    """Return the list at a JSON pointer (RFC 6901); None where there is no list."""
    found = result
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict) and name in found:
            found = found[name]
        elif isinstance(found, list) and _INDEX.fullmatch(name) and int(name) < len(found):
            found = found[int(name)]
        else:
            return None
    is_place = not pointer or pointer.startswith("/")
    return found if is_place and isinstance(found, list) else None


def write_list(items: list[Any], target: Path, form: ListFormat) -> None:
    """Write a list as a file, alone in its folder. Raises TableTooLargeError for a list of objects
    with so many different members that the table would be much larger than they are."""
    if form == "jsonl":
        _write(target, (f"{json.dumps(item)}\n" for item in items))
        return
    table = _Table.of(items)
    if form == "parquet":
        _write_parquet(table, target)
        return
    head = csv_line(table.names, form, is_first=True)
    lines = (csv_line([_text(cell) for cell in row], form) for row in table.rows())
    _write(target, (line for some in ((head,), lines) for line in some))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    names: list[str]
    items: list[Any]
    has_columns: bool

    @classmethod
    def of(cls, items: list[Any]) -> "_Table":
        items = _by_number(items)
        are_objects = all(isinstance(item, dict) for item in items)
        names = list(dict.fromkeys(name for item in items for name in item)) if are_objects else []
        if len(names) > MOST_COLUMNS or len(names) * len(items) > MOST_CELLS:
            raise TableTooLargeError("The objects have too many different members for a table.")
        # without a member, or an item, there is a column all the same
        return cls(names=names or ["value"], items=items, has_columns=bool(names))

    def columns(self) -> dict[str, list[Any]]:
        """Return the cells that each column has: one look at each item, however many columns."""
        if not self.has_columns:
            return {self.names[0]: self.items}
        columns: dict[str, list[Any]] = {name: [] for name in self.names}
        for item in self.items:
            for name, cell in item.items():
                columns[name].append(cell)
        return columns

    def rows(self) -> Iterator[list[Any]]:
        for item in self.items:
            yield [item.get(name) for name in self.names] if self.has_columns else [item]


def _by_number(items: list[Any]) -> list[Any]:
    """Return rows that are lists of one length as objects, their columns called 1, 2, 3."""
    widths = {len(item) if isinstance(item, list) else 0 for item in items}
    if len(widths) != 1 or not 0 < min(widths) <= MOST_COLUMNS:
        return items
    return [{str(at): cell for at, cell in enumerate(item, start=1)} for item in items]


def _text(cell: Any) -> str | None:
    return cell if cell is None or isinstance(cell, str) else json.dumps(cell, ensure_ascii=False)


def _write(target: Path, lines: Iterator[str]) -> None:
    with target.open("w", encoding="utf-8", errors="backslashreplace", newline="") as opened:
        opened.writelines(lines)


def _write_parquet(table: _Table, target: Path) -> None:
    """Write typed columns: each of a type that all its cells fit without a loss, else text."""
    types = [_type(cells) for cells in table.columns().values()]
    lines = target.with_name("lines.jsonl")
    names = [f"c{at}" for at in range(len(types))]
    _write(
        lines,
        (
            f"{json.dumps(dict(zip(names, map(_typed, row, types), strict=True)))}\n"
            for row in table.rows()
        ),
    )
    columns = ", ".join(f"{name}: {literal(each)}" for name, each in zip(names, types, strict=True))
    shown = ", ".join(
        f"{name} AS {identifier(unique)}"
        for name, unique in zip(names, _unique(table.names), strict=True)
    )
    with TableDatabase(folder=target.parent, memory_mb=_MEMORY_MB, threads=1) as database:
        source = (
            f"read_json({literal(lines)}, format = 'newline_delimited', columns = {{{columns}}})"
        )
        database.run(f"COPY (SELECT {shown} FROM {source}) TO {literal(target)} (FORMAT parquet)")  # noqa: S608  # quoted
    lines.unlink()


def _type(cells: Sequence[Any]) -> str:
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds == {bool}:
        return "BOOLEAN"
    if kinds == {int} and all(-_INT64 <= cell < _INT64 for cell in cells if cell is not None):
        return "BIGINT"
    is_exact = kinds <= {int, float} and float in kinds
    if is_exact and all(abs(cell) <= EXACT_TO for cell in cells if isinstance(cell, int)):
        return "DOUBLE"
    return "VARCHAR"


def _typed(cell: Any, sql_type: str) -> Any:
    if sql_type != "VARCHAR" or cell is None:
        return cell
    text = _text(cell) or ""
    return text.encode("utf-8", "backslashreplace").decode()


def _unique(names: Sequence[str]) -> Iterator[str]:
    """Yield names that differ in more than their case, as Parquet's readers want them."""
    used: dict[str, int] = {}
    taken = {name.casefold() for name in names}
    for name in names:
        count = used.get(name.casefold(), 0) + 1
        unique = name if count == 1 and name else f"{name or 'column'}_{count}"
        while count > 1 and unique.casefold() in taken:
            count += 1
            unique = f"{name}_{count}"
        used[name.casefold()] = count
        taken.add(unique.casefold())
        yield unique.encode("utf-8", "backslashreplace").decode()
