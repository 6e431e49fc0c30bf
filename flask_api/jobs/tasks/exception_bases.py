"""By what an exception is caught: the names of its bases, and the number of an OSError,
for clients that raise it again.

    JSONDecodeError          ["ValueError", "Exception"]
    requests' Timeout        ["requests.exceptions.RequestException", "OSError", "Exception"]

Built-in ones by their bare name, all others with their module:
another library's TimeoutError is not Python's.
"""

import builtins
from typing import Any

# More than any sensible class has. Built-in bases are always among them:
# they are what a client can use.
MAX_NAMES = 16
MAX_NAME = 100
_MAX_ERRNO = 2**31
_ROOTS = (object, BaseException)


def caught_by(error: BaseException) -> dict[str, Any]:
    """Return ``bases``, and ``errno`` of an OSError that has one, for the error's record."""
    bases = bases_of(type(error))
    number = getattr(error, "errno", None) if isinstance(error, OSError) else None
    has_number = type(number) is int and abs(number) < _MAX_ERRNO
    return {"bases": bases, "errno": number} if has_number else {"bases": bases}


def bases_of(kind: type[BaseException]) -> list[str]:
    """Return the names of a class's bases, nearest first,
    without ``BaseException`` (unless there is no other)."""
    bases = [base for base in kind.__mro__[1:] if base not in _ROOTS] or [BaseException]
    own = [base for base in bases if not _is_builtin(base)]
    left_out = set(own[max(0, MAX_NAMES - (len(bases) - len(own))) :])
    return [_name(base) for base in bases if base not in left_out][:MAX_NAMES]


def _is_builtin(kind: type) -> bool:
    return getattr(builtins, kind.__name__, None) is kind


def _name(kind: type) -> str:
    return (
        kind.__name__ if _is_builtin(kind) else f"{kind.__module__}.{kind.__qualname__}"[:MAX_NAME]
    )
