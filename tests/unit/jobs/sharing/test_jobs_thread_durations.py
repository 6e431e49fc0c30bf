"""How long jobs on threads are believed to take, and for how long."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from flask_api.jobs.records.job import Attempt, QueuedJob
from flask_api.jobs.workers.outcome import Outcome
from flask_api.jobs.workers.queue import FairQueue
from flask_api.jobs.workers.runner import AttemptRunner
from flask_api.jobs.workers.threads import ThreadsExecutor
from tests.unit.jobs.sharing.test_jobs_brief_slots import Slots

BRIEF_S = 0.0001


class Timed:
    """Runs jobs that take as long as it is told, by a clock of its own."""

    def __init__(self) -> None:
        self.now = 100.0
        self.takes_s = BRIEF_S
        self.executor = ThreadsExecutor(
            FairQueue(limit=9, per_person=9, while_shared=9),
            Slots(),
            slots=1,
            runner=cast(AttemptRunner, self),
            clock=lambda: self.now,
        )

    def run(self, _: Attempt, **_options: Callable[..., Any]) -> Outcome:
        """Take the time."""
        self.now += self.takes_s
        return Outcome()

    def jobs(self, takes_s: float, *, count: int = 1) -> None:
        """Run some that take so long."""
        self.takes_s = takes_s
        for _ in range(count):
            self.executor.run(Attempt(QueuedJob("1", "a.b", "{}", "ada"), 1, "me"))


@pytest.fixture
def timed() -> Timed:
    """A task that is known to be brief."""
    timed = Timed()
    assert timed.executor.worth_taking("a.b") == 64, "to be found out"
    timed.jobs(BRIEF_S, count=3)
    assert timed.executor.worth_taking("a.b") == 0
    return timed


def test_thread_that_waited_once_makes_no_task_long(timed: Timed) -> None:
    """For the interpreter or a core, up to 50 ms."""
    timed.jobs(0.049)
    assert timed.executor.is_brief("a.b")


def test_one_job_that_takes_long_makes_its_task_long(timed: Timed) -> None:
    """Longer than any thread waits."""
    timed.jobs(0.051)
    assert not timed.executor.is_brief("a.b")


def test_task_that_goes_on_taking_longer_is_brief_no_more(timed: Timed) -> None:
    """It is no noise then."""
    timed.jobs(0.02, count=5)
    assert not timed.executor.is_brief("a.b")


def test_brief_task_is_found_out_again_when_none_ran_for_a_while(timed: Timed) -> None:
    """A few are worth taking then; once one ran, it is known again."""
    timed.now += 9
    assert timed.executor.worth_taking("a.b") == 0
    timed.now += 2
    assert timed.executor.worth_taking("a.b") == 64
    timed.jobs(BRIEF_S)
    assert timed.executor.worth_taking("a.b") == 0
