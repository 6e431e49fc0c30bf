"""No value is changed, dropped or guessed without a word:
inputs that readers of tables are known to get wrong."""

from pathlib import Path
from typing import Any

import pytest

from tests.integration.tables.table_bench import Parsed, beside, check, one

JULY = [f"{day:02d}/07/20" for day in range(1, 32)]
BOTH = [f"07/{month:02d}/2020" for month in range(1, 13)]


def test_two_digit_years_that_fit_two_orders_stay_text(tmp_path: Path) -> None:
    """31/07/20 may be 2020 or 2031: it is text, the summary says so, and an argument decides."""
    parsed = one(JULY, tmp_path)
    assert parsed.column("a") == ("text", JULY)
    assert parsed.read_as("a")["ambiguous"] == ["dates=dmy", "dates=ymd"]
    told = one(JULY, tmp_path, dates="dmy")
    assert told.column("a") == ("date", [f"2020-07-{day:02d}" for day in range(1, 32)])
    assert "1969 to 2068" in told.read_as("a")["rule"]


@pytest.mark.parametrize(
    ("dates", "kind", "first", "last"),
    [
        (None, "text", "07/01/2020", "07/12/2020"),
        ("dmy", "date", "2020-01-07", "2020-12-07"),
        ("mdy", "date", "2020-07-01", "2020-07-12"),
        ("ymd", "text", "07/01/2020", "07/12/2020"),
    ],
)
def test_order_of_day_and_month_that_nothing_shows_is_not_guessed(
    tmp_path: Path, dates: str | None, kind: str, first: str, last: str
) -> None:
    """Where both fit it is text and called ambiguous;
    ``dates`` decides, and never bends what doesn't fit."""
    parsed = one(BOTH, tmp_path, dates=dates)
    found, cells = parsed.column("a")
    assert (found, cells[0], cells[-1]) == (kind, first, last)
    assert parsed.read_as("a")["ambiguous"] == ([] if dates else ["dates=dmy", "dates=mdy"])


DATES: list[tuple[list[str], str, list[Any]]] = [
    (["07/01/2020", "13/01/2020"], "date", ["2020-01-07", "2020-01-13"]),
    (["01/07/2020", "01/13/2020"], "date", ["2020-01-07", "2020-01-13"]),
    (["1.2.2020", "31.12.1999"], "date", ["2020-02-01", "1999-12-31"]),
    (["31/12/99", "1/2/98"], "date", ["1999-12-31", "1998-02-01"]),
    (["2020/01/02", "2020/12/31"], "date", ["2020-01-02", "2020-12-31"]),
    (
        ["31/12/2020 10:30", "01/02/2021 9:05"],
        "timestamp",
        ["2020-12-31T10:30:00", "2021-02-01T09:05:00"],
    ),
    (
        ["12/31/2020 1:30 PM", "01/02/2021 12:05 AM"],
        "timestamp",
        ["2020-12-31T13:30:00", "2021-01-02T00:05:00"],
    ),
    (
        ["01/07/99 10:00", "31/07/99 10:00"],
        "timestamp",
        ["1999-07-01T10:00:00", "1999-07-31T10:00:00"],
    ),
    (
        ["2020-01-01T10:00", "2020-01-01 10:00:00.5"],
        "timestamp",
        ["2020-01-01T10:00:00", "2020-01-01T10:00:00.5"],
    ),
    (
        ["2020-01-01T10:00:00Z", "2020-01-01 10:00+02:00"],
        "timestamp",
        ["2020-01-01T10:00:00Z", "2020-01-01T08:00:00Z"],
    ),
    (["08:30", "23:59:59.25"], "time", ["08:30:00", "23:59:59.25"]),
]
NO_DATES = [
    ["1.2.3", "1.10.2", "2.0.11"],
    ["10-20-30", "11-21-31"],
    ["12-11-10", "01-02-03"],
    ["2020-02-30", "2020-01-01"],
    ["2020-01-01", "2020-01-01 10:00:00"],
    ["2020-01-01 10:00:00+02:00", "2020-01-01 10:00:00"],
    ["2020-01-01 10:00:00.123456789", "2020-01-01 10:00:00.1"],
    ["12-05-4711", "13-06-4712"],
    ["infinity", "epoch", "today"],
    ["24:00:00", "23:00:00"],
    ["2016-12-31 23:59:60", "2016-12-31 23:59:59"],
    ["1:30", "12:10"],
    ["29/02/2021", "01/02/2021"],
    ["0044-03-15 (BC)", "0044-03-16 (BC)"],
    ["20200101T10", "20200102T11"],
]


def test_date_is_read_only_when_every_cell_is_one_in_one_order(tmp_path: Path) -> None:
    """One cell of the column is enough to tell the order;
    versions, part numbers, impossible days stay text.

    So do times that would lose their day's time, offset or nanoseconds by it.
    """
    cases = DATES + [(cells, "text", cells) for cells in NO_DATES]
    check(beside([cells for cells, *_ in cases], tmp_path), cases)


LATE = [
    ("5", "01234", "text"),
    ("2020-01-01 10:00:00", "2020-01-01 10:00:00+02:00", "text"),
    ("2020-01-01 10:00:00+02:00", "2020-01-01 10:00:00", "text"),
    ("2020-01-01", "2020-01-01 10:30:00", "text"),
    ("true", "T", "text"),
    ("1.5", "1234567890123456789", "text"),
    ("1.5", "1,5", "text"),
    ("5", "5 ", "integer"),
    ("word", "007", "text"),
    ("31/12/2020", "12/31/2020", "text"),
    ("5", "", "integer"),
    ("5", "NA", "integer"),
    ("5", "1.5", "number"),
    ("", "5", "integer"),
]


@pytest.mark.parametrize("lines", [3, 25_000])
def test_what_comes_late_counts_as_much(tmp_path: Path, lines: int) -> None:
    """The last line decides like the first: nothing is known from a sample alone."""
    head = ";".join(f"a{number}" for number in range(len(LATE)))
    rows = ";".join(many for many, *_ in LATE) + "\n"
    parsed = Parsed(
        f"{head}\n{rows * lines}{';'.join(late for _, late, _ in LATE)}\n".encode(), tmp_path
    )
    assert parsed.result["rows"] == lines + 1
    for number, (many, late, kind) in enumerate(LATE):
        summary = parsed.summaries[number]["summary"]
        assert parsed.kinds[number] == kind, late
        if kind == "text":
            assert {summary["lowest"], summary["highest"]} == {many, late}
        assert summary["read_as"]["others"] == int(kind == "text" and many != "word")
        assert (summary["nulls"], summary["read_as"]["missing"]) == (
            int(late in ("", "NA")) + lines * (many == ""), int(late == "NA"),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("many", "late"), [("5", "01234"), ("2020-01-01 10:00:00", "2020-01-01 10:00:00+02:00")]
)
def test_late_cell_alone_is_not_lost(tmp_path: Path, many: str, late: str) -> None:
    """Where all else is sound and simple, one cell beyond the first twenty thousand lines is looked
    at, too."""
    parsed = Parsed(b"a;n\n" + f"{many};1\n".encode() * 25_000 + f"{late};1\n".encode(), tmp_path)
    summary = parsed.summaries[0]["summary"]
    assert (parsed.kinds, {summary["lowest"], summary["highest"]}) == (
        ["text", "integer"],
        {many, late},
    )


BOOLEANS: list[tuple[list[str], str, list[Any]]] = [
    (["F", "F"], "text", ["F", "F"]),
    (["T", "T"], "text", ["T", "T"]),
    (["NO", "NO"], "text", ["NO", "NO"]),
    (["yes", "yes"], "text", ["yes", "yes"]),
    (["t", "f"], "boolean", [True, False]),
    (["NO", "YES"], "boolean", [False, True]),
    (["y", "n", ""], "boolean", [True, False, None]),
    (["true", "true"], "boolean", [True, True]),
    (["FALSE", "FALSE"], "boolean", [False, False]),
    (["yes", "No"], "text", ["yes", "No"]),
    (["true", "TRUE"], "text", ["true", "TRUE"]),
    (["M", "F"], "text", ["M", "F"]),
    (["0", "1"], "integer", [0, 1]),
]


def test_boolean_needs_both_sides_in_one_spelling(tmp_path: Path) -> None:
    """A letter alone is a letter; the rule names the two words, so that none is lost."""
    parsed = beside([cells for cells, *_ in BOOLEANS], tmp_path)
    check(parsed, BOOLEANS)
    for number, (cells, kind, _) in enumerate(BOOLEANS):
        assert kind != "boolean" or all(
            cell in parsed.read_as(f"a{number}")["rule"] for cell in cells
        )


WORDS = ["NA", "n/a", "#N/A", "NULL", "null", "NaN", "nan", "None", "-"]


def test_words_for_no_value_are_counted_beside_values_and_kept_in_text(tmp_path: Path) -> None:
    """In a column of numbers they are null; NA in a column of texts may be Namibia."""
    parsed = one([*WORDS, "1", ""], tmp_path)
    assert parsed.column("a") == ("integer", [None] * 9 + [1, None])
    assert (parsed.read_as("a")["missing"], parsed.summaries[0]["summary"]["nulls"]) == (9, 10)
    texts = one([*WORDS, "DE"], tmp_path)
    assert texts.column("a") == ("text", [*WORDS, "DE"])
    assert texts.read_as("a")["missing"] == 0
    assert one(WORDS, tmp_path).column("a") == ("text", WORDS)


def test_given_words_for_no_value_are_the_only_ones(tmp_path: Path) -> None:
    """In every column; none at all when the list is empty."""
    parsed = Parsed(b"a;b\n-99;x\n5;?\n", tmp_path, missing=["-99", "?"])
    assert parsed.rows == [[None, "x"], [5, None]]
    assert [parsed.read_as(name)["missing"] for name in "ab"] == [1, 1]
    assert one(["NA", "1"], tmp_path, missing=[]).column("a") == ("text", ["NA", "1"])


def test_text_column_that_was_nearly_of_another_kind_says_so(tmp_path: Path) -> None:
    """How many cells forced it, and what the others are."""
    parsed = one([*map(str, range(50)), "unknown", "00"], tmp_path)
    read_as = parsed.read_as("a")
    assert (parsed.kinds[0], read_as["mostly"], read_as["others"], read_as["rule"]) == (
        "text",
        "integer",
        2,
        "text",
    )


def test_column_that_begins_with_thousands_of_empty_cells_is_read(tmp_path: Path) -> None:
    """Its first values come when nobody looks any more."""
    content = b"a,b\n" + b",1\n" * 30_000 + b"NA,1\n5,1\n"
    parsed = Parsed(content, tmp_path)
    assert (parsed.kinds, parsed.read_as("a")["missing"]) == (["integer", "integer"], 1)
