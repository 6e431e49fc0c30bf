"""How an attempt ended, and what that means for its job."""

import logging
import traceback
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from flask_api.jobs.errors import OVER_QUOTA, QuotaExceeded, StopReason, TaskError
from flask_api.jobs.records.job import (
    ATTEMPTS_KEPT,
    WORKER_LOST,
    Attempt,
    JobStatus,
    encode_field,
    format_time,
)
from flask_api.jobs.records.job_writer import Ending
from flask_api.jobs.tasks.exception_bases import caught_by
from flask_api.jobs.tasks.policy import Policy
from shared.clock import JOBS_CLOCK

log = logging.getLogger("gatehouse.jobs")

# A task's own pauses are about its own errors.
# A death needs a short one, growing in case that it is the job that kills.
AFTER_DEATH = Policy()
# How long until an attempt is begun again that could not be: what refused it may do so for a while.
NOT_BEGUN_S = 10


class Outcome(NamedTuple):
    """How an attempt ended. ``stopped`` is why it ended early; ``error`` is set when it failed.

    ``is_lost``: its process died under it. ``is_begun``: False when nothing of it ran, for want of
    a process, say.
    """

    result: str = "null"  # JSON text
    error: dict[str, Any] | None = None
    may_retry: bool = False
    stopped: StopReason | None = None
    is_lost: bool = False
    is_begun: bool = True


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
        error={"type": WORKER_LOST, "message": f"The process that ran the job {how}."},
        may_retry=True,
        is_lost=True,
    )


def describe(error: BaseException) -> dict[str, Any]:
    """Return an error as its owner may see it, with a traceback for staff.
    What the engine itself says has no ``bases``. Bytes that are no text are shown escaped."""
    try:
        message, caught = _escaped(str(error)[:2000])[:2000], caught_by(error)
    # a task may raise anything, even what has no words; losing the slot over it would hurt others
    except Exception:
        message, caught = "An error that can't be shown.", {"bases": []}
    described = {"type": type(error).__name__, "message": message, **caught}
    if not isinstance(error, TaskError):
        trace = "".join(traceback.format_exception(error))[-20_000:]
        described["traceback"] = _escaped(trace)[-20_000:]
    return described


def _escaped(text: str) -> str:
    """Return a text of which each character can be sent: Redis' JSON reader refuses halves, and
    the attempt that ended with them would be taken for one whose process died."""
    return text.encode("utf-8", "backslashreplace").decode()


def not_begun(job_id: str) -> Outcome:
    """Return the outcome of an attempt that could not be begun, and log the error that is being
    handled: it costs the job no attempt, and is tried again in a while."""
    log.exception("an attempt could not be begun; tried again", extra={"job_id": job_id})
    return Outcome(is_begun=False)


def log_failures(ended: Iterable[tuple[Attempt, Outcome]], answers: Iterable[int]) -> None:
    """Log of these attempts those that failed, and those whose outcome no longer counted.
    ``answers``: what the turn that ended them said of each."""
    for (attempt, outcome), kept in zip(ended, answers, strict=False):
        if outcome.error is not None or not kept:
            details = {
                "job_id": attempt.job.job_id,
                "task": attempt.job.task,
                "attempt": attempt.number,
                "kept": bool(kept),
            }
            log.info("attempt failed" if kept else "outcome discarded", extra=details)


def ending_of(attempt: Attempt, outcome: Outcome, *, policy: Policy) -> Ending:
    """Say what an outcome means for the job: an end, another attempt later,
    or its return to the process that goes on with it."""
    if outcome.stopped is StopReason.CANCELLED:
        return Ending(attempt, JobStatus.CANCELLED)
    # the process stops, or lost the job: the attempt was not the job's fault
    if outcome.stopped is not None or not outcome.is_begun:
        pause_s = NOT_BEGUN_S if outcome.stopped is None else 0
        return _again(attempt, {"attempt": str(attempt.number - 1)}, pause_s=pause_s)
    if outcome.error is None:
        return Ending(attempt, JobStatus.SUCCEEDED, {"result": outcome.result})
    shown = {name: value for name, value in outcome.error.items() if name != "traceback"}
    ended_at = format_time(JOBS_CLOCK.moment())
    failure = {"attempt": attempt.number, "ended_at": ended_at, "error": shown}
    kept = [*attempt.job.attempts, failure][-ATTEMPTS_KEPT:]
    changes = {"attempts": encode_field("attempts", kept)}
    if outcome.may_retry and attempt.number < attempt.job.max_attempts:
        pauses = AFTER_DEATH if outcome.is_lost else policy
        return _again(attempt, changes, pause_s=pauses.retry_delay_s(attempt.number))
    changes["error"] = encode_field("error", outcome.error)
    return Ending(attempt, JobStatus.FAILED, changes)


def _again(attempt: Attempt, changes: Mapping[str, str], *, pause_s: float) -> Ending:
    due_at = JOBS_CLOCK.now() + pause_s
    return Ending(attempt, JobStatus.QUEUED, changes, due_at=due_at)
