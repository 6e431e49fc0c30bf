"""A job's result as what it is: a number, a text, a table, or an object of these.

What is shown is bounded, whatever a task returned; the whole is one link away.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django_site.work.chart.shown_chart import find_chart, picture, table_of
from shared.chart import Chart

PAGE_ROWS = 100
_CHARTS_MAX = 12
_COLUMNS_MAX = 40
_CELL_MAX = 300
_TEXT_MAX = 100_000
_SHORT_TEXT = 200
_MEMBERS_MAX = 100
_DEEPEST = 3


@dataclass(slots=True, kw_only=True)
class ResultColumn:
    """One column of a table, and where a click on its heading leads."""

    name: str
    link: str = ""
    sorted: str = "none"  # aria-sort
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table."""

    text: str
    is_number: bool = False


@dataclass(slots=True, kw_only=True)
class Shown:
    """One part of a result. ``kind``: nothing, value, text, table, chart or object."""

    kind: str
    id: str = ""
    text: str = ""
    is_cut: bool = False
    columns: list[ResultColumn] = field(default_factory=list)
    rows: list[list["Cell"]] = field(default_factory=list)
    total: int = 0
    first: int = 0
    previous: str = ""
    next: str = ""
    members: list[tuple[str, "Shown"]] = field(default_factory=list)
    chart: Chart | None = None
    numbers: "Shown | None" = None

    @property
    def is_drawn(self) -> bool:
        """Whether it is a chart, or several."""
        inner = [member for _, member in self.members]
        return self.chart is not None or (bool(inner) and all(each.is_drawn for each in inner))

    @property
    def picture(self) -> str:
        """The chart's picture."""
        return "" if self.chart is None else picture(self.chart)

    @property
    def last(self) -> int:
        """The number of the last row shown."""
        return self.first + len(self.rows) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which table a person sorted or paged, and how."""

    table: str = ""
    by: str = ""
    is_down: bool = False
    page: int = 1

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Wanted":
        """Read the address's query; what makes no sense is the first page, unsorted."""
        return cls(
            table=query.get("table", ""),
            by=query.get("by", ""),
            is_down=query.get("order") == "down",
            page=page_in(query.get("page", "")),
        )


def page_in(text: str) -> int:
    """Return the number of a page as an address has it; 1 for what is none."""
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 8 else 1


def show(value: Any, wanted: Wanted, *, id: str = "result", depth: int = 0) -> Shown:  # noqa: A002
    """Return what a page shows of a result."""
    if value is None:
        return Shown(kind="nothing", id=id)
    if isinstance(value, str):
        return _text(value, id)
    if isinstance(value, bool | int | float):
        return Shown(kind="value", id=id, text=_number(value))
    if (chart := find_chart(value)) is not None:
        return _chart(chart, id)
    if isinstance(value, list) and value:
        charts = [find_chart(each) for each in value[:_CHARTS_MAX]]
        return _charts(value, charts, id) if all(charts) else _table(value, wanted, id)
    if isinstance(value, dict) and value and depth < _DEEPEST:
        members = [
            (name, show(member, wanted, id=f"{id}-{at}", depth=depth + 1))
            for at, (name, member) in enumerate(value.items())
            if at < _MEMBERS_MAX
        ]
        members.sort(key=lambda member: not member[1].is_drawn)  # pictures first
        return Shown(kind="object", id=id, members=members, is_cut=len(members) < len(value))
    return _text(json.dumps(value, indent=2, ensure_ascii=False), id)


def _chart(chart: Chart, id: str) -> Shown:  # noqa: A002
    heads, rows = table_of(chart)
    numbers = Shown(
        kind="table",
        id=f"{id}-numbers",
        columns=[
            ResultColumn(name=name, is_number=all(_is_number(row[at]) for row in rows))
            for at, name in enumerate(heads)
        ],
        rows=[[plain_cell(value) for value in row] for row in rows[:PAGE_ROWS]],
        total=len(rows),
        first=1,
    )
    return Shown(kind="chart", id=id, chart=chart, numbers=numbers)


def _charts(value: list[Any], charts: list[Chart | None], id: str) -> Shown:  # noqa: A002
    members = [("", _chart(each, f"{id}-{at}")) for at, each in enumerate(charts) if each]
    return Shown(kind="object", id=id, members=members, is_cut=len(members) < len(value))


def _text(text: str, id: str) -> Shown:  # noqa: A002
    is_short = len(text) <= _SHORT_TEXT and "\n" not in text
    return Shown(
        kind="value" if is_short else "text",
        id=id,
        text=text[:_TEXT_MAX],
        is_cut=len(text) > _TEXT_MAX,
    )


def _number(value: bool | float) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return f"{value:,}" if isinstance(value, int) else repr(value)


def _table(items: list[Any], wanted: Wanted, id: str) -> Shown:  # noqa: A002
    """Return a page of a table. Only what is shown is made: thousands of objects with a member of
    their own each would be millions of cells."""
    has_columns = all(isinstance(item, dict) for item in items)
    every = _names(items) if has_columns else ["value"]
    names = every[:_COLUMNS_MAX]
    if wanted.table != id or wanted.by not in ("", *names):
        wanted = Wanted(table=id)

    def cell(item: Any, name: str) -> Any:
        return item.get(name) if has_columns else item

    if wanted.by:
        items = sorted(
            items, key=lambda item: _order(cell(item, wanted.by)), reverse=wanted.is_down
        )
    pages = max(1, -(-len(items) // PAGE_ROWS))
    page = min(wanted.page, pages)
    first = (page - 1) * PAGE_ROWS
    shown = [[cell(item, name) for name in names] for item in items[first : first + PAGE_ROWS]]
    return Shown(
        kind="table",
        id=id,
        columns=[_column(name, at, shown, wanted) for at, name in enumerate(names)],
        rows=[[plain_cell(value) for value in row] for row in shown],
        total=len(items),
        first=first + 1,
        previous=_link(wanted, page=page - 1) if page > 1 else "",
        next=_link(wanted, page=page + 1) if page < pages else "",
        is_cut=len(every) > _COLUMNS_MAX,
    )


def _column(name: str, at: int, rows: list[list[Any]], wanted: Wanted) -> ResultColumn:
    """Return a column; a click on its heading sorts by it, a second one the other way."""
    is_sorted = name == wanted.by and bool(wanted.by)
    direction = "descending" if wanted.is_down else "ascending"
    turned = Wanted(table=wanted.table, by=name, is_down=is_sorted and not wanted.is_down)
    return ResultColumn(
        name=name,
        link=_link(turned, page=1),
        sorted=direction if is_sorted else "none",
        is_number=all(_is_number(row[at]) for row in rows),
    )


def _link(wanted: Wanted, *, page: int) -> str:
    query = {
        "table": wanted.table,
        "by": wanted.by,
        "order": "down" if wanted.is_down else "",
        "page": "" if page == 1 else str(page),
    }
    kept = {name: value for name, value in query.items() if value}
    return f"?{urlencode(kept)}#{wanted.table}"


def _names(items: list[dict[str, Any]]) -> list[str]:
    """Return the names of all columns, in the order in which they come."""
    return list(dict.fromkeys(name for item in items for name in item))


def plain_cell(value: Any) -> Cell:
    """Return a value as a cell has it."""
    if value is None:
        return Cell("")
    if isinstance(value, bool | int | float):
        return Cell(_number(value), is_number=not isinstance(value, bool))
    text = value if isinstance(value, str) else _in_one_line(value)
    return Cell(text if len(text) <= _CELL_MAX else f"{text[:_CELL_MAX]}…")


def _in_one_line(value: Any) -> str:
    """Return a list or an object as a cell has it: an object of plain values by its words."""
    if isinstance(value, dict) and not any(
        isinstance(each, list | dict) for each in value.values()
    ):
        return ", ".join(f"{name}: {plain_cell(each).text}" for name, each in value.items())
    return json.dumps(value, ensure_ascii=False)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _order(value: Any) -> tuple[int, Any]:
    """Return what a cell is sorted by: numbers, then texts, then the rest; nothing last."""
    if _is_number(value) or isinstance(value, bool):
        return (0, value)
    if isinstance(value, str):
        return (1, value.casefold())
    return (3, "") if value is None else (2, json.dumps(value, sort_keys=True))
