"""One try at a job: call its task, and say how that ended.
Where this runs, a thread or a child, is the executor's affair."""

import logging
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from flask_api.jobs.errors import OVER_QUOTA, JobCancelled, QuotaExceeded, StopReason, TaskError
from flask_api.jobs.records.job import JobStatus, Launch, encode_field, format_time
from flask_api.jobs.records.writes import Ending
from flask_api.jobs.tasks.context import JobContext, current_job
from flask_api.jobs.tasks.exception_bases import caught_by
from flask_api.jobs.tasks.policy import Policy
from flask_api.jobs.tasks.registry import AnyTask

log = logging.getLogger("gatehouse.jobs")

# A task's own pauses are about its own errors.
# A death needs a short one, growing in case that it is the job that kills.
_AFTER_DEATH = Policy()


class Outcome(NamedTuple):
    """How an attempt ended. ``stopped`` is why it ended early; ``error`` is set when it failed.

    ``is_lost``: its process died under it.
    """

    result: str = "null"  # JSON text
    error: dict[str, Any] | None = None
    may_retry: bool = False
    stopped: StopReason | None = None
    is_lost: bool = False


def call(task: AnyTask, launch: Launch, context: JobContext, *, result_max_bytes: int) -> Outcome:
    """Run the task in this thread. Whatever its code raises is the outcome;
    raises nothing itself."""
    token = current_job.set(context)
    try:
        context.checkpoint()
        result = task.run(launch.arguments, context)
        size = len(result.encode())
        if size > result_max_bytes:
            raise TaskError(
                f"The result has {size} bytes of JSON; accepted are at most "
                f"{result_max_bytes}: save it as a file."
            )
        _check_once_more(context)
    except JobCancelled as stop:
        return stopped(stop.reason, task.policy)
    except BaseException as error:  # SystemExit too: it is the job's outcome, not ours
        return Outcome(error=describe(error), may_retry=task.policy.may_retry(error))
    finally:
        current_job.reset(token)
    return Outcome(result=result)


def _check_once_more(context: JobContext) -> None:
    """One that never checked may be past its time. But what is done is done:
    a process that stops has its outcome."""
    try:
        context.checkpoint()
    except JobCancelled as stop:
        if stop.reason in (StopReason.CANCELLED, StopReason.TIMED_OUT, StopReason.QUOTA):
            raise


def stopped(reason: StopReason, policy: Policy) -> Outcome:
    """Return the outcome of an attempt that was made to stop."""
    if reason is StopReason.TIMED_OUT:
        error = {
            "type": "TimedOut",
            "message": f"The job took longer than the {policy.timeout_s:g} s that its task allows.",
        }
        return Outcome(error=error, may_retry=TimeoutError in policy.retry_on)
    if reason is StopReason.QUOTA:
        return Outcome(error=describe(QuotaExceeded(OVER_QUOTA)))
    return Outcome(stopped=reason)


def worker_lost(how: str) -> Outcome:
    """Return the outcome of an attempt whose process died under it:
    tried again soon, as long as attempts are left."""
    return Outcome(
        error={"type": "WorkerLost", "message": f"The process that ran the job {how}."},
        may_retry=True,
        is_lost=True,
    )


def describe(error: BaseException) -> dict[str, Any]:
    """Return an error as its owner may see it, with a traceback for staff.
    What the engine itself says has no ``bases``."""
    try:
        message, caught = str(error)[:2000], caught_by(error)
    # a task may raise anything, even what has no words; losing the slot over it would hurt others
    except Exception:
        message, caught = "An error that can't be shown.", {"bases": []}
    described = {"type": type(error).__name__, "message": message, **caught}
    if not isinstance(error, TaskError):
        described["traceback"] = "".join(traceback.format_exception(error))[-20_000:]
    return described


def ending_of(launch: Launch, attempt: int, outcome: Outcome, *, policy: Policy) -> Ending:
    """Say what an outcome means for the job: an end, another attempt later,
    or its return to whoever goes on with it."""
    now = time.time()
    if outcome.stopped is StopReason.CANCELLED:
        return Ending(launch=launch, attempt=attempt, status=JobStatus.CANCELLED)
    # the process stops, or lost the job: the attempt was not the job's fault
    if outcome.stopped is not None:
        changes = {"attempt": str(attempt - 1)}
        return Ending(
            launch=launch, attempt=attempt, status=JobStatus.QUEUED, changes=changes, due_at=now
        )
    if outcome.error is None:
        return Ending(
            launch=launch,
            attempt=attempt,
            status=JobStatus.SUCCEEDED,
            changes={"result": outcome.result},
        )
    shown = {name: value for name, value in outcome.error.items() if name != "traceback"}
    failure = {"attempt": attempt, "ended_at": format_time(datetime.now(UTC)), "error": shown}
    changes = {"attempts": encode_field("attempts", [*launch.attempts, failure])}
    if outcome.may_retry and attempt < launch.max_attempts:
        pauses = _AFTER_DEATH if outcome.is_lost else policy
        due_at = now + pauses.retry_delay_s(attempt)
        return Ending(
            launch=launch, attempt=attempt, status=JobStatus.QUEUED, changes=changes, due_at=due_at
        )
    changes["error"] = encode_field("error", outcome.error)
    return Ending(launch=launch, attempt=attempt, status=JobStatus.FAILED, changes=changes)


class JobLogHandler(logging.Handler):
    """Gives the log records of a task's own code to its job, besides where logs go anyway."""

    def emit(self, record: logging.LogRecord) -> None:
        """Add the record to the current job's log, if this thread works for one."""
        job = current_job.get()
        if job is None or record.name.startswith("gatehouse."):
            return
        try:
            job.log(self.format(record), level=record.levelname.lower())
        except Exception:
            self.handleError(record)


def deadline_check(
    policy: Policy,
    signal: Callable[[], StopReason | None],
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Callable[[], StopReason | None]:
    """Return ``must_stop`` of an attempt that begins now:
    what ``signal`` says, or that its time is over."""
    deadline = None if policy.timeout_s is None else clock() + policy.timeout_s

    def must_stop() -> StopReason | None:
        return signal() or (
            StopReason.TIMED_OUT if deadline is not None and clock() > deadline else None
        )

    return must_stop
