"""What an attempt's end means for its job."""

import json
import subprocess
import time
from typing import Any

import pytest

from flask_api.jobs.errors import StopReason, TaskError
from flask_api.jobs.records.job import Attempt, JobStatus, QueuedJob
from flask_api.jobs.tasks.policy import Policy
from flask_api.jobs.workers.outcome import Outcome, describe, ending_of, stopped, worker_lost

POLICY = Policy(timeout_s=2, max_attempts=3, retry_on=(OSError,), backoff_s=8)
FAILURE = {"type": "OSError", "message": "no"}
FAILED = Outcome(error={**FAILURE, "traceback": "where"})
FAILED_TO_RETRY = Outcome(error={**FAILURE, "traceback": "where"}, may_retry=True)


@pytest.mark.parametrize(
    ("outcome", "attempt", "status"),
    [
        (Outcome(result="1"), 1, JobStatus.SUCCEEDED),
        (Outcome(), 3, JobStatus.SUCCEEDED),
        (FAILED, 1, JobStatus.FAILED),
        (FAILED_TO_RETRY, 1, JobStatus.QUEUED),
        (FAILED_TO_RETRY, 2, JobStatus.QUEUED),
        (FAILED_TO_RETRY, 3, JobStatus.FAILED),
        (worker_lost("died"), 2, JobStatus.QUEUED),
        (worker_lost("died"), 3, JobStatus.FAILED),
        (stopped(StopReason.CANCELLED, POLICY), 1, JobStatus.CANCELLED),
        (stopped(StopReason.SHUTDOWN, POLICY), 3, JobStatus.QUEUED),
        (stopped(StopReason.LOST, POLICY), 3, JobStatus.QUEUED),
        (stopped(StopReason.TIMED_OUT, POLICY), 1, JobStatus.FAILED),
    ],
)
def test_outcome_decides_the_status(outcome: Outcome, attempt: int, status: JobStatus) -> None:
    """Only errors that may be tried again are, and only while attempts are left;
    a stop is nobody's fault."""
    queued = QueuedJob(
        job_id="1", task="a.b", arguments="{}", owner_id="7", batch="b", max_attempts=3
    )
    ending = ending_of(Attempt(queued, attempt, "a"), outcome, policy=POLICY)
    assert (ending.status, ending.attempt) == (status, Attempt(queued, attempt, "a"))
    assert (ending.due_at is not None) == (status is JobStatus.QUEUED)


def test_stopped_attempt_is_not_counted_and_goes_on_at_once() -> None:
    """A restart of the server costs a job none of its attempts, and no waiting."""
    queued = QueuedJob(job_id="1", task="a.b", arguments="{}", owner_id="7", max_attempts=1)
    ending = ending_of(Attempt(queued, 1, "a"), stopped(StopReason.SHUTDOWN, POLICY), policy=POLICY)
    assert ending.changes == {"attempt": "0"}
    assert ending.due_at == pytest.approx(time.time(), abs=5)


def test_attempt_whose_process_died_is_soon_followed_by_another() -> None:
    """The task's pause is about errors of its own:
    a server that was killed goes on with its jobs in a second or two."""
    queued = QueuedJob(job_id="1", task="a.b", arguments="{}", owner_id="7", max_attempts=3)
    ending = ending_of(
        Attempt(queued, 1, "a"),
        worker_lost("died"),
        policy=Policy(backoff_s=600, backoff_cap_s=900),
    )
    assert ending.due_at is not None
    assert ending.due_at - time.time() <= 1


def test_failed_attempts_are_kept_without_traceback() -> None:
    """The history grows by one; the error that ends the job has its traceback for staff."""
    earlier = {
        "attempt": 1,
        "ended_at": "2026-11-20T00:00:00.000Z",
        "error": {"type": "OSError", "message": "first"},
    }
    queued = QueuedJob(
        job_id="1", task="a.b", arguments="{}", owner_id="7", max_attempts=3, attempts=(earlier,)
    )
    again = ending_of(Attempt(queued, 2, "a"), FAILED_TO_RETRY, policy=POLICY)
    history = json.loads(again.changes["attempts"])
    assert [each["attempt"] for each in history] == [1, 2]
    assert history[1]["error"] == FAILURE
    assert again.due_at is not None
    assert 7 < again.due_at - time.time() < 17
    last = ending_of(Attempt(queued, 3, "a"), FAILED_TO_RETRY, policy=POLICY)
    assert json.loads(last.changes["error"]) == {**FAILURE, "traceback": "where"}
    assert json.loads(last.changes["attempts"])[1]["error"] == FAILURE


def test_time_out_is_tried_again_if_the_task_says_so() -> None:
    """TimeoutError in retry_on covers the engine's own time-out too."""
    assert stopped(StopReason.TIMED_OUT, Policy(timeout_s=1, retry_on=(TimeoutError,))).may_retry
    outcome = stopped(StopReason.TIMED_OUT, POLICY)
    assert not stopped(StopReason.TIMED_OUT, Policy(timeout_s=1)).may_retry
    assert outcome.error is not None
    assert "2 s" in outcome.error["message"]


def test_error_for_its_owner_has_no_traceback() -> None:
    """TaskError is words for the owner; any other is a fault of the code."""
    assert describe(TaskError("no such report")) == {
        "type": "TaskError",
        "message": "no such report",
        "bases": ["Exception"],
    }
    assert "traceback" in describe(ValueError("x"))
    assert len(describe(ValueError("x" * 10_000))["message"]) == 2000


class _Numbered(OSError):
    errno: Any = 10**5000


class _Wide(*(type(f"B{number}", (Exception,), {}) for number in range(40)), KeyError, OSError):  # type: ignore[misc]
    pass


class _Wordless:
    def __format__(self, how: str) -> str:
        raise RuntimeError(how)


@pytest.mark.parametrize(
    ("error", "bases"),
    [
        (ValueError("x"), ["Exception"]),
        (json.JSONDecodeError("x", "", 0), ["ValueError", "Exception"]),
        (ConnectionResetError("x"), ["ConnectionError", "OSError", "Exception"]),
        (SystemExit(1), ["BaseException"]),
        (subprocess.TimeoutExpired("x", 1), ["subprocess.SubprocessError", "Exception"]),
    ],
)
def test_error_names_the_bases_by_which_it_is_caught(
    error: BaseException, bases: list[str]
) -> None:
    """Built-in ones by name, all others with their module:
    another library's TimeoutError is not Python's."""
    assert describe(error)["bases"] == bases


def test_error_of_many_bases_names_the_first_and_all_that_are_built_in() -> None:
    """What is kept of an error is bounded, and what a client can use is in it."""
    bases = describe(_Wide())["bases"]
    assert len(bases) == 16
    assert bases[0].endswith(".B0")
    assert bases[-4:] == ["KeyError", "LookupError", "OSError", "Exception"]


def test_oserror_keeps_its_number() -> None:
    """If it has one that anybody could read again."""
    assert describe(FileNotFoundError(2, "No such file", "x"))["errno"] == 2
    assert "errno" not in describe(OSError("words"))
    assert "errno" not in describe(_Numbered("words"))


def test_error_whose_class_has_no_name_is_described() -> None:
    """Whatever a class does, the slot goes on."""
    nameless = type("Odd", (Exception,), {"__module__": _Wordless()})
    described = describe(type("Below", (nameless,), {})())
    assert (described["type"], described["bases"]) == ("Below", [])


def test_error_without_words_is_described() -> None:
    """An exception whose own text fails must not take the slot down with it."""

    class WordlessError(Exception):
        def __str__(self) -> str:
            raise ValueError("none")

    described: dict[str, Any] = describe(WordlessError())
    assert described["type"] == "WordlessError"
    assert described["message"]
