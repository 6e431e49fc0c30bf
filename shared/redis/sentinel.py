"""Where the primary is, asked of Sentinels: for servers that take over from each other.

    redis+sentinel://user:password@s1:26379,s2:26379,s3:26379/0?service=gatehouse

User and password are those of the Redis servers; ``sentinel_password`` is the Sentinels' own.
``rediss+sentinel`` speaks TLS with all of them. ``replicas`` (1): how many must have a write before
it counts as done (.replication).

More than half of the Sentinels listed must name the same primary: one that was cut off with the old
one goes on naming that. What they name is asked for its role besides, as every server is.
"""

import threading
import time
from collections import Counter
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.retry import Retry

from shared.redis.replication import Acknowledgement

SUFFIX = "+sentinel"
OPTIONS = ("service", "sentinel_password", "replicas")
_TRUSTED_S = 0.5  # many connections are made at once when a primary has gone
_PORT = 26379
Address = tuple[str, int]


class PrimaryFinder:
    """Asks Sentinels for the primary's address. Thread-safe."""

    def __init__(
        self, sentinels: list[Address], service: str, *, timeout_s: float, **options: Any
    ) -> None:
        self._sentinels = sentinels
        self._service = service
        self._options = {
            "socket_timeout": timeout_s,
            "socket_connect_timeout": timeout_s,
            "retry": Retry(NoBackoff(), 0),
            "decode_responses": True,
            "protocol": 2,
            **options,
        }
        self._lock = threading.Lock()
        self._found: Address | None = None
        self._asked_at = float("-inf")

    def find(self) -> Address:
        """Return the address. Blocks for the time-outs. Raises redis-py's ConnectionError when no
        majority names one: those who waited for an answer hear that, too, and ask nobody."""
        with self._lock:
            if time.monotonic() > self._asked_at + _TRUSTED_S:
                self._found = self._ask()
                self._asked_at = time.monotonic()
            if self._found is None:
                raise RedisConnectionError("No majority of the Sentinels names a primary.")
            return self._found

    def forget(self) -> None:
        """Ask again next time: what they named is no primary."""
        self._asked_at = float("-inf")

    def _ask(self) -> Address | None:
        votes: Counter[Address] = Counter()
        for sentinel in list(self._sentinels):
            named = self._ask_one(sentinel)
            if named is None:  # it comes last from now on
                self._sentinels.remove(sentinel)
                self._sentinels.append(sentinel)
                continue
            votes[named] += 1
            if votes[named] > len(self._sentinels) // 2:
                return named
        return None

    def _ask_one(self, sentinel: Address) -> Address | None:
        client: Any = redis.Redis(host=sentinel[0], port=sentinel[1], **self._options)
        try:
            named: Any = client.execute_command(
                "SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._service
            )
            return (str(named[0]), int(named[1])) if named else None
        except (RedisError, OSError):
            return None
        finally:
            client.close()


class _FoundConnection:
    """A connection to whatever server is the primary when it is made."""

    def __init__(self, *, finder: PrimaryFinder, **options: Any) -> None:
        self._finder = finder
        super().__init__(**options)

    def _connect(self) -> Any:
        self.host, self.port = self._finder.find()
        try:
            return super()._connect()  # type: ignore[misc]  # of the class beside this one
        except OSError:
            self._finder.forget()
            raise


class FoundConnection(_FoundConnection, redis.Connection):
    """Over TCP."""


class FoundTlsConnection(_FoundConnection, redis.SSLConnection):
    """Over TLS."""


def is_sentinel_url(url: str) -> bool:
    """Tell whether a URL names Sentinels."""
    return url.partition("://")[0].endswith(SUFFIX)


def split_sentinel_url(url: str) -> tuple[str, list[Address], dict[str, str]]:
    """Return the URL of one server without what is about Sentinels, their addresses, and what is
    about them. Raises ValueError, which repeats nothing of it."""
    scheme, _, rest = url.partition("://")
    before, _, query = rest.partition("?")  # urlsplit refuses [::1] beside others
    netloc, slash, path = before.partition("/")
    who, at, hosts = netloc.rpartition("@")
    try:
        sentinels = [_address(host) for host in hosts.split(",")]
        options = dict(parse_qsl(query, strict_parsing=bool(query)))
        about = {name: options.pop(name) for name in OPTIONS if name in options}
        if not about.setdefault("replicas", "1").isascii() or not about["replicas"].isdigit():
            raise ValueError
    except ValueError:
        raise ValueError(
            "it must be as redis+sentinel://user:password@s1:26379,s2:26379/0?service=NAME"
        ) from None
    left = f"?{urlencode(options)}" if options else ""
    server = f"{scheme.removesuffix(SUFFIX)}://{who}{at}{hosts.split(',')[0]}{slash}{path}{left}"
    return server, sentinels, about


def read_sentinel_url(url: str, *, timeout_s: float) -> dict[str, Any]:
    """Return the options of a pool whose connections find the primary. Raises ValueError."""
    server, sentinels, about = split_sentinel_url(url)
    options: dict[str, Any] = parse_url(server)  # type: ignore[no-untyped-call]
    is_tls = options.pop("connection_class", None) is not None
    finder = PrimaryFinder(
        sentinels,
        about.get("service", "mymaster"),
        timeout_s=timeout_s,
        password=about.get("sentinel_password"),
        ssl=is_tls,
        **{name: value for name, value in options.items() if name.startswith("ssl_")},
    )
    options["connection_class"] = FoundTlsConnection if is_tls else FoundConnection
    options["finder"] = finder
    if replicas := int(about["replicas"]):
        options["acknowledged"] = Acknowledgement(replicas, timeout_s=timeout_s / 2)
    return options


def _address(host: str) -> Address:
    parts = urlsplit(f"//{host}")
    if not parts.hostname or parts.port == 0:
        raise ValueError
    return parts.hostname, parts.port or _PORT
