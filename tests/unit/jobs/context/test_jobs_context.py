"""The context of a running task: progress and log lines that are cheap and bounded,
and states."""

import math
from typing import Any

import pytest

from flask_api.jobs.errors import JobCancelled, StopReason, TaskError
from flask_api.jobs.tasks.context import (
    PROGRESS_INTERVAL_S,
    STATE_MAX_BYTES,
    STATE_WAIT_S,
    Progress,
)
from shared.errors import JobStoreUnavailable
from tests.unit.jobs.context.context_bench import Bench


def test_first_progress_is_written_at_once() -> None:
    """Who watches sees at once that something happens."""
    bench = Bench()
    bench.context.progress(1, 10, message="begins")
    assert bench.reported == [Progress(done=1, total=10, message="begins")]


@pytest.mark.parametrize(
    ("done", "total", "shown", "said"),
    [
        (12, 10, (10, 10), "progress 12 of 10 can't be and is shown as 10 of 10"),
        (-1, 10, (0, 10), "progress -1 of 10 can't be and is shown as 0 of 10"),
        (-1, None, (0, None), "progress -1 can't be and is shown as 0"),
        (3, -5, (0, 0), "progress 3 of -5 can't be and is shown as 0 of 0"),
        (math.nan, 10, (0, 10), "progress nan of 10 can't be"),
        (math.inf, 10, (10, 10), "progress inf of 10 can't be"),
        (math.inf, None, (0, None), "progress inf can't be"),
        (3, math.inf, (3, None), "progress 3 of inf can't be and is shown as 3"),
    ],
)
def test_progress_that_can_not_be_is_clamped_and_said_once(
    done: int, total: int | None, shown: tuple[int, int | None], said: str
) -> None:
    """A bar never shows 12 of 10, and a mistake of counting doesn't fail the job or fill its
    log."""
    bench = Bench()
    for _ in range(3):
        bench.context.progress(done, total)
        bench.clock.advance(1)
    bench.context.flush()
    assert {(each.done, each.total) for each in bench.reported} == {shown}
    [line] = bench.lines
    assert (line["level"], line["message"][: len(said)]) == ("warning", said)


def test_progress_that_can_be_is_said_as_it_is() -> None:
    """Zero of zero, the whole, and more than the total was a moment ago."""
    bench = Bench()
    for done, total in ((0, 0), (10, 10), (12, 20), (5, None)):
        bench.context.progress(done, total)
        bench.clock.advance(1)
    assert [(each.done, each.total) for each in bench.reported] == [
        (0, 0),
        (10, 10),
        (12, 20),
        (5, None),
    ]
    assert bench.lines == []


def test_frequent_progress_is_written_once_per_interval() -> None:
    """A loop may report each step: what is written doesn't grow with the steps."""
    bench = Bench()
    for step in range(1000):
        bench.context.progress(step)
        bench.clock.advance(PROGRESS_INTERVAL_S / 100)
    assert len(bench.reported) == pytest.approx(10, abs=1)
    assert [progress.done for progress in bench.reported] == sorted(
        progress.done for progress in bench.reported
    )


def test_last_word_is_written_on_flush_once() -> None:
    """What was held back is written at the end, and nothing twice."""
    bench = Bench()
    bench.context.flush()
    for step in (1, 2, 3):
        bench.context.progress(step)
    assert [progress.done for progress in bench.reported] == [1]
    bench.context.flush()
    bench.context.flush()
    assert [progress.done for progress in bench.reported] == [1, 3]


def test_checkpoint_writes_what_was_held_back_when_it_is_due() -> None:
    """A task that waits long after a quick step shows where it is, not where it was:
    waiting is made of states."""
    bench = Bench()
    bench.context.progress(1)
    bench.context.progress(2)
    bench.context.checkpoint()
    assert [progress.done for progress in bench.reported] == [1]
    bench.clock.advance(PROGRESS_INTERVAL_S)
    bench.context.checkpoint()
    bench.context.checkpoint()
    assert [progress.done for progress in bench.reported] == [1, 2]


def test_long_message_is_cut() -> None:
    """A message is a word on a page, not a file."""
    bench = Bench()
    bench.context.progress(1, message="x" * 10_000)
    assert len(bench.reported[0].message) == 500


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("plain é", "plain é"),
        ("\x00\x1b[31m\r\n", "\x00\x1b[31m\r\n"),
        ("\ud800 alone", "\\ud800 alone"),
        ("\udcff", "\\udcff"),
        (b"\xff", "b'\\xff'"),
        (7, "7"),
        ("", ""),
    ],
)
def test_any_text_is_a_log_line(message: Any, shown: str) -> None:
    """What is no text is shown escaped; a line is JSON, so nothing in it can forge another."""
    bench = Bench()
    bench.context.log(message, level="warning")
    (line,) = bench.lines
    assert (line["level"], line["message"]) == ("warning", shown)
    assert line["at"].endswith("Z")


def test_long_log_line_is_cut() -> None:
    """A line is bounded, so that two thousand of them are."""
    bench = Bench()
    bench.context.log("x" * 1_000_000)
    assert bench.lines[0]["message"] == "x" * 8_000


def test_many_log_lines_are_written_in_few_writes_and_order() -> None:
    """A chatty task costs a write per interval, or per 200 lines when it talks faster."""
    bench = Bench()
    for number in range(1000):
        bench.context.log(str(number))
    assert len(bench.writes) == 5
    assert max(len(write) for write in bench.writes) <= 200
    bench.clock.advance(PROGRESS_INTERVAL_S)
    bench.context.log("1000")
    assert [line["message"] for line in bench.lines] == [str(number) for number in range(1001)]


def test_lines_held_back_are_written_on_flush_once() -> None:
    """With the progress that was held back, in one write."""
    bench = Bench()
    bench.context.log("first")
    bench.context.log("second")
    bench.context.progress(1)
    assert [line["message"] for line in bench.lines] == ["first"]
    bench.context.flush()
    bench.context.flush()
    assert [[line["message"] for line in write] for write in bench.writes] == [
        ["first"],
        ["second"],
    ]
    assert [progress.done for progress in bench.reported] == [1]


def test_state_comes_back_as_json_gives_it() -> None:
    """Nothing at first, then the last one; a tuple is a list by then."""
    bench = Bench()
    assert bench.context.load_state() is None
    bench.context.save_state({"at": 1})
    bench.context.save_state({"at": (2, "é", None)})
    assert bench.context.load_state() == {"at": [2, "é", None]}


@pytest.mark.parametrize(
    ("state", "error", "said"),
    [
        (
            "x" * (STATE_MAX_BYTES - 1),
            TaskError,
            f"{STATE_MAX_BYTES + 1} bytes of JSON; it may have at most {STATE_MAX_BYTES}",
        ),
        (math.nan, ValueError, "JSON compliant"),
        (object(), TypeError, "not JSON serializable"),
    ],
)
def test_state_that_can_not_be_kept_is_refused(
    state: object, error: type[Exception], said: str
) -> None:
    """What is kept stays what it was."""
    bench = Bench()
    bench.context.save_state("before")
    with pytest.raises(error, match=said):
        bench.context.save_state(state)
    assert bench.context.load_state() == "before"


def test_state_is_given_up_when_redis_stays_away() -> None:
    """After a minute, and not before: the error is one that ``retry_on`` may list."""
    bench = Bench()
    bench.outage_step_s = STATE_WAIT_S / 4
    begun_s = bench.clock()
    with pytest.raises(JobStoreUnavailable):
        bench.context.save_state("lost")
    assert bench.clock() - begun_s == STATE_WAIT_S


def test_state_of_a_job_that_must_stop_is_not_saved() -> None:
    """Saving is a checkpoint; waiting for Redis doesn't hold up a cancel."""
    bench = Bench()
    bench.stop = StopReason.CANCELLED
    with pytest.raises(JobCancelled):
        bench.context.save_state("late")
    assert bench.states == []
