"""What a table is made of is found out, or told:
its encoding, its quotes, where it begins, how wide it is."""

from pathlib import Path

import pytest

from flask_api.jobs.errors import TaskError
from flask_api.tasks.tables.encoding import FoundEncoding
from flask_api.tasks.tables.text import find_encoding
from tests.integration.tables.table_bench import Parsed


@pytest.mark.parametrize("text", ["£5", "20€", "5µm", "10°C", "“a”"])
def test_one_odd_byte_is_read_as_the_webs_default(tmp_path: Path, text: str) -> None:
    """Never Japanese or Cyrillic; and it is called a guess."""
    found = find_encoding(_written(tmp_path, f"item,price\nthing,{text}\n".encode("cp1252")))
    assert found == FoundEncoding(name="cp1252", certainty="guess")


def _written(folder: Path, content: bytes) -> Path:
    path = folder / "text.csv"
    path.write_bytes(content)
    return path


def test_given_encoding_is_taken(tmp_path: Path) -> None:
    """As the owner says; a row with bytes that it has no letter for is left out, not changed."""
    parsed = Parsed("a,b\nД,1\n".encode("cp1251"), tmp_path, encoding="cp1251")
    assert (parsed.rows, parsed.layout["encoding_is"]) == ([["Д", 1]], "given")
    damaged = Parsed(
        "a,b\nд,1\nж,2\n".encode("cp932") + b"\x82\xff,3\n", tmp_path, encoding="cp932"
    )
    assert (damaged.rows, damaged.problems) == ([["д", 1], ["ж", 2]], [4])


def test_open_quote_in_a_small_file_costs_its_row_alone(tmp_path: Path) -> None:
    """The others are read, without quotes around their cells."""
    content = b'id,name,age\n1,"John, Doe,25\n2,"Alice,Doe",30\n3,"Bob,Roe",31\n4,Eve,32\n'
    parsed = Parsed(content, tmp_path)
    assert parsed.rows == [[2, "Alice,Doe", 30], [3, "Bob,Roe", 31], [4, "Eve", 32]]
    assert parsed.problems == [2]


def test_table_that_leaves_out_more_than_it_reads_fails(tmp_path: Path) -> None:
    """It says what to do; who wants it all the same gets what could be read."""
    content = b"a,b\n" + b"1,2\n" * 10 + b"1,2,3\n1\n1,2,3,4\n1,2,3,4,5\n" * 3
    with pytest.raises(
        TaskError,
        match=r"12 of 22 rows .* line 12: It has 3 "
        r"cells.*allow_left_out",
    ):
        Parsed(content, tmp_path, delimiter=",")
    parsed = Parsed(content, tmp_path, delimiter=",", allow_left_out=True)
    assert (parsed.result["rows"], parsed.result["left_out"]) == (10, 12)


def test_skip_and_header_overrule_what_was_found(tmp_path: Path) -> None:
    """Lines at the top are passed over as told;
    a first line of words is a row when its owner says so."""
    parsed = Parsed(b"x,y\n1,2\na,b\n3,4\n", tmp_path, skip=2)
    assert (parsed.names, parsed.rows) == (["a", "b"], [[3, 4]])
    told = Parsed(b"name,n\n1,2\n", tmp_path, header=False)
    assert (told.names, told.rows) == (["column0", "column1"], [["name", "n"], ["1", "2"]])
    numbers = Parsed(b"1,2\n3,4\n", tmp_path, header=True)
    assert (numbers.names, numbers.rows) == (["1", "2"], [[3, 4]])


QUOTES: list[tuple[bytes, str, list[list[str]]]] = [
    (b"a,b\n'x,y',\"z\"\n'u,v',\"w\"\n", "'", [["x,y", '"z"'], ["u,v", '"w"']]),
    (b'a,b\n"x",1z\n"y",2z\n', "none", [['"x"', "1z"], ['"y"', "2z"]]),
    (b"a,b\nx,it's\n'y',\"z\"\n", '"', [["x", "it's"], ["'y'", "z"]]),
]


@pytest.mark.parametrize(("content", "quote", "rows"), QUOTES)
def test_given_quote_is_the_only_one(
    tmp_path: Path, content: bytes, quote: str, rows: list[list[str]]
) -> None:
    """Others are text, and no note doubts it; also where the lines show another one."""
    parsed = Parsed(content, tmp_path, quote=quote)
    assert (parsed.rows, parsed.layout["quote"]) == (rows, quote.removeprefix("none"))
    assert not any("Quotes" in note for note in parsed.layout["notes"])


def test_lines_without_a_separator_may_be_quoted(tmp_path: Path) -> None:
    """When their owner says so, with the mark that is named."""
    content = b"a\n'two\nlines'\n'one, line'\n"
    parsed = Parsed(content, tmp_path, delimiter="none", quote="'", header=True)
    assert (parsed.rows, parsed.problems) == ([["two\nlines"], ["one, line"]], [])


def test_no_delimiter_keeps_each_line_whole(tmp_path: Path) -> None:
    """Also its quotes, commas and tabs, and one with the mark that stands for no separator
    inside."""
    lines = ['say "a, b"', "one,two", "three\tfour", "five\x1fsix"]
    parsed = Parsed(
        "\n".join(["text", *lines, ""]).encode(), tmp_path, delimiter="none", header=True
    )
    assert parsed.rows == [[line] for line in lines]


def test_width_is_the_one_of_most_lines_of_the_whole_file(tmp_path: Path) -> None:
    """Not the one of the first thousands."""
    content = b"a,b\n" + b"1,2\n" * 6_000 + b"1,2,3\n" * 20_000
    parsed = Parsed(content, tmp_path)
    assert (parsed.result["rows"], parsed.result["left_out"], len(parsed.names)) == (
        20_000,
        6_000,
        3,
    )
