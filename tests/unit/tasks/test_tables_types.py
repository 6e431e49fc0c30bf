"""The words that a table's names and values are written in."""

import json
import math

import pytest

from flask_api.tasks.tables.cells.types import Cell, Kind, as_json, cell, kind_of
from flask_api.tasks.tables.database import identifier, literal
from flask_api.tasks.tables.header import clean_names


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (2**53 - 1, 2**53 - 1),
        (2**53, "9007199254740992"),
        (-(2**63), "-9223372036854775808"),
        (math.nan, None),
        (-math.inf, None),
        (1.5, 1.5),
        (True, True),
        (None, None),
        ("x\x00y", "x\x00y"),
    ],
)
def test_value_becomes_json_that_loses_nothing(value: Cell, shown: Cell) -> None:
    """What JavaScript would round is text, what JSON has no word for is null."""
    assert cell(value) == shown
    json.dumps(cell(value), allow_nan=False)


def test_unknown_type_is_text_and_cut() -> None:
    """A type that we have no word for is shown as DuckDB writes it,
    not longer than a cell may be."""
    assert kind_of("STRUCT(a BIGINT)") is Kind.TEXT
    assert "left(CAST(x AS VARCHAR), 9)" in as_json("x", "STRUCT(a BIGINT)", longest=10)


def test_names_and_texts_can_not_leave_their_quotes() -> None:
    """A column's name is a name in SQL, whatever is in it."""
    assert identifier('a"; DROP TABLE x; --') == '"a""; DROP TABLE x; --"'
    assert literal("it's") == "'it''s'"


def test_names_are_told_apart_and_can_be_shown() -> None:
    """Case alone is no difference, an empty name gets a number, control characters go."""
    names = clean_names(["a", "A", "a", "", "x\x00y\n", "  b  "])
    assert names == ("a", "A 2", "a 3", "column3", "x y", "b")


def test_names_that_collide_after_cleaning_still_differ() -> None:
    """A name that looks like a made-up one doesn't take its place."""
    names = clean_names(["a", "a 3", "a", "a 3", "A 3"])
    assert len({name.casefold() for name in names}) == 5


@pytest.mark.parametrize("count", [1, 1000])
def test_long_names_are_cut_to_what_the_result_has_room_for(count: int) -> None:
    """A thousand columns with names of a megabyte each fit into less than a megabyte of JSON."""
    names = clean_names(
        ["😀" * 1_000_000 if count == 1 else f"{number}" + "😀" * 1000 for number in range(count)]
    )
    assert len(set(names)) == count
    assert len(json.dumps(names)) < 800_000
