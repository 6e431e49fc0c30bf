"""Tables that the random ones showed to be read wrongly without a word,
each as small as it gets."""

from pathlib import Path
from typing import Any

import pytest

from flask_api.tasks.tables.database import TableDatabase, TableError, UnexpectedCellsError
from tests.integration.tables.table_bench import Parsed

PLAIN = b"n,a\n" + b"1,x\n" * 6_000  # so many lines that what follows is beyond the first look

# a table, one of its rows, what its owner says, the lines left out
READ: dict[str, tuple[Any, ...]] = {
    "late blank before a quote": (PLAIN + b'2, "y"\n', [2, ' "y"']),
    "late empty cells after the last column": (PLAIN + b"2,y,,\n", [2, "y"]),
    "one column, nearly all of it empty": (b"a\n\n\n\nx\n\n\n1,2\n", [None]),
    "numbers with a comma in one column": (b"price\n3572,16\n3960,23\n", [3572.16]),
    "quoted lines without a separator": (b'a\n"two\nlines"\n"one, line"\n', ["two\nlines"]),
    "empty cell in the first row": (b",7\nT,8\nF,9\n", [None, 7]),
    "quotes after blanks over lines, one row damaged": (
        b'id\n" blanks \n \n\n "two\nlines"\n',
        ["two\nlines"],
        {"delimiter": ",", "header": True},
        [2],
    ),
    "single quotes over lines, one row damaged": (
        b"'a','b'\n'F','two\nlines'\n'F','on'\n'F','\n",
        ["F", "two\nlines"],
        {"header": True},
        [5],
    ),
    "single quotes around commas, two rows damaged": (
        b"'id'\n'5816,21''\n'4949,32'\n'9842,04'\n'2495,55'\n'489,\n'5118,48'\n",
        [4949.32],
        {"delimiter": ",", "header": True},
        [2, 6],
    ),
    "quotes of two kinds": (
        b"'a','b'\n'x','say \"hi\", twice'\n'y','it''s'\n",
        ["x", 'say "hi", twice'],
    ),
}


@pytest.mark.parametrize("case", READ.values(), ids=READ.keys())
def test_cell_is_kept(tmp_path: Path, case: tuple[Any, ...]) -> None:
    """As it was written, in the place where it was written."""
    content, row, given, left_out = (*case, {}, [])[:4]
    parsed = Parsed(content, tmp_path, **given)
    if parsed.result["rows"] > 1_000:  # of the late ones the column's range shows enough
        assert parsed.summaries[0]["summary"]["highest"] == row[0]
        assert row[1] in (
            parsed.summaries[1]["summary"]["lowest"],
            parsed.summaries[1]["summary"]["highest"],
        )
    else:
        assert row in parsed.rows
    assert parsed.problems == left_out


def test_hour_that_no_day_has_is_text(tmp_path: Path) -> None:
    """24:00:00 fits DuckDB's type and hardly another one."""
    hours = ["23:00:00", "22:00:00", "24:00:00"]
    assert Parsed(("h,n\n" + "".join(f"{hour},1\n" for hour in hours)).encode(), tmp_path).column(
        "h"
    ) == ("text", hours)


CODES = ["1E5", "12E3", "7"]


def test_code_with_an_e_is_a_number_only_when_its_owner_says_so(tmp_path: Path) -> None:
    """12E3 may be a part number; what programs write for numbers has a sign or a point."""
    content = ("code,x\n" + "".join(f"{code},1.5e3\n" for code in CODES)).encode()
    parsed = Parsed(content, tmp_path)
    assert (parsed.column("code"), parsed.column("x")) == (
        ("text", CODES),
        ("number", [1500.0] * 3),
    )
    assert parsed.read_as("code")["ambiguous"] == ["decimal=."]
    assert Parsed(content, tmp_path, decimal=".").column("code") == (
        "number",
        [100_000.0, 12_000.0, 7.0],
    )


@pytest.mark.parametrize(
    ("cells", "kind", "first", "ambiguous"),
    [
        (["01.02.2020", "03.04.2021"], "date", "2020-02-01", ["dates=dmy", "dates=mdy"]),
        (["31.12.2020", "03.04.2021"], "date", "2020-12-31", []),
        (["12.31.2020", "03.04.2021"], "date", "2020-12-31", []),
        (["05.06.99", "03.04.99"], "text", "05.06.99", ["dates=dmy", "dates=mdy"]),
        (["10.20.30", "11.21.31"], "text", "10.20.30", ["dates=mdy"]),
    ],
)
def test_date_with_points_says_where_the_month_may_come_first(
    tmp_path: Path, cells: list[str], kind: str, first: str, ambiguous: list[str]
) -> None:
    """The day does nearly everywhere, so it is read so; that it might be otherwise is said."""
    parsed = Parsed(("d,n\n" + "".join(f"{cell},1\n" for cell in cells)).encode(), tmp_path)
    found, shown = parsed.column("d")
    assert (found, shown[0], parsed.read_as("d")["ambiguous"]) == (kind, first, ambiguous)


def test_text_after_a_closing_quote_is_not_added_to_the_cell(tmp_path: Path) -> None:
    """Also where quotes are escaped by a backslash; the line after it is no part of it."""
    parsed = Parsed(b'a,b\n1,"say \\"hi\\""\n2,"u"v\n3,"x, \\\\ y"\n', tmp_path)
    assert (parsed.rows, parsed.problems) == ([[1, 'say "hi"'], [3, "x, \\ y"]], [3])


def test_blanks_in_a_quoted_cell_do_not_make_those_before_others_go(tmp_path: Path) -> None:
    """A separator and a blank inside of quotes are text."""
    parsed = Parsed(b'a,b\n", ", x\n"y",z\n', tmp_path)
    assert (parsed.rows, parsed.column("b")) == ([[", ", " x"], ["y", "z"]], ("text", [" x", "z"]))


SAID: dict[str, tuple[bytes, str]] = {
    "single quotes around few cells": (
        b"a,b\n'x\ny',1\n'z,2\nu,3\n",
        "Quotes (') that cells begin with",
    ),
    "quotes that are text": (
        b'a\tb\n"5" pipe\t1\n7" pipe\t2\n',
        'Quotes (") that cells begin with',
    ),
    "late quote after a blank": (PLAIN + b'2, "y"\n', "The quote after a blank on line 6,002"),
    "word above a single date": (b",Roe; Ben\nx,\n,2024/04/17\n", "might be otherwise"),
    "words above a single row of dates": (b"T,F\n2024/04/17,2020/01/02\n", "might be otherwise"),
    "letter above another one": (b"Y\nF\nF\n", "might be otherwise"),
    "pairs or decimal commas": (b"1,2\n3,4\n", "might be numbers with a comma"),
    "no separator": (b"Notes\nI am here, in Ulm.\nBye\n", "each line is one cell"),
    "two separators": (b"x;y,z\nu;v,w\n", "might be"),
    "more cells than the first lines have": (PLAIN + b"1,2,3\n" * 8_000, "3 cells, not 2"),
    "date above other dates": (b"03.03.1976\n12/10/2043 06:57 PM\n", "might be otherwise"),
}


@pytest.mark.parametrize("case", SAID.values(), ids=SAID.keys())
def test_guess_that_may_be_wrong_is_called_one(tmp_path: Path, case: tuple[bytes, str]) -> None:
    """In the layout's notes."""
    content, note = case
    assert note in " ".join(Parsed(content, tmp_path).layout["notes"])


def test_row_that_takes_the_next_line_with_it_says_so(tmp_path: Path) -> None:
    """An open quote and one on the next line make a row of both."""
    parsed = Parsed(b'a,b\n1,"x\n2," y\n' + b"3,z\n" * 5, tmp_path)
    lines = [
        line
        for problem in parsed.result["problems"]
        for line in range(2, 4)
        if str(line) in str(problem)
    ]
    assert sorted({*lines}) == [2, 3]


def test_query_of_ours_that_is_wrong_is_no_table_to_be_read_otherwise(tmp_path: Path) -> None:
    """What stands in a row is told from what stands in our SQL."""
    with TableDatabase(folder=tmp_path, memory_mb=64, threads=1) as database:
        with pytest.raises(UnexpectedCellsError):
            database.run("SELECT error('x')")
        with pytest.raises(TableError) as caught:
            database.run("SELECT nothing")
        assert not isinstance(caught.value, UnexpectedCellsError)
