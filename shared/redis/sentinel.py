"""Where the primary is, asked of Sentinels: for servers that take over from each other.

    redis+sentinel://user:password@s1:26379,s2:26379,s3:26379/0?service=gatehouse

User and password are those of the Redis servers; ``sentinel_password`` is the Sentinels' own.
The rest of such a URL: .finder.

More than half of the Sentinels listed must name the same primary: one that was cut off with the old
one goes on naming that. What they name is asked for its role besides, as every server is.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

import redis
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.exceptions import AuthenticationError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from shared.redis.finder import Address, Finder, connect_by, round_trips, split_hosts

SUFFIX = "+sentinel"
OPTIONS = ("service", "sentinel_password", "replicas")
_PORT = 26379
_SHOWN = 5  # names of primaries
_SPELLING = "redis+sentinel://user:password@s1:26379,s2:26379/0?service=NAME"


class UnknownServiceError(RedisError):
    """A Sentinel that watches no primary of the name that the URL has; the message ends a sentence
    that begins with the server, and tells which names it knows."""

    def __init__(self, service: str, known: Sequence[str]) -> None:
        more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
        names = f": they know {', '.join(known[:_SHOWN])}{more}" if known else ""
        super().__init__(
            f"its Sentinels know no primary of the name {service} (service= of its URL){names}"
        )


class PrimaryFinder(Finder):
    """Asks Sentinels for the primary's address. Thread-safe."""

    nowhere: ClassVar[str] = "No majority of the Sentinels names a primary."

    def __init__(
        self, sentinels: list[Address], service: str, *, timeout_s: float, **options: Any
    ) -> None:
        super().__init__(
            timeout_s=timeout_s,
            round_trips=round_trips(
                is_tls=bool(options.get("ssl")), has_password=bool(options.get("password"))
            ),
        )
        self._sentinels = sentinels
        self._service = service
        self._options = {
            "socket_timeout": timeout_s,
            "socket_connect_timeout": timeout_s,
            "retry": Retry(NoBackoff(), 0),
            "decode_responses": True,
            "protocol": 2,
            "driver_info": None,  # no CLIENT SETINFO: two replies more to wait for
            **options,
        }

    def _ask(self) -> Address | None:
        self._refusals.clear()
        votes: Counter[Address] = Counter()
        voters: set[Address] = set()
        try:
            for sentinel, named in self._questions.ask_each(
                self._ask_one,
                self._sentinels,
                timeout_s=self._timeout_s,
                longest_s=self._longest_s,
            ):
                if isinstance(named, RedisError):
                    self._refusals.append(named)
                    continue
                voters.add(sentinel)
                votes[named] += 1
                if votes[named] > len(self._sentinels) // 2:
                    return named
            self._forgive_few_that_do_not_know()
            return None
        finally:  # the others come last from now on
            self._sentinels.sort(key=lambda each: each not in voters)

    def _forgive_few_that_do_not_know(self) -> None:
        """Leave it to more than half of the Sentinels to say that the name is wrong: a new one may
        not have been told of it yet."""
        unknown = [each for each in self._refusals if isinstance(each, UnknownServiceError)]
        if len(unknown) <= len(self._sentinels) // 2:
            self._refusals = [each for each in self._refusals if each not in unknown]

    def _ask_one(self, sentinel: Address) -> Address:
        client: Any = redis.Redis(host=sentinel[0], port=sentinel[1], **self._options)
        try:
            named: Any = client.execute_command(
                "SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._service
            )
            if named is None:
                raise UnknownServiceError(self._service, _watched_by(client))
            return str(named[0]), int(named[1])
        except OSError as error:
            raise RedisConnectionError("A Sentinel can't be reached.") from error
        finally:
            client.close()

    def _advice(self, error: RedisError) -> str:
        if isinstance(error, UnknownServiceError):
            return str(error)
        if isinstance(error, AuthenticationError):
            return (
                "what answers is no Sentinel (redis://?), or refuses sentinel_password or wants one"
            )
        is_other = isinstance(error, ResponseError) and "unknown command" in str(error).lower()
        return "what answers is no Sentinel (redis://?)" if is_other else ""


def _watched_by(client: Any) -> list[str]:
    """Return the names of the primaries that a Sentinel watches; none if it doesn't say."""
    try:
        fields = client.execute_command("SENTINEL", "MASTERS")
    except ResponseError:  # it may be asked for an address only
        return []
    return sorted(str(dict(zip(each[::2], each[1::2], strict=False))["name"]) for each in fields)


def is_sentinel_url(url: str) -> bool:
    """Tell whether a URL names Sentinels."""
    return url.partition("://")[0].endswith(SUFFIX)


def split_sentinel_url(url: str) -> tuple[str, list[Address], dict[str, str]]:
    """Return the URL of one server without what is about Sentinels, their addresses, and what is
    about them. Raises ValueError, which repeats nothing of it."""
    return split_hosts(url, SUFFIX, default_port=_PORT, options=OPTIONS, spelling=_SPELLING)


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
    return options | connect_by(
        finder, is_tls=is_tls, replicas=about["replicas"], timeout_s=timeout_s
    )
