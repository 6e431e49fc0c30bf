"""A job's result as what it is: a number, a text, a table, or an object of these.

What is shown is bounded, whatever a task returned; the whole is one link away.
"""

from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from django_site.work.chart.shown_chart import find_chart
from django_site.work.chart.shown_chart import table_of as numbers_of
from django_site.work.results.markdown import html_of
from django_site.work.results.parts import (
    PAGE_ROWS,
    ResultColumn,
    Shown,
    Wanted,
    below,
    mark_numbers,
)
from django_site.work.results.table import items_of, number, plain_cell, table_of
from django_site.work.results.tree import tree_of
from shared.chart import Chart
from shared.markdown import find_markdown

_CHARTS_MAX = 12
_TEXT_MAX = 100_000
_SHORT_TEXT = 200
_MEMBERS_MAX = 100
_DEEPEST = 3


def show(
    value: Any,
    wanted: Wanted,
    *,
    id: str = "result",  # noqa: A002
    pointer: str = "",
    depth: int = 0,
) -> Shown:
    """Return what a page shows of a result."""
    if value is None:
        return Shown(kind="nothing", id=id)
    if isinstance(value, str):
        return _text(value, id)
    if isinstance(value, bool | int | float):
        return Shown(kind="value", id=id, text=number(value))
    if not value:
        return Shown(
            kind="empty", id=id, text=_("Empty list") if value == [] else _("Empty object")
        )
    if (chart := find_chart(value)) is not None:
        return _chart(chart, id)
    if (text := find_markdown(value)) is not None:
        return _markdown(text, id)
    if isinstance(value, list):
        charts = [find_chart(each) for each in value[:_CHARTS_MAX]]
        if all(charts):
            return _charts(value, charts, id)
        items = items_of(value)
        return _tree(value, id) if items is None else table_of(items, wanted, id, pointer)
    return _object(value, wanted, id, pointer, depth) if depth < _DEEPEST else _tree(value, id)


def _object(value: dict[str, Any], wanted: Wanted, id: str, pointer: str, depth: int) -> Shown:  # noqa: A002
    members = [
        (
            name,
            show(member, wanted, id=f"{id}-{at}", pointer=below(pointer, name), depth=depth + 1),
        )
        for at, (name, member) in enumerate(value.items())
        if at < _MEMBERS_MAX
    ]
    members.sort(key=lambda member: not member[1].is_drawn)  # pictures first
    return Shown(kind="object", id=id, members=members, is_cut=len(members) < len(value))


def _markdown(text: str, id: str) -> Shown:  # noqa: A002
    html = html_of(text, get_language())
    return _text(text, id) if html is None else Shown(kind="markdown", id=id, html=html)


def _tree(value: Any, id: str) -> Shown:  # noqa: A002
    return Shown(kind="tree", id=id, tree=tree_of(value))


def _chart(chart: Chart, id: str) -> Shown:  # noqa: A002
    heads, rows = numbers_of(chart)
    numbers = Shown(
        kind="table",
        id=f"{id}-numbers",
        every=[ResultColumn(name=name) for name in heads],
        rows=[[plain_cell(value) for value in row] for row in rows[:PAGE_ROWS]],
        total=len(rows),
    )
    mark_numbers(numbers.columns, numbers.rows)
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
