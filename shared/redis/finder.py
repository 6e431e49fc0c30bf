"""Connections that look for their server as they are made: one of several that take over from each
other. Who is asked, and what, is a finder's own: .sentinel, .cluster.

The servers stand in the URL, as ``redis+KIND://user:password@h1:1,h2:2,h3:3/0?...``;
``rediss+KIND`` speaks TLS with all of them. ``replicas`` (1): how many must have a write before it
counts as done (.replication).
"""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit

import redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import MovedError, RedisError

from shared.redis.asking import Names, Questions
from shared.redis.replication import Acknowledgement
from shared.redis.role import MisconfiguredError

_TRUSTED_S = 0.5  # many connections are made at once when a primary has gone
_LONGEST_S = 1.0  # a 503 that comes later is none that somebody waited for
_NAMES = Names()
Address = tuple[str, int]
ESCAPES = "in a password write / as %2F, # as %23, ? as %3F"


class Finder(ABC):
    """Knows for a moment where the primary is. Thread-safe."""

    nowhere: ClassVar[str]

    def __init__(self, *, timeout_s: float, round_trips: int) -> None:
        """``timeout_s``: for each of the ``round_trips`` that an answer may take."""
        self._timeout_s = timeout_s
        self._longest_s = max(timeout_s, min(round_trips * timeout_s, _LONGEST_S))
        self._questions: Questions[Address] = Questions()
        self._lock = threading.Lock()
        self._found: Address | None = None
        self._asked_at = float("-inf")
        self._forgotten = 0
        self._refusals: list[RedisError] = []  # of who was asked last

    def find(self) -> Address:
        """Return the address. Blocks for as long as asking may take, a second at most, and as long
        again for the answer to somebody else. Raises redis-py's ConnectionError when nobody tells:
        those who waited for an answer hear that, too, and ask nobody."""
        if not self._lock.acquire(timeout=self._longest_s):
            raise self._failure()
        try:
            if time.monotonic() > self._asked_at + _TRUSTED_S:
                forgotten = self._forgotten
                self._found = self._ask()
                # What somebody forgot meanwhile may be this.
                self._asked_at = time.monotonic() if forgotten == self._forgotten else float("-inf")
            if self._found is None:
                raise self._failure()
            return self._found
        finally:
            self._lock.release()

    def forget(self) -> None:
        """Ask again next time: what was found is no primary."""
        self._forgotten += 1
        self._asked_at = float("-inf")

    @abstractmethod
    def _ask(self) -> Address | None:
        """Ask for the address; None when nobody tells it. Blocks for ``_longest_s`` at most,
        however many are asked."""

    def _failure(self) -> RedisConnectionError:
        advice = next(filter(None, map(self._advice, self._refusals)), "")
        failure = MisconfiguredError(advice) if advice else RedisConnectionError(self.nowhere)
        failure.__cause__ = next(iter(self._refusals), None)
        return failure

    @abstractmethod
    def _advice(self, error: RedisError) -> str:
        """Return what somebody must change after a refusal; empty if that is not it."""


class ResolvedConnection(redis.Connection):
    """redis-py's over TCP, whose server's name is resolved in time or not at all."""

    def _connect(self) -> Any:
        """Connect to the first address of the name that answers."""
        name, failure = self.host, OSError("the name has no address")
        place = (name, int(self.port), int(self.socket_type))
        try:
            for address in _NAMES.addresses_of(place, timeout_s=self.socket_connect_timeout):
                self.host = address
                try:
                    return super()._connect()  # type: ignore[no-untyped-call]
                except OSError as error:
                    failure = error
        finally:
            self.host = name  # a certificate is of the name
        raise failure


class ResolvedTlsConnection(redis.SSLConnection, ResolvedConnection):
    """redis-py's over TLS: it wraps what the other one connects."""


class _FoundConnection:
    """A connection to whatever server is the primary when it is made."""

    generation: int

    def __init__(self, *, finder: Finder, **options: Any) -> None:
        self._finder = finder
        super().__init__(**options)

    def _connect(self) -> Any:
        self.host, self.port = self._finder.find()
        try:
            return super()._connect()  # type: ignore[misc]  # of the class beside this one
        except OSError:
            self._finder.forget()
            raise

    def read_response(self, *args: Any, **options: Any) -> Any:
        """Read a reply. One that says that another server has the entries: look for that one
        before this connection is used again."""
        try:
            return super().read_response(*args, **options)  # type: ignore[misc]  # as above
        except MovedError:
            self._finder.forget()
            self.generation = -1  # no pool's (.pool)
            raise


class FoundConnection(_FoundConnection, ResolvedConnection):
    """Over TCP."""


class FoundTlsConnection(_FoundConnection, ResolvedTlsConnection):
    """Over TLS."""


def round_trips(*, is_tls: bool, has_password: bool) -> int:
    """Return how many replies a question over a new connection takes: to connect, TLS's two, to the
    password, to the question."""
    return 2 + 2 * is_tls + has_password


def split_hosts(
    url: str, suffix: str, *, default_port: int, options: Sequence[str], spelling: str
) -> tuple[str, list[Address], dict[str, str]]:
    """Return the URL of one server without what is about finding it, the addresses of those who
    are asked, and what is about finding: of the ``options``. Raises ValueError, which says the
    ``spelling`` and repeats nothing of the URL."""
    try:
        return _split(url, suffix, default_port=default_port, options=options)
    except ValueError:
        raise ValueError(f"it must be as {spelling}; {ESCAPES}") from None


def _split(
    url: str, suffix: str, *, default_port: int, options: Sequence[str]
) -> tuple[str, list[Address], dict[str, str]]:
    scheme, _, rest = url.partition("://")
    scheme = scheme.removesuffix(suffix)
    if scheme not in ("redis", "rediss"):
        raise ValueError("no scheme of Redis")
    before, _, query = rest.partition("?")  # urlsplit refuses [::1] beside others
    netloc, slash, path = before.partition("/")
    who, at, hosts = netloc.rpartition("@")
    addresses = [_address(host, default_port) for host in hosts.split(",")]
    left = dict(parse_qsl(query, strict_parsing=bool(query)))
    about = {name: left.pop(name) for name in options if name in left}
    if not about.setdefault("replicas", "1").isascii() or not about["replicas"].isdigit():
        raise ValueError("replicas is a number")
    query = f"?{urlencode(left)}" if left else ""
    server = f"{scheme}://{who}{at}{hosts.split(',')[0]}{slash}{path}{query}"
    return server, addresses, about


def hosts_of(url: str) -> str:
    """Return the part of a URL that names servers, which is no secret: one or several."""
    return url.partition("://")[2].partition("?")[0].partition("/")[0].rpartition("@")[2]


def server_of(url: str) -> str:
    """Return where a URL leads, without its secrets: the address, several, or a socket's path."""
    if url.startswith("unix:"):
        return urlsplit(url).path
    hosts = hosts_of(url)
    parts = urlsplit(f"//{hosts}")
    return hosts if "," in hosts else f"{parts.hostname}:{parts.port or 6379}"


def connect_by(finder: Finder, *, is_tls: bool, replicas: str, timeout_s: float) -> dict[str, Any]:
    """Return the options of a pool whose connections go where the finder says."""
    options: dict[str, Any] = {
        "connection_class": FoundTlsConnection if is_tls else FoundConnection,
        "finder": finder,
    }
    if count := int(replicas):
        options["acknowledged"] = Acknowledgement(count, timeout_s=timeout_s / 2)
    return options


def _address(host: str, default_port: int) -> Address:
    parts = urlsplit(f"//{host}")
    if not parts.hostname or parts.port == 0:
        raise ValueError
    return parts.hostname, parts.port or default_port
