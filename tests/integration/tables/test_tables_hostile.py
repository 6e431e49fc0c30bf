"""Tables made to be slow, large or confusing: refused in plain words or read, in linear time."""

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from flask_api.jobs.errors import TaskError
from tests.integration.tables.table_bench import Parsed

MILLION = 1_000_000
TOO_LONG = "longer than 1,000,000 characters"


@pytest.mark.parametrize("cell", [b"", b"x", b'"', b"\xef\xbb\xbf"])
def test_a_million_columns_are_refused(tmp_path: Path, cell: bytes) -> None:
    """In plain words, also where the first line is too long to be looked at."""
    with pytest.raises(TaskError, match=f"{TOO_LONG}|1,000,001 columns|no rows"):
        Parsed((cell + b",") * MILLION, tmp_path)


def test_a_million_columns_among_others_are_left_out(tmp_path: Path) -> None:
    """The rows around them are read."""
    parsed = Parsed(b"a,b\n1,2\n" + b"," * MILLION + b"\n3,4\n", tmp_path)
    assert (parsed.rows, parsed.problems) == ([[1, 2], [3, 4]], [3])


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_row_longer_than_any_buffer_is_not_lost_without_a_word(tmp_path: Path, end: bytes) -> None:
    """DuckDB takes one of 8 MB below the header for no row at all."""
    with pytest.raises(TaskError, match=f"1 of 1 rows .* {TOO_LONG}"):
        Parsed(b"a,b\n1," + b"x" * 8 * MILLION + end, tmp_path)


@pytest.mark.parametrize("letter", ["x", "\ufeff"])
def test_single_long_line_is_a_row(tmp_path: Path, letter: str) -> None:
    """It is too long to be looked at closely, and short enough to be read."""
    parsed = Parsed((letter * 200_000).encode(), tmp_path)
    assert (parsed.result["rows"], parsed.result["left_out"]) == (1, 0)
    assert "taken for a row" in parsed.layout["notes"][0]


def _in_encodings(size: int) -> bytes:
    """Return lines of odd bytes that may be of many encodings."""
    chance = random.Random(5)
    odd = [bytes(chance.choices(range(128, 256), k=20)) + b",1\n" for _ in range(1_000)]
    return b"a,b\n" + b"".join(odd) * (size // 23_000)


SLOW: dict[str, Callable[[int], bytes]] = {
    "one open quote": lambda size: b'a,b\n1,"' + b"x,yyyyyyyy\n" * (size // 11),
    "open quotes": lambda size: b"a,b\n" + (b"1,2\n" * 5_000 + b'1,"x\n') * (size // 20_005),
    "quotes in quotes": lambda size: b"a,b\n" + b'"""a"",""b""",""""""\n' * (size // 21),
    "separators": lambda size: b"a\n" + (b",;\t|" * 20 + b"\n") * (size // 81),
    "encodings": _in_encodings,
}


@pytest.mark.parametrize("make", SLOW.values(), ids=SLOW.keys())
def test_time_is_linear(tmp_path: Path, make: Callable[[int], bytes]) -> None:
    """Four times as many bytes take at most six times as long."""
    spent = []
    for size in (200_000, 800_000):
        content = make(size)
        began = time.process_time()
        Parsed(content, tmp_path, allow_left_out=True)
        spent.append(time.process_time() - began)
    assert spent[1] <= 6 * spent[0]
