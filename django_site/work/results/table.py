"""A list in a result as a table: sorted, searched, in pages.

Objects within its objects become columns of their own, unless they have few plain members, which
one cell says in words. Only what is shown is made: thousands of objects with a member of their own
each would be millions of cells.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext as _

from django_site.work.results.parts import PAGE_ROWS, Cell, Shown, Wanted, mark_numbers
from django_site.work.shown import number as said_number

_CELL_MAX = 300
_LISTED = 5
_SPREAD_MAX = 20
_WIDEST = 1_000
_DEEPEST = 4

Path = tuple[str, ...]


def items_of(value: list[Any]) -> list[Any] | None:
    """Return a list's rows; of lists of one length with plain values, objects by number, as the API
    writes them to files. None where a table would not show what it is."""
    if not any(isinstance(each, list) for each in value):
        return value
    widths = {len(each) if isinstance(each, list) else 0 for each in value}
    if len(widths) > 1 or not 0 < widths.pop() <= _WIDEST:
        return None
    if any(isinstance(cell, dict | list) for each in value for cell in each):
        return None
    return [{str(at): cell for at, cell in enumerate(each, start=1)} for each in value]


def table_of(items: list[Any], wanted: Wanted, id: str, pointer: str | None) -> Shown:  # noqa: A002
    """Return a page of a table."""
    paths = _paths(items) if all(isinstance(item, dict) for item in items) else [()]
    if wanted.table != id or wanted.by > len(paths):
        wanted = Wanted(table=id)
    every = wanted.columns_of(_heads(paths))
    shown = [path for path, column in zip(paths, every, strict=True) if column.is_shown]
    if wanted.text:
        items = _found(items, paths, wanted.text.casefold())
    if wanted.by:
        by = paths[wanted.by - 1]
        items = sorted(items, key=lambda item: _order(_at(item, by)), reverse=wanted.is_down)
        if wanted.is_down:  # nothing is last either way
            there = [item for item in items if _at(item, by) is not None]
            items = [*there, *(item for item in items if _at(item, by) is None)]
    pages = max(1, -(-len(items) // PAGE_ROWS))
    wanted = replace(wanted, page=min(wanted.page, pages))
    first = (wanted.page - 1) * PAGE_ROWS
    rows = [
        [plain_cell(_at(item, path)) for path in shown] for item in items[first : first + PAGE_ROWS]
    ]
    part = Shown(
        kind="table",
        id=id,
        pointer=pointer or "",
        has_file=True,
        wanted=wanted,
        every=every,
        rows=rows,
        total=len(items),
        pages=pages,
        first=first + 1,
    )
    mark_numbers(part.columns, rows)
    return part


def plain_cell(value: Any) -> Cell:
    """Return a value as a cell has it."""
    if value is None:
        return Cell("")
    if isinstance(value, bool | int | float):
        return Cell(number(value), is_number=not isinstance(value, bool))
    text = value if isinstance(value, str) else _in_one_line(value)
    return Cell(text if len(text) <= _CELL_MAX else f"{text[:_CELL_MAX]}…")


def number(value: bool | float) -> str:
    """Say a number, or yes and no."""
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    return said_number(value)


def _paths(items: Sequence[Any]) -> list[Path]:
    """Return where the columns' values lie, in the order in which they come."""
    found: list[Path] = []
    _spread(items, (), found)
    return found


def _spread(items: Iterable[dict[str, Any]], path: Path, found: list[Path]) -> None:
    there: dict[str, int] = {}
    inner: dict[str, list[dict[str, Any]]] = {}
    for item in items:
        for name, value in item.items():
            there[name] = there.get(name, 0) + (value is not None)
            if isinstance(value, dict):
                inner.setdefault(name, []).append(value)
    for name, count in there.items():
        here, objects = (*path, name), inner.get(name, [])
        if len(here) < _DEEPEST and len(objects) == count and _is_spread(objects):
            _spread(objects, here, found)
        else:
            found.append(here)


def _is_spread(objects: Sequence[dict[str, Any]]) -> bool:
    """Tell whether these objects get columns of their own: all of few members, not all plain."""
    names = {name for each in objects for name in each}
    return len(names) <= _SPREAD_MAX and any(
        isinstance(member, dict | list) for each in objects for member in each.values()
    )


def _heads(paths: Sequence[Path]) -> list[str]:
    """Return what stands above the columns: the last name, or all where that is another's, too."""
    if paths == [()]:
        return ["value"]
    counts = Counter(path[-1] for path in paths)
    twice = {name for name, count in counts.items() if count > 1}
    return [".".join(path) if path[-1] in twice else path[-1] for path in paths]


def _at(item: Any, path: Path) -> Any:
    for name in path:
        item = item.get(name) if isinstance(item, dict) else None
    return item


def _found(items: Sequence[Any], paths: Sequence[Path], text: str) -> list[Any]:
    """Return the items that have the text in a cell."""
    if paths == [()]:
        return [item for item in items if text in _whole(item).casefold()]
    return [item for item in items if any(text in each.casefold() for each in _cells(item))]


def _cells(item: Any) -> Iterator[str]:
    """Yield the plain values of an item, as they are shown and as they are."""
    places = [item]
    while places:
        value = places.pop()
        if isinstance(value, dict):
            places += value.values()
        elif isinstance(value, list):
            places += value
        else:
            yield _whole(value)


def _whole(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return f"{number(value)} {json.dumps(value)}"
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _in_one_line(value: Any) -> str:
    """Return a list or an object as a cell has it: plain values by their words, a long list by its
    beginning."""
    inner = value.values() if isinstance(value, dict) else value
    if any(isinstance(each, list | dict) for each in inner):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        return ", ".join(f"{name}: {plain_cell(each).text}" for name, each in value.items())
    some = ", ".join(plain_cell(each).text for each in value[:_LISTED])
    return some if len(value) <= _LISTED else f"{some}, … ({len(value)})"


def _order(value: Any) -> tuple[int, Any]:
    """Return what a cell is sorted by: numbers, then texts, then the rest; nothing last."""
    if isinstance(value, bool | int | float):
        return (0, value)
    if isinstance(value, str):
        return (1, value.casefold())
    return (3, "") if value is None else (2, json.dumps(value, sort_keys=True))
