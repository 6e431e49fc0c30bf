"""Every error Gatehouse raises on purpose. Branches are by what the caller does next;
no class knows HTTP.

GatehouseError
├── ConfigurationError        fix the named setting and start again
├── StoreUnavailable          Redis is away or slow: try again later (503, never 401)
│   ├── SessionStoreUnavailable
│   └── JobStoreUnavailable
│       └── JobStoreFull      its memory is full: delete something, or try again later
├── EntryFormatError          what is stored is not ours: log it, then treat as not there
├── AccessError
│   ├── AmbiguousCredentials  the request carries two of one credential: refuse it whole
│   ├── InsecureTransport     ask over HTTPS
│   ├── NotAuthenticated      log in, or send another key
│   ├── RecentLoginRequired   log in again: the last time is too long ago
│   └── PermissionDenied      this principal may not
│       └── EmailUnverified   not before the e-mail address is verified
├── RequestError              the request itself is wrong: correct it
└── JobError                  (flask_api.jobs.errors holds its branches)
"""

from typing import ClassVar


class GatehouseError(Exception):
    """Root of all errors raised on purpose. ``code`` is stable and part of the API."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ConfigurationError(GatehouseError):
    """A setting is missing or wrong. The message names the variable and what is accepted,
    never a secret's value."""

    code = "configuration"


class StoreUnavailable(GatehouseError):
    """Redis refused, timed out or broke the connection.
    ``retry_after_s`` is when to ask again, in seconds.

    ``settings``: the variables that say where that Redis is, for the log.
    """

    code = "store_unavailable"
    retry_after_s: ClassVar[int] = 1
    settings: ClassVar[str] = "GATEHOUSE_REDIS_URL"


class SessionStoreUnavailable(StoreUnavailable):
    """The store of sessions, principals and keys is away:
    nobody's log-in can be checked just now."""

    code = "session_store_unavailable"
    settings = "GATEHOUSE_SITE_REDIS_URL, GATEHOUSE_API_REDIS_URL, GATEHOUSE_REDIS_URL"


class JobStoreUnavailable(StoreUnavailable):
    """The store of jobs is away: nothing was accepted."""

    code = "job_store_unavailable"
    settings = "GATEHOUSE_JOBS_REDIS_URL, GATEHOUSE_API_REDIS_URL, GATEHOUSE_REDIS_URL"


class JobStoreFull(JobStoreUnavailable):
    """The store of jobs has no memory left: nothing was accepted.
    What exists can be read, cancelled and deleted."""

    code = "job_store_full"
    retry_after_s = 10


class EntryFormatError(GatehouseError):
    """A stored value that is not what the contract says:
    unsigned, altered, of another entry, or too old."""

    code = "entry_format"


class AccessError(GatehouseError):
    """Who asks may not have what is asked for."""

    code = "access"


class AmbiguousCredentials(AccessError):
    """Two session cookies, or two Authorization headers:
    readers would differ on which one counts."""

    code = "ambiguous_credentials"


class InsecureTransport(AccessError):
    """The request came over plain HTTP in production:
    what it carries may be known to others by now."""

    code = "https_required"


class NotAuthenticated(AccessError):
    """No credential, or one that a guard refused.

    ``reason`` says which guard, for the log only: to the client all refusals look alike.
    """

    code = "not_authenticated"

    def __init__(self, reason: str) -> None:
        super().__init__("Log in, or send a valid API key as 'Authorization: Bearer gh_...'.")
        self.reason = reason


class RecentLoginRequired(AccessError):
    """The log-in is older than ``max_age_s`` seconds: this needs a fresh proof of the person."""

    code = "recent_login_required"

    def __init__(self, *, max_age_s: int) -> None:
        super().__init__(
            f"This needs a log-in of the last {max_age_s} seconds: confirm your password."
        )
        self.max_age_s = max_age_s


class PermissionDenied(AccessError):
    """The principal is known and may not do this; the message says what is missing."""

    code = "permission_denied"


class EmailUnverified(PermissionDenied):
    """The principal has not proved that their e-mail address is theirs."""

    code = "email_unverified"


class RequestError(GatehouseError):
    """The request can't be read: not JSON, too deep, a parameter out of range."""

    code = "bad_request"


class JobError(GatehouseError):
    """Root of what the job engine refuses."""

    code = "job"
