"""The network under a guarded fetch: it resolves names itself, connects to checked addresses only,
and keeps the time.

httpcore asks its network backend to connect to a host name. This one resolves the name, drops every
address that is not permitted and connects to one of the rest *by address*: what was checked is what
is connected to, however often the name's answer changes (DNS rebinding).
TLS and the Host header keep the name.
"""

import contextlib
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from ipaddress import ip_address
from socket import AF_INET, AF_INET6, SOCK_DGRAM, SOCK_STREAM, getaddrinfo, socket
from typing import Any

import httpcore

from flask_api.tasks.web.errors import AddressRefused, ConnectFailed, NameNotFound
from flask_api.tasks.web.fetching.addresses import Address, Network, is_permitted, is_public
from flask_api.tasks.web.fetching.budget import SLICE_S, Budget
from flask_api.tasks.web.fetching.politeness import HostSlots

# Waiting for a connection can't be sliced: a closed client is noticed at the latest after this.
CONNECT_S = 5.0
MAX_ADDRESSES = 4
MAX_LOOKUPS = 100

# The same words for a name that nobody knows and for one of an inner network,
# or each guess would be answered.
_NO_PUBLIC_ADDRESS = "The host's name has no public address."

Resolver = Callable[[str, int], Iterable[str]]


def resolve_by_system(host: str, port: int) -> list[str]:
    """Return the host's addresses as the operating system finds them. Blocks as long as that takes.
    Raises OSError."""
    return [str(info[4][0]) for info in getaddrinfo(host, port, type=SOCK_STREAM)]


def is_own_address(address: Address) -> bool:
    """Tell whether an interface of this machine has the address, public ones included.
    Sends nothing.

    Towards an address of its own a machine chooses that very address as the sender's. What an
    address translator before this machine has is not known here.
    """
    family = AF_INET6 if address.version == 6 else AF_INET
    try:
        with socket(family, SOCK_DGRAM) as probe:
            probe.connect((str(address), 9))
            return ip_address(str(probe.getsockname()[0])) == address
    except OSError:  # no way leads there; a system without IPv6 refuses the very socket
        return False


class NameLookups:
    """Resolve names without waiting longer than a budget. Thread-safe.

    The system's resolver can't be interrupted, so it runs in a daemon thread that is left alone
    when the time is over; at most ``MAX_LOOKUPS`` run at once, abandoned ones included.
    """

    def __init__(self, resolver: Resolver = resolve_by_system) -> None:
        self._resolver = resolver
        self._slots = threading.BoundedSemaphore(MAX_LOOKUPS)

    def addresses(self, host: str, port: int, budget: Budget) -> list[str]:
        """Return the host's addresses, each once. Raises NameNotFound, TimedOut or FetchAborted."""
        while not self._slots.acquire(timeout=budget.remaining_s(at_most_s=SLICE_S)):
            continue
        answer: Future[list[str]] = Future()
        threading.Thread(
            target=self._look_up, args=(host, port, answer), name="web-name-lookup", daemon=True
        ).start()
        while not wait([answer], timeout=budget.remaining_s(at_most_s=SLICE_S)).done:
            continue
        try:
            return answer.result()
        # UnicodeError: a label that the idna codec refuses
        except (OSError, UnicodeError) as error:
            raise NameNotFound(_NO_PUBLIC_ADDRESS) from error

    def _look_up(self, host: str, port: int, answer: Future[list[str]]) -> None:
        try:
            answer.set_result(list(dict.fromkeys(self._resolver(host, port))))
        except Exception as error:  # carried to the thread that asked
            answer.set_exception(error)
        finally:
            self._slots.release()


class GuardedBackend(httpcore.NetworkBackend):
    """Connects for one request: to permitted addresses only, within the fetch's budget,
    when it is its turn at the host."""

    def __init__(
        self,
        *,
        allowed_networks: Iterable[Network],
        lookups: NameLookups,
        hosts: HostSlots,
        budget: Budget,
    ) -> None:
        self._allowed_networks = tuple(allowed_networks)
        self._lookups = lookups
        self._hosts = hosts
        self._budget = budget
        self._system = httpcore.SyncBackend()
        self._turn = contextlib.ExitStack()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first permitted address that answers.
        Raises AddressRefused if none is permitted."""
        del timeout  # here and below: the budget decides
        addresses = self._permitted(host, self._lookups.addresses(host, port, self._budget), port)
        failure: Exception | None = None
        for position, address in enumerate(addresses):
            self._turn.enter_context(self._hosts.slot(address, self._budget))
            # A share each, so that a dead first address leaves time for the second.
            share_s = self._budget.remaining_s() / (len(addresses) - position)
            try:
                stream = self._system.connect_tcp(
                    address, port, min(share_s, CONNECT_S), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
                self.end_turn()
                continue
            return BudgetedStream(stream, self._budget)
        self._budget.remaining_s()  # if that is what ended it, say so
        raise ConnectFailed("The host could not be connected to.") from failure

    def end_turn(self) -> None:
        """Let the next fetch connect to the host; called when this one's connection is closed.
        Idempotent."""
        self._turn.close()

    def _permitted(self, host: str, addresses: list[str], port: int) -> list[str]:
        found = [ip_address(address) for address in addresses]
        allowed = self._allowed_networks
        permitted = [
            a
            for a in found
            if is_permitted(a, port=port, allowed_networks=allowed, is_own=is_own_address)
        ]
        if permitted:
            return [str(address) for address in permitted[:MAX_ADDRESSES]]
        if _is_name(host) and not any(
            is_public(address) and not is_own_address(address) for address in found
        ):
            raise NameNotFound(_NO_PUBLIC_ADDRESS)
        raise AddressRefused("The address is not public, or the port is not one for web pages.")


def _is_name(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return True
    return False


class BudgetedStream(httpcore.NetworkStream):
    """A connection whose every wait ends with the budget,
    so that a peer who trickles bytes gains no time."""

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
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """Shake hands; the certificate is checked against the URL's host name."""
        del timeout
        try:
            timeout_s = self._budget.remaining_s(at_most_s=CONNECT_S)
            return BudgetedStream(
                self._stream.start_tls(ssl_context, server_hostname, timeout_s), self._budget
            )
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
