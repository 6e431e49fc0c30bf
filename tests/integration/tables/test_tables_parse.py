"""tables.parse on good and bad tables: real files, the real DuckDB, without the service."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from flask_api.jobs.errors import InvalidArguments
from tests.integration.tables.table_bench import Parsed


def test_kinds_summary_and_histogram_of_a_small_table(tmp_path: Path) -> None:
    """Every kind is found; numbers are summarized exactly; what is empty is null."""
    content = b"n,x,ok,day,at,zoned,hour,word\n" + b"".join(
        b"%d,%.1f,%s,2020-01-%02d,2020-01-01 10:00:%02d,2020-01-01 10:00:00+02,10:00:00,w%d\n"
        % (number, number / 2, b"true" if number % 2 else b"false", number, number, number % 3)
        for number in range(1, 21)
    )
    parsed = Parsed(content + b",,,,,,,\n", tmp_path)
    assert parsed.kinds == [
        "integer",
        "number",
        "boolean",
        "date",
        "timestamp",
        "timestamp",
        "time",
        "text",
    ]
    assert parsed.rows[0] == [
        1, 0.5, True, "2020-01-01", "2020-01-01T10:00:01", "2020-01-01T08:00:00Z", "10:00:00", "w1"
    ]  # fmt: skip
    summary = parsed.result["columns"][0]["summary"]
    assert (summary["nulls"], summary["distinct"], summary["lowest"], summary["highest"]) == (
        1,
        20,
        1,
        20,
    )
    assert summary["numbers"]["mean"] == 10.5
    assert summary["numbers"]["deviation"] == pytest.approx(5.916, abs=0.001)
    assert summary["numbers"]["histogram"]["counts"] == [1] * 20
    edges = summary["numbers"]["histogram"]["edges"]
    assert (len(edges), edges[0], edges[-1]) == (21, 1, 20)
    assert parsed.result["columns"][7]["summary"]["numbers"] is None
    assert parsed.result["rows"] == 21


@pytest.mark.parametrize(
    ("content", "delimiter"),
    [
        (b"a\tb\n1\tx y\n2\tz,w\n", "\t"),
        (b"a;b\n1;x\n2;y\n", ";"),
        (b"a|b\n1|x\n2|y\n", "|"),
        (b"a,b\r\n1,x\r\n2,y\r\n", ","),
        (b"a,b\r1,x\r2,y\r", ","),
        (b"a,b\n1,x\r\n2,y\r", ","),
        (b'a,b\n1,"x, ""y"" z"\n2,"two\nlines"\n', ","),
        (b"# made by hand\na,b\n1,x\n2,y\n", ","),
    ],
)
def test_dialect_is_found_out(tmp_path: Path, content: bytes, delimiter: str) -> None:
    """Separators, line ends of any kind even mixed, quotes, lines in cells, comments."""
    parsed = Parsed(content, tmp_path)
    assert (parsed.layout["delimiter"], parsed.names, parsed.kinds) == (
        delimiter,
        ["a", "b"],
        ["integer", "text"],
    )
    assert (parsed.result["rows"], parsed.result["left_out"]) == (2, 0)


def test_what_is_given_is_not_guessed(tmp_path: Path) -> None:
    """A separator, no header, an encoding; what is none of them is refused."""
    parsed = Parsed(
        "ä:b\nc:d\n".encode("cp1252"), tmp_path, delimiter=":", header=False, encoding="cp1252"
    )
    assert parsed.rows == [["ä", "b"], ["c", "d"]]
    assert parsed.layout == {
        "encoding": "cp1252",
        "encoding_is": "given",
        "delimiter": ":",
        "quote": '"',
        "has_header": False,
        "skipped": 0,
        "notes": [],
    }
    with pytest.raises(InvalidArguments, match=r"tables\.parse"):
        Parsed(b"a,b\n", tmp_path, encoding="punycode")


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32"),
        ("latin-1", "cp1252"),
        ("cp1252", "cp1252"),
    ],
)
def test_encoding_is_found_out(tmp_path: Path, encoding: str, shown: str) -> None:
    """By its mark, its zeros, or its words; a first odd letter after a megabyte of plain ones
    counts too."""
    text = (
        "name,town,number\n" + "Anna,Ulm,1\n" * 100_000 + "Müller,Köln,2\nHélène,Orléans,3\n" * 20
    )
    parsed = Parsed(text.encode(encoding), tmp_path)
    assert parsed.layout["encoding"] == shown
    assert parsed.names == ["name", "town", "number"]
    assert parsed.result["columns"][0]["summary"]["highest"] == "Müller"


@pytest.mark.parametrize(
    ("encoding", "line"),
    [("cp1251", "Иван,Москва"), ("cp932", "田中,東京"), ("gb18030", "张伟,北京")],
)
def test_other_scripts_are_found_out(tmp_path: Path, encoding: str, line: str) -> None:
    """Their words tell."""
    parsed = Parsed(("a,b\n" + f"{line}\n" * 20).encode(encoding), tmp_path)
    assert parsed.rows[0] == line.split(",")


def test_gzip_is_unpacked(tmp_path: Path) -> None:
    """By its content, not by its name."""
    assert Parsed(gzip.compress(b"a,b\n1,2\n"), tmp_path).rows == [[1, 2]]


@pytest.mark.parametrize(
    ("late", "kind", "shown"),
    [
        (b"1.5", "number", "1.5"),
        (b"x", "text", "x"),
        (b"123456789012345678901234567890", "text", "123456789012345678901234567890"),
        (b"9007199254740993", "integer", "9007199254740993"),
    ],
)
def test_late_value_of_another_kind_widens_the_column(
    tmp_path: Path, late: bytes, kind: str, shown: str
) -> None:
    """What the sample did not show is neither lost nor rounded."""
    parsed = Parsed(b"a,b\n" + b"1,2\n" * 25_000 + late + b",3\n", tmp_path)
    assert parsed.kinds == [kind, "integer"]
    assert str(parsed.result["columns"][0]["summary"]["highest"]) == shown
    assert parsed.result["rows"] == 25_001


def test_late_time_of_day_widens_a_column_of_dates(tmp_path: Path) -> None:
    """The time is not cut off; a date in another writing makes the column text."""
    parsed = Parsed(b"a,b\n" + b"2020-01-01,1\n" * 25_000 + b"2020-01-02 10:30:00,1\n", tmp_path)
    assert (parsed.kinds[0], parsed.rows[0][0]) in (
        ("timestamp", "2020-01-01T00:00:00"),
        ("text", "2020-01-01"),
    )
    european = Parsed(b"a;b\n" + b"31.12.2020;1\n" * 25_000 + b"soon;1\n", tmp_path)
    assert (european.kinds[0], european.rows[0][0]) == ("text", "31.12.2020")


ODD: dict[str, tuple[bytes, list[str], list[list[Any]]]] = {
    "header only": (b"a,b,c\n", ["text"] * 3, []),
    "one column": (b"a\n1\n2\n", ["integer"], [[1], [2]]),
    "one word": (b"abc", ["text"], []),
    "zeros": (b"a,b\n1,x\x00y\n2,z is here\n3,some more text\n", ["integer", "text"], [[1, "x\x00y"], [2, "z is here"]]),
    "leading zeros": (b"a,b\n007,1\n012,2\n", ["text", "integer"], [["007", 1], ["012", 2]]),
    "large integers": (b"a\n9223372036854775807\n-1\n", ["integer"], [["9223372036854775807"], [-1]]),
    "european dates": (b"a;b\n31.12.2020;1,5\n01.02.2021;2,5\n", ["date", "number"], [["2020-12-31", 1.5]]),
    "not finite": (b"a,b\n1e999,NaN\n2.5,inf\n-1e999,1\n", ["text", "number"], [["1e999", None], ["2.5", None], ["-1e999", 1]]),
}  # fmt: skip


@pytest.mark.parametrize("case", ODD.values(), ids=ODD.keys())
def test_odd_table_has_a_known_outcome(
    tmp_path: Path, case: tuple[bytes, list[str], list[list[Any]]]
) -> None:
    """Nothing is invented, lost or rounded."""
    content, kinds, rows = case
    parsed = Parsed(content, tmp_path)
    assert parsed.kinds == kinds
    assert parsed.rows[: len(rows)] == rows
    assert parsed.result["left_out"] == 0


def test_numbers_that_are_not_finite_are_counted_apart(tmp_path: Path) -> None:
    """They are in no mean, no range and no histogram."""
    summary = Parsed(b"a\ninf\n-Infinity\nNaN\n1\n3\n\n", tmp_path).result["columns"][0]["summary"]
    assert (
        summary["not_finite"],
        summary["lowest"],
        summary["highest"],
        summary["numbers"]["mean"],
    ) == (2, 1, 3, 2)
    assert sum(summary["numbers"]["histogram"]["counts"]) == 2
    assert (summary["nulls"], summary["read_as"]["missing"]) == (2, 1)


@pytest.mark.parametrize(
    "values", ["1e+308 -1e+308 5", "5e-324 0 1e-323", "7 7 7", "1e999 -1e999", "9007199254740993 1"]
)
def test_extreme_numbers_have_a_histogram_of_all(tmp_path: Path, values: str) -> None:
    """Ranges that overflow, vanish or are a point don't end the job."""
    content = "a\n" + "".join(f"{value}\n" for value in values.split())
    numbers = Parsed(content.encode(), tmp_path).result["columns"][0]["summary"]["numbers"]
    finite = [value for value in values.split() if "999" not in value or len(value) > 6]
    assert sum(numbers["histogram"]["counts"]) == len(finite) if finite else numbers is None


def test_names_from_the_file_are_only_names(tmp_path: Path) -> None:
    """Quotes, SQL, duplicates, empty and very long names."""
    parsed = Parsed(
        b'"a""b","c\'; DROP TABLE x; --",d,D,,"' + b"n" * 5000 + b'"\n1,2,3,4,5,6\n', tmp_path
    )
    assert parsed.names[:2] == ['a"b', "c'; DROP TABLE x; --"]
    assert len({name.casefold() for name in parsed.names}) == 6
    assert len(parsed.names[5]) == 100
    assert parsed.rows == [[1, 2, 3, 4, 5, 6]]
