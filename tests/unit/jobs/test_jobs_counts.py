"""What a process counts of its jobs."""

from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest

from flask_api.jobs.records.job import JobStatus
from flask_api.jobs.tasks.registry import AnyTask, TaskRegistry
from flask_api.jobs.tasks.task import task
from flask_api.jobs.workers.counts import UNKNOWN_TASK, JobCounts


@task("counts.known")
def known() -> None:
    """Do nothing."""


@pytest.fixture
def counts() -> JobCounts:
    """The counts of a process with one task."""
    return JobCounts(TaskRegistry([cast(AnyTask, known)]))


def changed(numbers: dict[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    """Return what is not zero."""
    return {labels: number for labels, number in numbers.items() if number}


def test_attempt_with_an_outcome_ends_its_job(counts: JobCounts) -> None:
    """Both are counted at once."""
    counts.end_attempt("counts.known", JobStatus.FAILED, kept=True)
    assert changed(counts.attempts()) == changed(counts.ended()) == {("counts.known", "failed"): 1}


def test_attempt_of_a_job_that_runs_again_ends_no_job(counts: JobCounts) -> None:
    """A retry is not yet an outcome."""
    counts.end_attempt("counts.known", JobStatus.QUEUED, kept=True)
    assert (changed(counts.attempts()), changed(counts.ended())) == (
        {("counts.known", "queued"): 1},
        {},
    )


def test_attempt_of_which_nothing_is_known_makes_no_hour(counts: JobCounts) -> None:
    """Of a job that is queued again after its process died: no task is shown with zeros only."""
    counts.end_attempt("counts.known", JobStatus.QUEUED, kept=True)
    counts.end_turn("counts.known", [], [])
    assert counts.tally.take() == {}


def test_discarded_attempt_ends_no_job(counts: JobCounts) -> None:
    """Its outcome was not written: the process that took the job over counts it."""
    counts.end_attempt("counts.known", JobStatus.SUCCEEDED, kept=False)
    assert (changed(counts.attempts()), changed(counts.ended())) == (
        {("counts.known", "discarded"): 1},
        {},
    )


def test_names_that_are_no_tasks_share_one_number(counts: JobCounts) -> None:
    """What Redis says can't make a series of its own."""
    for name in ("gone", "gone.too"):
        counts.end(name, JobStatus.CANCELLED)
        counts.accept(name)
    assert counts.ended()[UNKNOWN_TASK, "cancelled"] == 2
    assert counts.accepted() == {"counts.known": 0, UNKNOWN_TASK: 2}


def test_counts_from_many_threads_are_all_there(counts: JobCounts) -> None:
    """Slots end their jobs at the same time."""

    def accept_many() -> None:
        for _ in range(1000):
            counts.accept("counts.known", 2)

    with ThreadPoolExecutor(8) as pool:
        for _ in range(8):
            pool.submit(accept_many)
    assert counts.accepted()["counts.known"] == 16_000
