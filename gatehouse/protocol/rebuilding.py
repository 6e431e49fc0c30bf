"""The type of a remote failure here, so that it is caught as it would be where it was raised.

The type is made of JobFailed and built-in exceptions of the list below. Names that a server sends
choose from that list and do nothing else: nothing is imported, looked up in a module, or called.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

from gatehouse.errors import JobFailed, JobTimedOut, RemoteError

TIMED_OUT = "TimedOut"
MAX_BASES = 32

# Types of the language that take one text. Others (UnicodeDecodeError)
# are caught by their bases (ValueError).
BUILTIN_TYPES: Mapping[str, type[Exception]] = {
    kind.__name__: kind
    for kind in (
        ArithmeticError,
        AssertionError,
        AttributeError,
        BlockingIOError,
        BrokenPipeError,
        BufferError,
        ChildProcessError,
        ConnectionAbortedError,
        ConnectionError,
        ConnectionRefusedError,
        ConnectionResetError,
        EOFError,
        FileExistsError,
        FileNotFoundError,
        FloatingPointError,
        ImportError,
        IndexError,
        InterruptedError,
        IsADirectoryError,
        KeyError,
        LookupError,
        MemoryError,
        ModuleNotFoundError,
        NameError,
        NotADirectoryError,
        NotImplementedError,
        OSError,
        OverflowError,
        PermissionError,
        ProcessLookupError,
        RecursionError,
        ReferenceError,
        RuntimeError,
        TimeoutError,
        TypeError,
        UnicodeError,
        ValueError,
        ZeroDivisionError,
    )
}


def is_time_out(error: Mapping[str, Any]) -> bool:
    """Tell whether a job's error is the engine's time-out,
    and not an exception that a task calls so."""
    return error.get("type") == TIMED_OUT and "bases" not in error


def failed(message: str, *, job: str, error: RemoteError) -> JobFailed:
    """Return the failure that a remote error means, of the type that it has here."""
    failure: Any = type_of(error)(message, job=job, error=error)
    if isinstance(failure, OSError):
        failure.errno = error.errno
    return cast("JobFailed", failure)


def type_of(error: RemoteError) -> type[JobFailed]:
    """Return the type that a remote error has here."""
    if error.type == TIMED_OUT and error.bases is None:
        return JobTimedOut
    return _with(tuple(_chosen(error.type, error.bases)))


def _chosen(kind: str, bases: Sequence[str] | None) -> list[type[Exception]]:
    """Return the built-in types that an error is one of, without those that follow from others."""
    is_builtin = bases is None or (
        kind in BUILTIN_TYPES and list(bases) == _names_above(BUILTIN_TYPES[kind])
    )
    names = [*([kind] if is_builtin else ()), *(bases or ())]
    chosen: list[type[Exception]] = []
    for name in names:
        builtin = BUILTIN_TYPES.get(name)
        if builtin is not None and not any(issubclass(each, builtin) for each in chosen):
            chosen.append(builtin)
    return chosen


def _names_above(kind: type[Exception]) -> list[str]:
    """Return what a server says of the bases of a built-in type."""
    return [base.__name__ for base in kind.__mro__[1:] if base not in (BaseException, object)]


@lru_cache(maxsize=256)
def _with(builtins: tuple[type[Exception], ...]) -> type[JobFailed]:
    """Return JobFailed as a subclass of these types, too;
    of fewer of them where Python can't combine all."""
    if not builtins:
        return JobFailed
    members = {
        "__module__": JobFailed.__module__,
        "__doc__": JobFailed.__doc__,
        "__reduce__": _reduce,
    }
    try:
        return cast("type[JobFailed]", type("JobFailed", (JobFailed, *builtins), members))
    except TypeError:  # OSError and ImportError, for example, each have fields of their own
        return _with(builtins[:-1])


def _reduce(failure: JobFailed) -> tuple[Any, ...]:
    """Tell pickle how to rebuild a failure: its type can't be imported by a name."""
    return _failed_again, (failure.error, failure.__dict__)


def _failed_again(error: RemoteError, state: Mapping[str, Any]) -> JobFailed:
    # Called, not by __new__ alone: MemoryError's refuses subclasses.
    failure = failed(state["message"], job=state["job"], error=error)
    failure.__dict__.update(state)
    return failure


def text_list(said: Iterable[Any] | None) -> list[str] | None:
    """Return the names that a server sent, None for anything but a list of names."""
    if not isinstance(said, list):
        return None
    return [name for name in said[:MAX_BASES] if isinstance(name, str)]
