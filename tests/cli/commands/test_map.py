"""``map``: a job for each line of a file, and results as lines in the same order."""

import fcntl
import json
import os
import signal
import struct
import termios

import pytest

from tests.cli.command import Home
from tests.waiting import wait_until

WAIT = "--wait"


def test_map_prints_a_line_for_each_line_in_order(home: Home) -> None:
    """Empty lines are none; the file may be stdin."""
    lines = '{"limit": 10}\n\n{"limit": 100}\n{"limit": 2}'
    (home.folder / "lines.jsonl").write_text(lines)
    for done in (
        home.run("map", "primes.sum", "lines.jsonl"),
        home.run("map", "primes.sum", "-", stdin=lines),
    ):
        assert (done.code, done.err) == (0, "")
        rows = [json.loads(line) for line in done.out.splitlines()]
        assert [(row["line"], row["status"], row["result"]) for row in rows] == [
            (1, "succeeded", 17),
            (3, "succeeded", 1060),
            (4, "succeeded", 0),
        ]
    pipe = home.folder / "pipe"  # as the shell's <(...): it can be read once
    os.mkfifo(pipe)
    with home.begin("map", "primes.sum", str(pipe)) as command:
        pipe.write_text(lines)
        assert len(command.communicate(timeout=20)[0].splitlines()) == 3
    unordered = home.run("map", "primes.sum", "-", "--unordered", stdin=lines)
    assert sorted(json.loads(line)["result"] for line in unordered.out.splitlines()) == [
        0,
        17,
        1060,
    ]


def test_map_with_a_failure_is_1(home: Home) -> None:
    """The others are there all the same."""
    done = home.run(
        "map", "sample.flaky", "-", stdin='{"failures": 0}\n{"failures": 9, "kind": "value"}\n'
    )
    assert done.code == 1
    assert [json.loads(line)["status"] for line in done.out.splitlines()] == ["succeeded", "failed"]


@pytest.mark.parametrize(
    ("task", "lines", "said"),
    [
        ("primes.sum", '{"limit": 1}\n{"limit"', "line 2 is not JSON"),
        # the error's own line and column are of that line alone
        (
            "primes.sum",
            '{"limit": 1}\n{"limit": 2\n',
            "line 2 is not JSON: Expecting ',' delimiter at c",
        ),
        ("primes.sum", '{"limit": 1}\n[1]\n', "line 2 must be a JSON object"),
        ("primes.sum", '{"limit": "\udcff"}', "line 1 is not JSON"),
        (
            "primes.sum",
            '{"limit": 1}\n\n{"limit": "x"}',
            "Of lines 1 to 3 nothing was submitted. line 3, /limit: ",
        ),
        (
            "primes.sum",
            '{"limit": 1}\n{"limit": 1, "limit": 2}',
            "line 2 is not JSON: the name 'limit' comes twice",
        ),
        ("primes.sun", '{"limit": 1}', "did you mean primes.sum"),
    ],
)
def test_map_of_a_wrong_line_names_it_and_submits_nothing(
    home: Home, task: str, lines: str, said: str
) -> None:
    """A file is read through before the first job."""
    (home.folder / "wrong.jsonl").write_text(lines, errors="surrogateescape")
    done = home.run("map", task, "wrong.jsonl")
    assert (done.code, done.out) == (2, "")
    assert said in done.line


def test_byte_order_mark_is_skipped(home: Home) -> None:
    """As some editors write it, before a file of lines and before a file of arguments."""
    (home.folder / "marked.jsonl").write_text('\ufeff{"limit": 10}\n')
    assert json.loads(home.run("map", "primes.sum", "marked.jsonl").out)["result"] == 17
    assert home.run("submit", "primes.sum", "@marked.jsonl", WAIT).out == "17\n"
    (home.folder / "empty.jsonl").write_text("\ufeff\n")
    assert home.run("map", "primes.sum", "empty.jsonl").code == 0


def test_map_of_nothing_is_nothing(home: Home) -> None:
    """No batch without lines."""
    done = home.run("map", "primes.sum", "-", stdin="\n\n")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_interrupt_while_the_reader_lets_it_wait_says_where_the_results_are(home: Home) -> None:
    """A pipe that is full is where a command with many results is most of the time."""
    (home.folder / "big.jsonl").write_text('{"size": 50000}\n' * 4)
    with home.begin("map", "sample.big", "big.jsonl") as mapping:
        assert mapping.stdout
        pipe = mapping.stdout.fileno()
        full = fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ) - 2 * 4096  # pages may be filled in part
        wait_until(
            lambda: struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0] > full,
            timeout_s=30,
            what="the pipe is full",
        )
        mapping.send_signal(signal.SIGINT)
        _, err = mapping.communicate(timeout=20)
    assert mapping.returncode == 130
    assert "The jobs go on; their results will be at http" in err
