"""A result is shown as what it is, and no more of it than a page bears."""

import time
import tracemalloc
from typing import Any

import pytest

from django_site.work.result import PAGE_ROWS, Wanted, show
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
        ([], "value", "[]"),
        ({}, "value", "{}"),
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
    assert [[cell.text for cell in row] for row in found.rows] == [["1", ""], ["[1]", "x: 1, y: z"]]


def test_table_is_sorted_by_what_its_cells_are() -> None:
    """Numbers before texts, nothing last; the second click turns it around. Another table's wish is
    not this one's."""
    rows = [{"n": value} for value in (10, "b", None, 9, "A", {"x": 1})]
    found = show(rows, Wanted(table="result", by="n"))
    assert [row[0].text for row in found.rows] == ["9", "10", "A", "b", "x: 1", ""]
    assert found.columns[0].sorted == "ascending"
    assert "order=down" in found.columns[0].link
    assert show(rows, Wanted(table="other", by="n")).rows == show(rows, FIRST).rows
    assert show(rows, Wanted(table="result", by="gone")).rows == show(rows, FIRST).rows


def test_page_shows_a_part_of_what_is_large() -> None:
    """Rows by pages, columns, members, depth and texts up to a bound."""
    found = show([{"n": number} for number in range(250)], Wanted(table="result", page=3))
    assert (found.first, found.last, found.total) == (201, 250, 250)
    assert found.previous.endswith("page=2#result")
    assert not found.next
    wide = show([{str(number): number for number in range(1000)}] * 2000, FIRST)
    assert (len(wide.rows), len(wide.columns), wide.is_cut) == (PAGE_ROWS, 40, True)
    assert len(show({str(number): 0 for number in range(1000)}, FIRST).members) == 100
    assert show("x" * 200_000, FIRST).is_cut
    nested: Any = 1
    for _ in range(50):
        nested = {"in": nested}
    inner = show(nested, FIRST)
    for _ in range(3):
        inner = inner.members[0][1]
    assert inner.kind == "text"


@pytest.mark.parametrize("query", [{"page": "0"}, {"page": "9" * 50}, {"page": "x"}, {"by": "?"}])
def test_address_that_makes_no_sense_is_the_first_page(query: dict[str, str]) -> None:
    """Anybody may write one."""
    assert show([1, 2], Wanted.of(query)).total == 2


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
        found = show(items, Wanted(table="result", by="name1", is_down=True))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000
    assert (len(found.columns), len(found.rows), found.total) == (40, PAGE_ROWS, 3000)
    assert found.is_cut
