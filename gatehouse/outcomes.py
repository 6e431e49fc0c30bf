"""From how a job ended to what the caller gets: its result, or the error to raise."""

from collections.abc import Mapping
from functools import cache
from typing import Any, cast

from gatehouse.errors import JobCancelled, JobFailed, JobTimedOut, RemoteError, made_again

TIMED_OUT = "TimedOut"

# A failure with one of these names is an instance of the type, too. Only types of the language that take one text:
# another library's type of the same name may be something else here than there.
BUILTIN_TYPES: Mapping[str, type[Exception]] = {
    kind.__name__: kind
    for kind in (
        ArithmeticError,
        AssertionError,
        AttributeError,
        BrokenPipeError,
        BufferError,
        ConnectionAbortedError,
        ConnectionError,
        ConnectionRefusedError,
        ConnectionResetError,
        EOFError,
        FileExistsError,
        FileNotFoundError,
        FloatingPointError,
        IndexError,
        InterruptedError,
        IsADirectoryError,
        KeyError,
        LookupError,
        MemoryError,
        NameError,
        NotADirectoryError,
        NotImplementedError,
        OSError,
        OverflowError,
        PermissionError,
        RecursionError,
        RuntimeError,
        TimeoutError,
        TypeError,
        ValueError,
        ZeroDivisionError,
    )
}


def result_of(record: Mapping[str, Any]) -> Any:
    """Return the result of an ended job's JSON (a record or a line of a batch's results), or raise why there is none."""
    if record["status"] == "succeeded":
        return record["result"]
    raise error_of(record)


def error_of(record: Mapping[str, Any]) -> JobFailed | JobCancelled:
    """Return the error of a job that ended without a result."""
    job = str(record["id"])
    if record["status"] == "cancelled":
        return JobCancelled(f"The job {job} was cancelled.", job=job)
    described = record.get("error") or {}
    kind, message = str(described.get("type", "error")), str(described.get("message", ""))
    attempts = record.get("attempts") or ()
    remote = RemoteError(kind, message, attempts=attempts, traceback=str(described.get("traceback", "")))
    return _failure(kind)(f"The job {job} failed: {remote}", job=job, error=remote)


@cache
def _failure(kind: str) -> type[JobFailed]:
    if kind == TIMED_OUT:
        return JobTimedOut
    if kind not in BUILTIN_TYPES:
        return JobFailed
    members = {"__module__": JobFailed.__module__, "__doc__": JobFailed.__doc__, "__reduce__": _reduce}
    return cast("type[JobFailed]", type("JobFailed", (JobFailed, BUILTIN_TYPES[kind]), members))


def _reduce(failed: JobFailed) -> tuple[Any, ...]:
    """Say how to make it again where it is unpickled: its type is found under no name."""
    return _failed_again, (failed.error.type, failed.__dict__)


def _failed_again(kind: str, state: Mapping[str, Any]) -> JobFailed:
    return made_again(_failure(kind), state)
