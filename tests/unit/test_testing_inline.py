"""The part of the test kit that needs no server:
tasks run inline, and a clock that a test moves."""

import json

import pytest

from flask_api.jobs.tasks.context import JobContext, Progress
from flask_api.jobs.tasks.task import task
from flask_api.testing import FakeClock, InlineReporter, run_inline


@task("kit.slow")
def slow(*, job: JobContext) -> int:
    """Say three things, the clock going on between them."""
    for number in range(3):
        job.progress(number, 3)
    return job.attempt


@task("kit.resume")
def resume(*, job: JobContext) -> int:
    """Count its runs."""
    runs: int = (job.load_state() or 0) + 1
    job.save_state(runs)
    job.save_file(f"{runs}.txt", f"run {runs}")
    job.log(f"run {runs}")
    return runs


def test_inline_run_takes_the_attempt_and_the_clock() -> None:
    """Progress is written at most every 100 ms of the clock that was given;
    the last word always."""
    told: list[int] = []
    clock = FakeClock()

    def hear(progress: Progress) -> None:
        told.append(progress.done)

    def hear_and_wait(progress: Progress) -> None:
        hear(progress)
        clock.advance(0.1)

    assert run_inline(slow, {}, attempt=2, clock=clock, report=hear) == 2
    assert told == [0, 2]
    run_inline(slow, {}, clock=clock, report=hear_and_wait)
    assert told == [0, 2, 0, 1, 2]


def test_inline_run_goes_on_where_another_stopped() -> None:
    """A reporter keeps state, files and log lines from one run to the next,
    as a job does from attempt to attempt."""
    reporter = InlineReporter()
    assert run_inline(resume, {}, reporter=reporter) == 1
    assert run_inline(resume, {}, reporter=reporter) == 2
    assert reporter.files == {"1.txt": b"run 1", "2.txt": b"run 2"}
    assert [json.loads(line)["message"] for line in reporter.lines] == ["run 1", "run 2"]


def test_clock_goes_forward_only() -> None:
    """A clock that goes back would be a test of something that can't happen."""
    clock = FakeClock(100.0)
    clock.advance(0)
    clock.advance(1.5)
    assert clock() == 101.5
    with pytest.raises(ValueError, match="must be 0 seconds or more"):
        clock.advance(-1)
