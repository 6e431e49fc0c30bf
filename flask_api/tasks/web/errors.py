"""Why a fetch failed. Each has a stable ``code``;
the message is for the job's owner and never names a private address.

WebError
├── UrlRefused          not an absolute http(s) URL, or one with credentials in it
├── AddressRefused      the address is not public, or the port is none for web pages
├── NameNotFound        the host's name has no public address: which of the two is not said
├── ConnectFailed       nobody listens, or TLS could not be agreed on
├── TimedOut            the time for the whole fetch is over
├── TooLarge            the body is longer than was allowed
├── TooManyRedirects    more hops than ``MAX_REDIRECTS``
├── BadResponse         what came back is not HTTP, or broke off
├── BadStatus           the server answered, with a status that is no success
├── NotReadable         the answer is not what the task reads: no feed, no image
├── HostBusy            our own turns at this host were taken for too long
└── FetchAborted        the client was closed meanwhile
"""

from typing import ClassVar

from flask_api.jobs.errors import TaskError


class WebError(TaskError):
    """Root of what a guarded fetch raises; a TaskError,
    so a task may let it pass and its owner reads the message."""

    code: ClassVar[str] = "web"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class UrlRefused(WebError):
    """The URL can't be read, is not http(s), or holds credentials."""

    code = "url_refused"


class AddressRefused(WebError):
    """The address in the URL may not be fetched from,
    or the port is reserved for another protocol."""

    code = "address_refused"


class NameNotFound(WebError):
    """The host's name has no public address; a name of an inner network is told from none at all by
    nothing."""

    code = "name_not_found"


class ConnectFailed(WebError):
    """No connection: refused, unreachable, or TLS failed."""

    code = "connect_failed"


class TimedOut(WebError):
    """The fetch as a whole took too long."""

    code = "timed_out"


class TooLarge(WebError):
    """The body is longer than allowed."""

    code = "too_large"


class TooManyRedirects(WebError):
    """The redirects go on and on."""

    code = "too_many_redirects"


class BadResponse(WebError):
    """The answer is not HTTP, or ended early."""

    code = "bad_response"


class BadStatus(WebError):
    """The status is no success, so the body is not what was wanted."""

    code = "bad_status"


class NotReadable(WebError):
    """The body is not of the kind that was asked for, or is made to harm its reader."""

    code = "not_readable"


class HostBusy(WebError):
    """Too many fetches of this process wanted the same host."""

    code = "host_busy"


class FetchAborted(WebError):
    """The client was closed while the fetch ran."""

    code = "aborted"
