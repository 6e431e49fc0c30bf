"""Files of access log lines, in bounded memory."""

import gzip
import tracemalloc
from io import BytesIO
from pathlib import Path

import pytest

from flask_api.tasks.access_log.files import MAX_LINE, LogTooLarge, LogWriter, is_packed, read_lines


def test_long_lines_are_left_out_and_the_next_are_read() -> None:
    """A line of a megabyte is told of; the longest that is taken is taken."""
    fits = b"y" * (MAX_LINE - 1) + b"\n"
    log = BytesIO(
        b"a\n" + b"x" * 1_000_000 + b"\nb\r\n" + fits + b"x" * (MAX_LINE + 1) + b"\n" + b"\xff"
    )
    read = [(line.number, line.data, line.problem is None) for line in read_lines(log)]
    assert read == [
        (1, b"a\n", True),
        (2, b"", False),
        (3, b"b\r\n", True),
        (4, fits, True),
        (5, b"", False),
        (6, b"\xff", True),
    ]


def test_packed_log_of_several_parts_is_read_as_one() -> None:
    """Rotated logs are often put together packed."""
    log = BytesIO(gzip.compress(b"a\nb\n") + gzip.compress(b"c\n"))
    assert is_packed(log)
    assert [line.data for line in read_lines(log)] == [b"a\n", b"b\n", b"c\n"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-12],
        lambda data: data[:40] + b"\0" * 40 + data[80:],
        lambda data: data[:2],
    ],
)
def test_broken_packing_ends_the_log_with_a_problem(damage: object) -> None:
    """What was read before counts."""
    packed = gzip.compress(b"".join(b"%d\n" % (number * 7919) for number in range(50_000)))
    *_, last = read_lines(BytesIO(damage(packed)))  # type: ignore[operator]
    assert last.problem == "the packed file breaks off here"


@pytest.mark.parametrize("line", [b"\0", b"\n", b"line\n"])
def test_bomb_ends_at_the_limit(line: bytes) -> None:
    """However much a small file unpacks to, with line breaks or without."""
    bomb = gzip.compress(line * (5_000_000 // len(line)))
    with pytest.raises(LogTooLarge, match="1000000 bytes"):
        for _ in read_lines(BytesIO(bomb), max_bytes=1_000_000):
            pass


def test_line_without_end_takes_no_memory() -> None:
    """Fifty megabytes without a line break, packed in fifty kilobytes."""
    log = BytesIO(gzip.compress(bytes(50_000_000)))
    tracemalloc.start()
    try:
        assert [line.problem for line in read_lines(log)] == ["over 32768 bytes"]
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("packed", [False, True])
def test_writer_writes_what_is_read_again(tmp_path: Path, packed: bool) -> None:
    """Packed or not."""
    with LogWriter(tmp_path / "log", packed=packed, max_bytes=100_000) as writer:
        for number in range(100):
            writer.write(b"%d\n" % number)
    with (tmp_path / "log").open("rb") as stream:
        assert is_packed(stream) is packed
        assert [line.data for line in read_lines(stream)] == [
            b"%d\n" % number for number in range(100)
        ]


def test_writer_stops_at_the_size_that_a_job_may_keep(tmp_path: Path) -> None:
    """Not when all is written."""
    with LogWriter(tmp_path / "log", packed=False, max_bytes=2500) as writer:
        writer.write(b"x" * 1000)
        writer.write(b"x" * 1000)
        with pytest.raises(LogTooLarge):
            writer.write(b"x" * 1000)
