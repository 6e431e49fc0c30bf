"""What tables.parse leaves out, refuses, or stops at: bad rows, what is no table, bombs, bounds."""

import gzip
import json
import random
from pathlib import Path

import pytest

from flask_api.jobs.errors import JobCancelled, StopReason, TaskError
from flask_api.jobs.tasks.inline import InlineReporter, run_inline
from flask_api.tasks.tables.parse import parse_table
from flask_api.tasks.tables.text import read_text
from shared.settings import ApiSettings
from tests.integration.tables.table_bench import Parsed

BAD_ROWS: dict[str, tuple[bytes, int, list[int]]] = {
    "ragged": (b"a,b,c\n1,2,3\n4,5\n6,7,8,9\n10,11,12\n", 2, [3, 4]),
    "many cells": (b"a,b\n1,2\n" + b",".join([b"1"] * 100_000) + b"\n3,4\n", 2, [3]),
    "long row": (b"a,b\n1,2\n" + b"x" * 5_000_000 + b",2\n3,4\n5\n", 2, [3, 5]),
    "open quote": (b"a,b\n" + b'1,"u,v"\n' * 10 + b'1,"x\n2,y\n3,z\n', 12, [12]),
    "open quote far down": (
        b"a,b\n" + b"2,y\n" * 30_000 + b'1,"x\n' + b"2,y\n" * 300_000,
        330_000,
        [30_002],
    ),
    "text after a quote": (b"a,b\n" + b'1,"u"\n' * 10 + b'2,"y"z\n3,z\n', 11, [12]),
    "damaged letters": (
        "a,b\nKöln,1\nZürich,2\nMünchen,3\n".encode() + b"\xff\xfe,4\nx,5\n",
        4,
        [5],
    ),
    "title": (b"a,b\nthis is a title of the table\n1,2\n3,4\n", 2, [2]),
}


@pytest.mark.parametrize("case", BAD_ROWS.values(), ids=BAD_ROWS.keys())
def test_row_that_can_not_be_read_is_left_out(
    tmp_path: Path, case: tuple[bytes, int, list[int]]
) -> None:
    """It is named by its line; all others are there."""
    content, rows, lines = case
    parsed = Parsed(content, tmp_path)
    assert parsed.problems == lines
    assert (parsed.result["rows"], parsed.result["left_out"]) == (rows, len(lines))


def test_many_bad_rows_are_counted_and_a_hundred_described(tmp_path: Path) -> None:
    """The count is exact, also where quotes are never closed again and again."""
    content = b"a,b,c\n" + b"1,2,3\n1,2\n" * 50_000 + b"7,8,9\n"
    parsed = Parsed(content, tmp_path)
    assert (parsed.result["rows"], parsed.result["left_out"], parsed.problems) == (
        50_001,
        50_000,
        list(range(3, 203, 2)),
    )


def test_long_cell_of_many_lines_is_left_out_alone(tmp_path: Path) -> None:
    """A quoted cell that is longer than a row may be:
    its lines are no rows of this table, those after it are."""
    content = (
        b"a,b\n" + b'1,"x"\n' * 50_000 + b'2,"' + (b"word" * 25 + b"\n") * 12_000 + b'"\n3,"y"\n'
    )
    parsed = Parsed(content, tmp_path)
    assert parsed.result["rows"] == 50_001
    assert parsed.result["left_out"] == 12_002 - 1


_RANDOM = random.Random(7).randbytes(100_000)

REFUSED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty"),
    "only line ends": (b"\n\r\n\n", "no rows"),
    "binary": (_RANDOM, "not text"),
    "zip": (b"PK\x03\x04" + _RANDOM[:5_000], "not text"),
    "packed binary": (gzip.compress(_RANDOM), "not text"),
    "cut gzip": (gzip.compress(b"a,b\n1,2\n" * 1000)[:-20], "gzip file is damaged"),
    "damaged gzip": (b"\x1f\x8b" + b"\x00" * 100, "gzip file is damaged"),
    "100,000 columns": (
        b",".join(b"c%d" % number for number in range(100_000)) + b"\n",
        "100,000 columns",
    ),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_table_is_refused(tmp_path: Path, case: tuple[bytes, str]) -> None:
    """With a sentence that its owner can read."""
    content, said = case
    with pytest.raises(TaskError, match=said):
        Parsed(content, tmp_path)


def test_packed_bomb_ends_at_the_limit(tmp_path: Path) -> None:
    """No more is unpacked than a table may have."""
    bomb = tmp_path / "bomb"
    bomb.write_bytes(gzip.compress(b"a,b\n" * 10_000_000, compresslevel=1))
    with pytest.raises(TaskError, match="more than 1,000,000 bytes"):
        read_text(bomb, tmp_path, max_bytes=1_000_000)
    assert (tmp_path / "unpacked").stat().st_size <= 1_000_000


def test_result_of_a_wide_table_stays_in_bounds(tmp_path: Path) -> None:
    """Summaries that don't fit are left out of the result; the file has them all."""
    content = (
        ",".join(f"number {each}" for each in range(300))
        + "\n"
        + (",".join(["1.25"] * 300) + "\n") * 3
    )
    settings = ApiSettings.model_construct(job_result_max_bytes=65_536)
    source = tmp_path / "wide.csv"
    source.write_text(content)
    reporter = InlineReporter()
    result = run_inline(parse_table, {"file": source}, settings=settings, reporter=reporter)
    assert len(json.dumps(result)) <= 65_536
    assert result["columns"][0]["summary"] is not None
    assert result["columns"][-1]["summary"] is None
    assert all(column["summary"] for column in json.loads(reporter.files["summary.json"]))


def test_cancel_ends_the_work_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in the middle of a long query; the folder of what was in between goes."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    source = tmp_path / "table.csv"
    source.write_bytes(b"a,b\n" + b"1,some text\n" * 2_000_000)
    shown: list[int] = []
    with pytest.raises(JobCancelled):
        run_inline(
            parse_table,
            {"file": source},
            report=lambda progress: shown.append(progress.done),
            must_stop=lambda: StopReason.CANCELLED if shown and shown[-1] >= 5 else None,
        )
    assert list((tmp_path / "temporary").iterdir()) == []
