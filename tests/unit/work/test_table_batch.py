"""A table becomes sets of arguments: each cell as the form would take it, and nothing guessed."""

from typing import Any

import pytest

from django_site.work.table_batch.arguments import column_names, rows_of, show_api_errors
from django_site.work.table_batch.table import MOST_BYTES, NotATable, read_table
from tests.browser.form_tasks import everything

TASK: dict[str, Any] = {"arguments_schema": everything.arguments_schema}


def said(text: str) -> list[dict[str, Any]]:
    """Return the arguments of each row."""
    return [row.arguments for row in rows_of(TASK, read_table(text))]


def test_each_kind_of_cell_is_taken_as_its_field_would() -> None:
    """What is empty is not said; numbers are numbers; a nested parameter has its whole name."""
    text = (
        "word\tnumber\tcolour\tis_loud\toptions.depth\tpages\tweights\tat\n"
        'abc\t3\tBlue\tyes\t5\t"https://a\nhttps://b"\t"{""x"": 1}"\t2026-02-03T04:05\n'
        "\n"
        "def\t\t\tno\t\t\t\t\n"
        "x\tmany\t\t\t\t\t\t\n"
    )
    assert said(text) == [
        {
            "word": "abc",
            "number": 3,
            "colour": "blue",
            "is_loud": True,
            "options": {"depth": 5},
            "pages": ["https://a", "https://b"],
            "weights": {"x": 1},
            "at": "2026-02-03T04:05Z",
        },
        {"word": "def", "is_loud": False},
        {"word": "x", "number": "many"},
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "needs a line with the names"),
        ("word", "needs a line with the names"),
        ("word,evil\na,b", "no parameter “evil”. Columns may be: word, number"),
        ("word,word\na,b", "is there twice"),
        ("word\n" + "a\n" * 2_001, "more than 2,000 rows"),
        ("word\n" + "é" * (MOST_BYTES // 2 + 1), "more than 400 kB"),
        ("word\n" + "a" * 110_000, "more than 100,000 characters"),
        ('word,number\n"never closed,1\nb,2\n', "can't be read: unexpected end of data"),
        (",".join("c" * 101) + "\n1", "more than 100 columns"),
    ],
)
def test_what_is_no_table_is_said(text: str, words: str) -> None:
    """Bounded before it is read."""
    with pytest.raises(NotATable, match=words):
        rows_of(TASK, read_table(text))


def test_line_ends_only_where_a_spreadsheet_ends_it() -> None:
    """Other signs that part lines or pages are text."""
    table = read_table("word,number\nhello\u2028wor\x0bld\x85,1\r\n")
    assert table.rows == [(1, ["hello\u2028wor\x0bld\x85", "1"])]


def test_what_is_wrong_stands_at_its_row_and_column() -> None:
    """What the form knows, and what the API says of the arguments that were sent."""
    rows = rows_of(TASK, read_table("word;is_loud;colour;weights\na;perhaps;pink;{x\nb;x;;;;7\n"))
    assert [name for name, _ in rows[0].errors] == ["colour", "is_loud", "weights"]
    assert rows[1].errors == [("", "It has 6 cells, and there are 4 columns.")]
    errors = [
        {"pointer": "/arguments/1/options/depth", "detail": "too deep; accepted: {}"},
        {"pointer": "/arguments", "detail": "other"},
    ]
    assert show_api_errors(rows, errors) == ["other"]
    assert rows[1].errors[-1] == ("options.depth", "too deep")


def test_columns_are_the_parameters() -> None:
    """Of parts, their members."""
    assert column_names(TASK)[:2] == ["word", "number"]
    assert "options.depth" in column_names(TASK)
