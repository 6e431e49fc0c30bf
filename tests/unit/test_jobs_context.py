"""The context of a running task: progress that is cheap, and checkpoints."""

import pytest

from flask_api.jobs.context import PROGRESS_INTERVAL_S, JobContext, Progress
from flask_api.jobs.errors import JobCancelled
from shared.settings import ApiSettings


class Bench:
    """A context on a clock of the test's own, with what it reported."""

    def __init__(self) -> None:
        self.now_s = 50.0
        self.stop = False
        self.reported: list[Progress] = []
        self.context = JobContext(
            job_id="1",
            attempt=1,
            settings=ApiSettings.model_construct(),
            report=self.reported.append,
            must_stop=lambda: self.stop,
            clock=lambda: self.now_s,
        )


def test_first_progress_is_written_at_once() -> None:
    """Who watches sees at once that something happens."""
    bench = Bench()
    bench.context.progress(1, 10, message="begins")
    assert bench.reported == [Progress(done=1, total=10, message="begins")]


def test_frequent_progress_is_written_once_per_interval() -> None:
    """A loop may report each step: what is written doesn't grow with the steps."""
    bench = Bench()
    for step in range(1000):
        bench.context.progress(step)
        bench.now_s += PROGRESS_INTERVAL_S / 100
    assert len(bench.reported) == pytest.approx(10, abs=1)
    assert [progress.done for progress in bench.reported] == sorted(progress.done for progress in bench.reported)


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


def test_long_message_is_cut() -> None:
    """A message is a word on a page, not a file."""
    bench = Bench()
    bench.context.progress(1, message="x" * 10_000)
    assert len(bench.reported[0].message) == 500


def test_checkpoint_ends_an_attempt_that_must_stop() -> None:
    """Until then it does nothing; ``except Exception`` in task code doesn't stop it."""
    bench = Bench()
    bench.context.checkpoint()
    bench.stop = True
    with pytest.raises(JobCancelled):
        bench.context.checkpoint()
    with pytest.raises(JobCancelled):
        bench.context.progress(1)
    assert bench.reported == []
    assert not issubclass(JobCancelled, Exception)
