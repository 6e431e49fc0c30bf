"""The network under a guarded fetch: it resolves names itself, connects to checked addresses only, and keeps the time.

httpcore asks its network backend to connect to a host name. This one resolves the name, drops every address that is not
permitted and connects to one of the rest *by address*: what was checked is what is connected to, however often the name's
answer changes (DNS rebinding). TLS and the Host header keep the name.
"""

import contextlib
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from ipaddress import ip_address
from socket import SOCK_STREAM, getaddrinfo
from typing import Any

import httpcore

from flask_api.tasks.web_addresses import Network, is_permitted
from flask_api.tasks.web_errors import AddressRefused, ConnectFailed, FetchAborted, NameNotFound, TimedOut

# A closed client is noticed within this time by a fetch that waits for bytes or for a name.
SLICE_S = 0.25
# Waiting for a connection can't be sliced: a closed client is noticed at the latest after this.
CONNECT_S = 5.0
MAX_ADDRESSES = 4
MAX_LOOKUPS = 100

Resolver = Callable[[str, int], Iterable[str]]


def resolve_by_system(host: str, port: int) -> list[str]:
    """Return the host's addresses as the operating system finds them. Blocks as long as that takes. Raises OSError."""
    return [str(info[4][0]) for info in getaddrinfo(host, port, type=SOCK_STREAM)]


class Budget:
    """How long one fetch may still go on: until its time is over or its client is closed."""

    def __init__(self, total_s: float, *, closed: threading.Event, clock: Callable[[], float] = time.monotonic) -> None:
        self._total_s = total_s
        self._closed = closed
        self._clock = clock
        self._ends_at = clock() + total_s

    def remaining_s(self, *, at_most_s: float = float("inf")) -> float:
        """Return the seconds that are left, more than zero. Raises TimedOut or FetchAborted."""
        if self._closed.is_set():
            raise FetchAborted("The fetch was given up.")
        left_s = self._ends_at - self._clock()
        if left_s <= 0:
            raise TimedOut(f"Not done within {self._total_s:g} s.")
        return min(left_s, at_most_s)


class NameLookups:
    """Resolve names without waiting longer than a budget. Thread-safe.

    The system's resolver can't be interrupted, so it runs in a daemon thread that is left alone when the time is over;
    at most ``MAX_LOOKUPS`` run at once, abandoned ones included.
    """

    def __init__(self, resolver: Resolver = resolve_by_system) -> None:
        self._resolver = resolver
        self._slots = threading.BoundedSemaphore(MAX_LOOKUPS)

    def addresses(self, host: str, port: int, budget: Budget) -> list[str]:
        """Return the host's addresses, each once. Raises NameNotFound, TimedOut or FetchAborted."""
        while not self._slots.acquire(timeout=budget.remaining_s(at_most_s=SLICE_S)):
            continue
        answer: Future[list[str]] = Future()
        threading.Thread(target=self._look_up, args=(host, port, answer), name="web-name-lookup", daemon=True).start()
        while not wait([answer], timeout=budget.remaining_s(at_most_s=SLICE_S)).done:
            continue
        try:
            return answer.result()
        except (OSError, UnicodeError) as error:  # UnicodeError: a label that the idna codec refuses
            raise NameNotFound("The host's name has no address.") from error

    def _look_up(self, host: str, port: int, answer: Future[list[str]]) -> None:
        try:
            answer.set_result(list(dict.fromkeys(self._resolver(host, port))))
        except Exception as error:  # carried to the thread that asked
            answer.set_exception(error)
        finally:
            self._slots.release()


class GuardedBackend(httpcore.NetworkBackend):
    """Connects for one fetch: to permitted addresses only, within the fetch's budget."""

    def __init__(self, *, allowed_networks: Iterable[Network], lookups: NameLookups, budget: Budget) -> None:
        self._allowed_networks = tuple(allowed_networks)
        self._lookups = lookups
        self._budget = budget
        self._system = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first permitted address that answers. Raises AddressRefused if none is permitted."""
        del timeout  # here and below: the budget decides
        addresses = self._permitted(self._lookups.addresses(host, port, self._budget), port)
        failure: Exception | None = None
        for position, address in enumerate(addresses):
            # A share each, so that a dead first address leaves time for the second.
            share_s = self._budget.remaining_s() / (len(addresses) - position)
            try:
                stream = self._system.connect_tcp(address, port, min(share_s, CONNECT_S), local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
                continue
            return BudgetedStream(stream, self._budget)
        self._budget.remaining_s()  # if that is what ended it, say so
        raise ConnectFailed("The host could not be connected to.") from failure

    def _permitted(self, addresses: list[str], port: int) -> list[str]:
        permitted = [a for a in addresses if is_permitted(ip_address(a), port=port, allowed_networks=self._allowed_networks)]
        if not permitted:
            raise AddressRefused("The host has no public address, or the port is not one for web pages.")
        return permitted[:MAX_ADDRESSES]


class BudgetedStream(httpcore.NetworkStream):
    """A connection whose every wait ends with the budget, so that a peer who trickles bytes gains no time."""

    def __init__(self, stream: httpcore.NetworkStream, budget: Budget) -> None:
        self._stream = stream
        self._budget = budget

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return the next bytes, none at the end."""
        del timeout
        while True:
            with contextlib.suppress(httpcore.ReadTimeout):
                return self._stream.read(max_bytes, self._budget.remaining_s(at_most_s=SLICE_S))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of the buffer."""
        del timeout
        self._stream.write(buffer, self._budget.remaining_s())

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Shake hands; the certificate is checked against the URL's host name."""
        del timeout
        try:
            timeout_s = self._budget.remaining_s(at_most_s=CONNECT_S)
            return BudgetedStream(self._stream.start_tls(ssl_context, server_hostname, timeout_s), self._budget)
        except httpcore.ConnectError as error:
            raise ConnectFailed(f"TLS failed: {_reason(error)}.") from error

    def get_extra_info(self, info: str) -> Any:
        """Return what the connection knows about itself."""
        return self._stream.get_extra_info(info)


def _reason(error: BaseException) -> str:
    """Say why the handshake failed, without the local file names that OpenSSL's text has."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message
        if isinstance(cause, ssl.SSLError) and cause.reason:
            return cause.reason
    return "the connection broke off"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
