"""Every error that the client raises. Branches are by what the caller does next.

GatehouseError                ``message``, ``code`` (stable)
├── ConfigurationError        no address or key is known, or a wrong one: log in, or set it
│   └── BadProxy              a variable names a proxy that can't be used
├── ApiError                  the service refused: ``status``, ``code`` of the problem
│   ├── NotLoggedIn           401: log in, or send another key
│   ├── Forbidden             403: this key or person may not
│   ├── NotFound              404: absent, or another person's
│   ├── Conflict              409: the job is not in a state for this
│   ├── Expired               410: it was there, and was forgotten
│   ├── InvalidRequest        400, 413, 415, 422: ``problems`` says what each argument must be
│   ├── TooManyRequests       429: nothing was accepted; send it again after ``retry_after_s``
│   ├── QuotaExceeded         429, 507: delete something: waiting alone doesn't help
│   └── ServerError           5xx: not your fault; ``error_id`` finds it in the server's log
├── Unavailable               no connection, no answer in time, or 502, 503, 504: try later
├── BadAnswer                 something else answered: a proxy's page, another site
├── WaitTimedOut              your time-out is over; the job goes on (also a TimeoutError)
└── JobEnded                  the job has no result: ``job`` is its id
    ├── JobFailed             its task raised; the cause is a RemoteError
    │   └── JobTimedOut       it took longer than its task allows
    └── JobCancelled          somebody cancelled it (also a concurrent.futures.CancelledError)

RemoteError                   what happened on the server: ``type``, ``bases``, ``message``,
                              ``attempts``; only ever a cause

A JobFailed is also an instance of the built-in type that the task raised, or else of its nearest
built-in bases: ``except ValueError`` works as it did before the call was moved to the service, also
for a JSONDecodeError, and an OSError has its ``errno``. The types are
listed in gatehouse.protocol.rebuilding.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Any, TypeVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong with a request: ``where`` (JSON pointer or parameter)
    and what it must be."""

    where: str
    detail: str


class GatehouseError(Exception):
    """Root of all errors of the client."""

    code: str = "error"

    def __init__(self, message: str) -> None:
        # not by super().__init__: a built-in type beside this one takes other arguments
        self.args = (message,)
        self.message = message

    def __reduce__(self) -> tuple[Any, ...]:
        """Let the error be copied and pickled, whatever its constructor takes:
        it may cross processes, as errors of a pool do."""
        return made_again, (type(self), self.__dict__)

    def __str__(self) -> str:
        return self.message  # KeyError, which a JobFailed can be as well, would show it in quotes


class ConfigurationError(GatehouseError):
    """No address or no key is known, or they can't be read.
    The message says what to do, never a key."""

    code = "configuration"


class BadProxy(ConfigurationError):
    """HTTP_PROXY, HTTPS_PROXY or ALL_PROXY can't be read or used.
    The message names which, never its value."""


class ApiError(GatehouseError):
    """The service understood and refused."""

    def __init__(self, message: str, *, status: int, code: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class NotLoggedIn(ApiError):
    """The key is missing, wrong, expired or revoked."""


class Forbidden(ApiError):
    """The person, or the scopes of the key, do not allow this."""


class NotFound(ApiError):
    """Nothing of this id or name exists for this person."""


class Conflict(ApiError):
    """The job is not in a state that allows this."""


class Expired(ApiError):
    """The job's record was deleted when its time after the end was over."""


class InvalidRequest(ApiError):
    """The request is wrong; ``problems`` names what, and says what it must be."""

    def __init__(
        self, message: str, *, status: int, code: str, problems: Sequence[Problem] = ()
    ) -> None:
        lines = "; ".join(f"{each.where}: {each.detail}" for each in problems[:5])
        more = f" (and {len(problems) - 5} more)" if len(problems) > 5 else ""
        super().__init__(f"{message} {lines}{more}" if lines else message, status=status, code=code)
        self.problems = tuple(problems)


class TooManyRequests(ApiError):
    """A limit is reached and nothing was accepted. ``room``:
    how many more jobs would be accepted, if the service said so."""

    def __init__(
        self, message: str, *, status: int, code: str, retry_after_s: float, room: int | None = None
    ) -> None:
        super().__init__(message, status=status, code=code)
        self.retry_after_s = retry_after_s
        self.room = room


class QuotaExceeded(ApiError):
    """The person keeps as much as they may, and nothing was accepted:
    ``used`` of ``limit`` of this ``kind``.

    Delete ended jobs and batches (``Client.delete``, ``gatehouse delete --ended``),
    or uploaded files.
    """

    def __init__(
        self, message: str, *, status: int, code: str, kind: str = "", used: int = 0, limit: int = 0
    ) -> None:
        super().__init__(message, status=status, code=code)
        self.kind = kind
        self.used = used
        self.limit = limit


class ServerError(ApiError):
    """Something went wrong on the server."""

    def __init__(self, message: str, *, status: int, code: str, error_id: str = "") -> None:
        super().__init__(message, status=status, code=code)
        self.error_id = error_id


class Unavailable(GatehouseError):
    """The service could not be reached, or said that it can't answer just now,
    for as long as the client is told to try.

    ``was_sent`` is False when the request never left, so that nothing of it was done.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "unavailable",
        retry_after_s: float = 0,
        was_sent: bool = True,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after_s = retry_after_s
        self.was_sent = was_sent


class BadAnswer(GatehouseError):
    """Something else than Gatehouse answered, or something in between changed the answer."""

    code = "bad_answer"

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class WaitTimedOut(GatehouseError, TimeoutError):
    """The time that the caller gave for waiting is over; the job goes on."""

    code = "wait_timed_out"


class JobEnded(GatehouseError):
    """The job ended without a result."""

    code = "job_ended"

    def __init__(self, message: str, *, job: str) -> None:
        super().__init__(message)
        self.job = job


class JobFailed(JobEnded):
    """The task raised, or its process was lost, as often as its task allows.
    ``error`` is the cause, too."""

    code = "job_failed"

    def __init__(self, message: str, *, job: str, error: "RemoteError") -> None:
        super().__init__(message, job=job)
        self.error = error
        self.__cause__ = error


class JobTimedOut(JobFailed):
    """The job took longer than its task allows."""

    code = "job_timed_out"


class JobCancelled(JobEnded, CancelledError):
    """The job was cancelled."""

    code = "job_cancelled"


class RemoteError(Exception):
    """What happened on the server.

    ``bases`` are the names of the classes by which it is caught there, nearest first; None where
    the server says nothing, as of what its engine itself tells. ``errno`` is the server's, None if
    it has none. ``attempts`` are the errors of each attempt; ``traceback`` is there for staff only.
    """

    bases: tuple[str, ...] | None = None  # here for what an older version pickled
    errno: int | None = None

    def __init__(
        self,
        kind: str,
        message: str,
        *,
        bases: Sequence[str] | None = None,
        errno: int | None = None,
        attempts: Sequence[dict[str, Any]] = (),
        traceback: str = "",
    ) -> None:
        super().__init__(message)
        self.type = kind
        self.message = message
        self.bases = None if bases is None else tuple(bases)
        self.errno = errno
        self.attempts = tuple(attempts)
        self.traceback = traceback

    def __str__(self) -> str:
        return f"{self.type}: {self.message}" if self.message else self.type

    def __reduce__(self) -> tuple[Any, ...]:
        return made_again, (type(self), self.__dict__)


ErrorT = TypeVar("ErrorT", bound=Exception)


def made_again(kind: type[ErrorT], state: Mapping[str, Any]) -> ErrorT:
    """Return a copied or unpickled error."""
    error = kind.__new__(kind)
    error.args = (state["message"],)
    error.__dict__.update(state)
    if isinstance(error, JobFailed):
        error.__cause__ = error.error
    return error
