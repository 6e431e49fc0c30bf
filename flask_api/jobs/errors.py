"""What the job engine refuses, and how a task says that it failed or must stop.

JobError
├── UnknownTask          no task has this name
├── InvalidArguments     ``problems`` lists every wrong argument with its JSON pointer
├── JobNotFound          absent, expired, or another person's: alike on purpose
├── QueueFull            nothing was accepted; try again in ``retry_after_s``
└── EngineStopped        this process takes no more jobs; another one, or the next start, will

TaskError                raised by task code: a failure that its owner should read
JobCancelled             raised in task code by ``job.checkpoint()``; a BaseException, so ``except Exception`` lets it pass
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from shared.errors import JobError


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgumentProblem:
    """One wrong argument: where it is (RFC 6901 pointer into the request body) and what is accepted."""

    pointer: str
    detail: str


class UnknownTask(JobError):
    """No task has this name. ``problems`` points at the member that named it."""

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


class QueueFull(JobError):
    """The queue is full: the job was not accepted."""

    code = "queue_full"
    retry_after_s: ClassVar[int] = 5


class EngineStopped(JobError):
    """This process is shutting down and takes no more jobs."""

    code = "shutting_down"
    retry_after_s: ClassVar[int] = 2


class TaskError(Exception):
    """Raised by task code for a failure that the job's owner should read, in plain words."""


class JobCancelled(BaseException):
    """The attempt must end now. Let it pass: clean up in ``finally``, don't catch it."""
