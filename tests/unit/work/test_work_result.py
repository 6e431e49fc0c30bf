"""A result is shown as what it is, and no more of it than a page bears."""

import time
import tracemalloc
from typing import Any

import pytest
from django.http import QueryDict

from django_site.work.results.parts import PAGE_ROWS, Wanted
from django_site.work.results.result import show
from django_site.work.results.tree import DEEPEST, LISTED, NODES, Node, tree_of
from django_site.work.shown import ago, duration, moment, size, visible

FIRST = Wanted()


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (None, "nothing", ""),
        (1234567, "value", "1,234,567"),
        (True, "value", "Yes"),
        (0.1, "value", "0.1"),
        ("a word", "value", "a word"),
        ("two\nlines", "text", "two\nlines"),
        ([], "empty", "Empty list"),
        ({}, "empty", "Empty object"),
    ],
)
def test_plain_results_are_said_plainly(value: Any, kind: str, text: str) -> None:
    """A number with its thousands apart, a text as it is."""
    found = show(value, FIRST)
    assert (found.kind, found.text) == (kind, text)


def test_objects_in_a_list_are_a_table() -> None:
    """Its columns are all that any of them has; what is no plain value is one line."""
    found = show([{"a": 1}, {"b": {"x": 1, "y": "z"}, "a": [1]}], FIRST)
    assert [column.name for column in found.columns] == ["a", "b"]
    assert [[cell.text for cell in row] for row in found.rows] == [["1", ""], ["1", "x: 1, y: z"]]


def test_table_is_sorted_by_what_its_cells_are() -> None:
    """Numbers before texts, nothing last; the second click turns it around. Another table's wish is
    not this one's."""
    rows = [{"n": value} for value in (10, "b", None, 9, "A", {"x": 1})]
    found = show(rows, Wanted(table="result", by=1))
    assert [row[0].text for row in found.rows] == ["9", "10", "A", "b", "x: 1", ""]
    assert found.columns[0].sorted == "ascending"
    assert "order=down" in found.columns[0].link
    assert show(rows, Wanted(table="other", by=1)).rows == show(rows, FIRST).rows
    assert show(rows, Wanted(table="result", by=2)).rows == show(rows, FIRST).rows


def test_page_shows_a_part_of_what_is_large() -> None:
    """Rows by pages, columns, members, depth and texts up to a bound."""
    found = show([{"n": number} for number in range(250)], Wanted(table="result", page=3))
    assert (found.first, found.last, found.total) == (201, 250, 250)
    assert found.previous.endswith("page=2#result")
    assert not found.next
    wide = show([{str(number): number for number in range(1000)}] * 2000, FIRST)
    assert (len(wide.rows), len(wide.columns), wide.hidden) == (PAGE_ROWS, 40, 960)
    assert len(show({str(number): 0 for number in range(1000)}, FIRST).members) == 100
    assert show("x" * 200_000, FIRST).is_cut
    nested: Any = 1
    for _ in range(50):
        nested = {"in": nested}
    inner = show(nested, FIRST)
    for _ in range(3):
        inner = inner.members[0][1]
    assert inner.kind == "tree"


@pytest.mark.parametrize(
    "query",
    ["page=0", f"page={'9' * 50}", "page=x", "by=?", "table=result&col=0&col=7&by=9", "page=²"],
)
def test_address_that_makes_no_sense_is_the_first_page(query: str) -> None:
    """Anybody may write one."""
    assert show([1, 2], Wanted.of(QueryDict(query))).total == 2


def test_signs_that_act_or_hide_are_shown() -> None:
    """Terminal escapes, controls, bidirectional marks, half characters; a tab and a line are text."""
    assert visible("a\x1b[31m\x00b\u202ec\ufeff") == "a⟨ESC⟩[31m⟨U+0000⟩b⟨U+202E⟩c⟨U+FEFF⟩"
    assert visible("\ttab\nline é 漢 😀") == "\ttab\nline é 漢 😀"
    assert visible("\ud800") == "⟨U+D800⟩"
    began = time.perf_counter()
    visible("\x1b" * 1_000_000)
    assert time.perf_counter() - began < 10


def test_times_and_sizes_are_said_as_people_say_them() -> None:
    """In the one unit that fits."""
    now = moment("2026-01-01T12:00:00Z")
    assert now is not None
    said = {
        "2026-01-01T11:59:58Z": "now",
        "2026-01-01T11:59:00Z": "1 minute ago",
        "2026-01-01T14:30:00Z": "in 2 hours",
        "2025-12-29T12:00:00Z": "3 days ago",
    }
    assert {text: ago(then, now) for text in said if (then := moment(text))} == said
    assert [duration(each) for each in (0.0123, 3.21, 75, 7200)] == [
        "12 ms",
        "3.2 s",
        "1 min 15 s",
        "2 h 0 min",
    ]
    assert [duration(each, in_tenths=False) for each in (0.5, 5.96, 10, 75.96)] == [
        "500 ms",
        "5 s",
        "10 s",
        "1 min 15 s",
    ]
    assert [size(each) for each in (0, 999, 1000, 999_999, 12_345_678)] == [
        "0 B",
        "999 B",
        "1.0 kB",
        "1.0 MB",
        "12 MB",
    ]


def test_objects_with_a_member_of_their_own_each_cost_no_square() -> None:
    """Three thousand such would be nine million cells; only what is shown is made."""
    items = [{f"name{number}": number} for number in range(3000)]
    tracemalloc.start()
    try:
        found = show(items, Wanted(table="result", by=2, is_down=True))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000
    assert (len(found.columns), len(found.rows), found.total) == (40, PAGE_ROWS, 3000)
    assert (found.hidden, len(found.choices)) == (2960, 300)


def test_objects_in_a_row_become_columns() -> None:
    """Unless they are plain: as tables.parse says how it read each column. Names that stand twice
    are told apart; a long list is shown by its beginning; search looks at what is nested, too."""
    rows = [
        {"name": "a", "read": {"rule": "text", "missing": [], "name": "x"}, "plain": {"n": 1}},
        {"name": "b", "read": None, "plain": {"n": 2}},
        {"name": "c", "read": {"rule": "number", "edges": list(range(9))}},
    ]
    found = show(rows, FIRST)
    heads = [column.name for column in found.columns]
    assert heads == ["name", "rule", "missing", "read.name", "edges", "plain"]
    cells = [cell.text for cell in found.rows[2]]
    assert cells == ["c", "number", "", "", "0, 1, 2, 3, 4, … (9)", ""]
    searched = show(rows, Wanted(table="result", text="NUMB"))
    assert [row[0].text for row in searched.rows] == ["c"]
    narrowed = show(rows, Wanted(table="result", columns=frozenset({1, 6, 99})))
    assert [column.name for column in narrowed.columns] == ["name", "plain"]


def test_lists_of_one_length_are_a_table_by_number() -> None:
    """Others, and what is nested further, are a tree."""
    found = show([[1, "a"], [2, None]], FIRST)
    assert [column.name for column in found.columns] == ["1", "2"]
    assert [[cell.text for cell in row] for row in found.rows] == [["1", "a"], ["2", ""]]
    others: list[Any] = [[[1], [1, 2]], [[]], [1, [2]], [[[1]]]]
    assert [show(each, FIRST).kind for each in others] == ["tree"] * 4


def test_what_is_nested_is_a_tree_with_bounds() -> None:
    """In depth, in members and in all; what is left is counted."""
    deep: Any = 0
    for _ in range(500):
        deep = [deep]
    node = tree_of(deep)
    for _ in range(DEEPEST):
        node = node.members[0]
    assert (node.members, node.left) == ([], 1)
    wide = tree_of([[0] * 300 for _ in range(300)])
    assert (len(wide.members[0].members), wide.members[0].left) == (LISTED, 100)
    assert _count(wide) <= NODES + 1


def _count(node: Node) -> int:
    return 1 + sum(map(_count, node.members))
