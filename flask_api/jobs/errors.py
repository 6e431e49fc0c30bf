"""What the job engine refuses, and how a task says that it failed or must stop.

JobError
├── UnknownTask          no task has this name
├── InvalidArguments     ``problems`` lists every wrong argument with its JSON pointer
├── JobNotFound          absent, or another person's: alike on purpose
├── JobExpired           it was here, and was forgotten when its time was over
├── IllegalTransition    the job's state doesn't allow this
├── JobUnfinished        it has not ended, so there is no result yet
├── JobFailed            it ended without a result; ``job_error`` says why
├── JobWasCancelled      it ended without a result, on request
├── IdempotencyConflict  the Idempotency-Key was used with another body
├── QueueFull            nothing was accepted; try again in ``retry_after_s``
│   └── TooManyUnfinished  the person has as many unfinished jobs as they may
├── PersonQuotaExceeded  the person keeps as much as they may: delete something
├── ShareNotFound        absent, ended, or another person's
├── TooManyShares        the person, or the job, has as many shares as there may be
├── UploadNotFound       absent, expired, or another person's
├── UploadInUse          an unfinished job needs the file
├── UploadTooLarge       larger than a file may be
├── UploadTooSlow        the body came too slowly, or stopped
├── UploadQuotaExceeded  the person keeps as many files, or as many bytes, as they may
├── RowsBusy             too many people read tables of rows just now
└── EngineStopped        this process takes no more jobs; another one, or the next start, will

TaskError                raised by task code: a failure that its owner should read
└── QuotaExceeded        raised for it: what it wants to keep is more than its owner may
JobCancelled             raised in task code by ``job.checkpoint()``; a BaseException,
                         so ``except Exception`` lets it pass
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from shared.errors import JobError

_NAME_SHOWN = 200  # characters of a wrong name that a problem repeats


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgumentProblem:
    """One wrong argument: where it is (RFC 6901 pointer into the request body)
    and what is accepted."""

    pointer: str
    detail: str


def json_pointer(*parts: object) -> str:
    """Return the RFC 6901 pointer to a place; of a long name its first 200 characters."""
    cut = (str(part)[:_NAME_SHOWN] for part in parts)
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in cut)


class UnknownTask(JobError):
    """No task has this name. ``problems`` points at it."""

    code = "unknown_task"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.problems = (ArgumentProblem(pointer="/task", detail=message),)


class InvalidArguments(JobError):
    """The arguments don't fit the task's parameters; nothing was stored."""

    code = "invalid_arguments"

    def __init__(self, message: str, *, problems: Sequence[ArgumentProblem]) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class JobNotFound(JobError):
    """There is no such job for this principal."""

    code = "job_not_found"


class JobExpired(JobError):
    """The job ended so long ago that it was forgotten."""

    code = "job_expired"


class IllegalTransition(JobError):
    """The job is not in a state that allows this."""

    code = "illegal_transition"


class JobUnfinished(JobError):
    """The job has not ended, so there is no result yet."""

    code = "job_unfinished"


class JobFailed(JobError):
    """The job failed, so there is no result. ``job_error`` is its error as its owner may see it."""

    code = "job_failed"

    def __init__(self, message: str, *, job_error: dict[str, Any]) -> None:
        super().__init__(message)
        self.job_error = job_error


class JobWasCancelled(JobError):
    """The job was cancelled, so there is no result."""

    code = "job_cancelled"


class IdempotencyConflict(JobError):
    """The Idempotency-Key was used before, with another body."""

    code = "idempotency_conflict"


class QueueFull(JobError):
    """The queue is full: nothing was accepted."""

    code = "queue_full"
    retry_after_s: ClassVar[int] = 5


class TooManyUnfinished(QueueFull):
    """The person has as many unfinished jobs as they may: nothing was accepted."""

    code = "too_many_unfinished"

    def __init__(self, message: str, *, limit: int, unfinished: int) -> None:
        super().__init__(message)
        self.limit = limit
        self.unfinished = unfinished


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaReached:
    """Which quota was reached: what is counted, how much of it is kept, how much may be."""

    kind: str
    used: int
    limit: int


class PersonQuotaExceeded(JobError):
    """The person keeps as many ended jobs, or as many bytes, as they may: nothing was stored.
    ``quota`` says which."""

    code = "quota_exceeded"
    retry_after_s: ClassVar[int] = 60

    def __init__(self, message: str, *, quota: QuotaReached) -> None:
        super().__init__(message)
        self.quota = quota


class ShareNotFound(JobError):
    """There is no such share for this principal."""

    code = "share_not_found"


class TooManyShares(JobError):
    """The person, or the job, has as many shares as there may be: nothing was shared."""

    code = "too_many_shares"
    retry_after_s: ClassVar[int] = 60


class UploadNotFound(JobError):
    """There is no such file for this principal."""

    code = "file_not_found"


class UploadInUse(JobError):
    """A job that has not ended needs the file."""

    code = "file_in_use"


class UploadTooLarge(JobError):
    """The file is larger than is accepted; nothing of it was kept."""

    code = "file_too_large"


class UploadTooSlow(JobError):
    """The file came too slowly; nothing of it was kept."""

    code = "upload_too_slow"


class UploadQuotaExceeded(JobError):
    """The person keeps as many files, or as many bytes, as they may: nothing was kept.
    ``quota`` says which."""

    code = "too_many_files"

    def __init__(self, message: str, *, quota: QuotaReached) -> None:
        super().__init__(message)
        self.quota = quota


class RowsBusy(JobError):
    """So many people read rows of jobs just now that this request would have to wait too long."""

    code = "rows_busy"
    retry_after_s: ClassVar[int] = 2


class EngineStopped(JobError):
    """This process is shutting down and takes no more jobs."""

    code = "shutting_down"
    retry_after_s: ClassVar[int] = 2


class TaskError(Exception):
    """Raised by task code for a failure that the job's owner should read, in plain words."""


OVER_QUOTA = (
    "You keep as many bytes as you may, and what the job wants to keep does not fit: delete jobs, "
    "then run it again."
)


class QuotaExceeded(TaskError):
    """What the job wants to keep is more than its owner may: delete something, and run it again."""


class StopReason(StrEnum):
    """Why an attempt must end before its task is done."""

    CANCELLED = "cancelled"  # somebody asked for it
    TIMED_OUT = "timed_out"  # longer than its task allows
    QUOTA = "quota"  # its owner keeps as much as they may
    SHUTDOWN = "shutdown"  # the process stops; another one goes on
    LOST = "lost"  # the process was taken for dead; another one has the job


class JobCancelled(BaseException):
    """The attempt must end now. Let it pass: clean up in ``finally``, don't catch it."""

    def __init__(self, reason: StopReason = StopReason.CANCELLED) -> None:
        super().__init__(reason.value)
        self.reason = reason
