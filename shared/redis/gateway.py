"""The seam: run commands, and turn every way that Redis can be away into 'unavailable'.

One retry of a read whose connection broke or led to a replica, none of a write (its reply may be
what was lost), and a circuit breaker.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NoReturn, TypeVar, cast

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import DataError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from shared.errors import StoreUnavailable
from shared.redis.beside import is_beside_redis
from shared.redis.breaker import CircuitBreaker
from shared.redis.client import RedisClient, Script
from shared.redis.pool import POOL_EXHAUSTED
from shared.redis.replication import NotReplicatedError
from shared.redis.replies import Meaning, advice_if_it_lasts, code_of, meaning_of
from shared.redis.role import NotPrimaryError
from shared.redis.trial import obstacle_of, problem_of

log = logging.getLogger("gatehouse.redis")

T = TypeVar("T")
_SAY_AGAIN_S = 10.0
_MOST_CODES = 100
_SILENCE = ""
_REASONS = {
    Meaning.DEMOTED: "Redis has changed its primary; try again shortly.",
    Meaning.CONFIGURATION: "Redis refuses this service; its operator must look at the log.",
}
_ALL_IN_USE = (
    "can't be used now, every connection of this process is in use: see GATEHOUSE_REDIS_CONNECTIONS"
)
_TOO_SLOW = "was too slow with a large answer: see GATEHOUSE_REDIS_TIMEOUT_MS"
_NO_WRITES = frozenset({"OOM", "MISCONF", "NOREPLICAS"})


class RedisGateway:
    """Run commands against one Redis, and turn every way it can be away into ``unavailable``,
    no memory into ``full``.

    Thread-safe. Blocks at most for the client's time-outs; at once when the breaker is open. What
    comes out as redis-py's own error is a mistake of ours:
    a wrong command, an argument it can't send.
    """

    def __init__(
        self,
        client: RedisClient,
        *,
        unavailable: type[StoreUnavailable],
        full: type[StoreUnavailable] | None = None,
        breaker: CircuitBreaker | None = None,
        place: Mapping[str, str] | None = None,
    ) -> None:
        self.client = client
        self._unavailable = unavailable
        self._full = full
        self._breaker = breaker or CircuitBreaker()
        self._said: dict[str, float] = {}
        self.place = dict(place or {})  # which server, by which setting: for the log
        self._is_told_away = False

    @property
    def is_broken(self) -> bool:
        """Tell whether the last call found Redis away."""
        return self._breaker.is_open

    def read(self, command: Callable[[RedisClient], T], *, is_large: bool = False) -> T:
        """Run a command that changes nothing; a broken connection, and one that leads to a replica,
        is retried once. ``is_large``: of an answer that takes long, a time-out says nothing about
        Redis, and others may go on asking."""
        return self._run(command, retries=1, is_large=is_large)

    def get(self, entry: str) -> str | None:
        """Return the text stored under ``entry``, None when there is none.

        What is not text (a list that strayed there) is "": it is there, and no signature of ours.
        """
        try:
            value = self.read(lambda client: client.ask("GET", entry))
        except ResponseError as error:
            if code_of(error) != "WRONGTYPE":
                raise
            return ""
        return None if value is None else str(value)

    def get_all(self, entries: Sequence[str]) -> list[str | None]:
        """Return the texts stored under ``entries``, in one instant; None for what is not there,
        or is no text."""
        return cast("list[str | None]", self.read(lambda client: client.ask("MGET", *entries)))

    def write(self, command: Callable[[RedisClient], T]) -> T:
        """Run a command that changes something, at most once:
        after a lost reply nobody knows if it took effect."""
        return self._run(command, retries=0)

    def run(self, script: Script, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """Run a script that changes something, as :meth:`write`."""
        return self.write(partial(script.run, keys=keys, arguments=arguments))

    def is_beside_redis(self) -> bool:
        """Tell whether Redis is known to be a process of this machine, behind a Unix socket."""
        return self.read(is_beside_redis)

    def require_writes(self, entry: str) -> None:
        """Raise ``unavailable`` when nothing can be stored under ``entry``'s name just now, or
        would be on too few replicas; stores nothing itself."""
        # An empty text at the begin of an absent one changes nothing,
        # and is refused whenever a longer one would be.
        self.write(lambda client: client.setrange(entry, 0, ""))

    def require_replicas(self, entry: str) -> None:
        """Raise ``unavailable`` when what others write would be on too few replicas just now, or
        this is no primary: for a user who may only read ``entry``."""
        self.write(lambda client: client.tell("GET", entry))

    def close(self) -> None:
        """Close every connection. The store may be used again afterwards."""
        self.client.close()
        self.client.connection_pool.disconnect()

    def _run(
        self, command: Callable[[RedisClient], T], *, retries: int, is_large: bool = False
    ) -> T:
        if self._breaker.is_open and not self._breaker.allow():
            raise self._unavailable("Redis did not answer a moment ago; try again shortly.")
        while True:
            try:
                answer = command(self.client)
            except DataError:
                raise
            except RedisError as error:
                if not self._may_retry(error, retries):
                    self._raise(error, is_large=is_large)
                retries -= 1
            else:
                if self._breaker.is_open:
                    self._breaker.succeed()
                    self._tell_recovery()
                return answer

    def _may_retry(self, error: RedisError, retries: int) -> bool:
        """Leave a server that is no primary any more, and tell whether to ask once more."""
        is_demoted = isinstance(error, NotPrimaryError) or (
            isinstance(error, ResponseError) and _is_demotion(error)
        )
        if is_demoted:
            self.client.connection_pool.leave()
        is_broken = isinstance(error, RedisConnectionError) and not isinstance(
            error, RedisTimeoutError
        )
        # Nor is a second wait for the pool any use,
        # and after a time-out it would double the bound that callers were promised.
        return retries > 0 and (is_demoted or (is_broken and str(error) != POOL_EXHAUSTED))

    def _raise(self, error: RedisError, *, is_large: bool) -> NoReturn:
        """Raise what a caller is told: ``unavailable``,
        or the error itself when the mistake is ours."""
        if not isinstance(error, ResponseError):
            # A pool with no free connection is our own load, not an outage:
            # say unavailable, keep the breaker closed.
            is_load = is_large and isinstance(error, RedisTimeoutError)
            if str(error) != POOL_EXHAUSTED and not is_load:
                self._breaker.fail()
            self._tell_operator(error, is_load=is_load)
            raise self._unavailable("Redis does not answer; try again shortly.") from error
        self._breaker.succeed()  # an answer, if not the one hoped for
        meaning = meaning_of(error)
        if meaning is Meaning.MISTAKE:
            self._tell_recovery()
            raise error
        self._is_told_away = False  # it speaks: what it refuses is told instead
        self._tell_operator(error)
        if code_of(error) == "OOM" and self._full is not None:
            raise self._full(
                "Redis has no memory left; delete what is not needed, or try again later."
            ) from error
        raise self._unavailable(_REASONS.get(meaning) or _reason_to_wait(error)) from error

    def _tell_operator(self, error: RedisError, *, is_load: bool = False) -> None:
        """Log what is wrong: each refusal not more often than every ten seconds, silence
        once until it is over. All of it is in the text: a site that adopts the gate may print
        nothing else."""
        now = time.monotonic()
        code, problem = code_of(error), problem_of(error)
        is_exhausted = str(error) == POOL_EXHAUSTED
        # What somebody must change is told in the middle of an outage, too.
        kind = (
            code or problem or (_TOO_SLOW if is_load else _ALL_IN_USE if is_exhausted else _SILENCE)
        )
        is_told = kind == _SILENCE and self._is_told_away
        if is_told or now < self._said.get(kind, float("-inf")) + _SAY_AGAIN_S:
            return
        if len(self._said) > _MOST_CODES:  # it is the server that chooses them
            self._said.clear()
        self._said[kind] = now
        settings = self.place.get("settings", self._unavailable.settings)
        found = {"code": code} if code else {}
        if problem:
            text = f"can't be used as it is configured, {problem}: see {settings}"
            log.error("Redis%s %s", self._where(), text, extra=found)
            return
        if lasting := advice_if_it_lasts(error):
            text = f"refuses, {lasting}: see {settings}"
        elif kind in (_TOO_SLOW, _ALL_IN_USE):
            text = kind
        elif code:
            text = "refuses"
        else:
            self._is_told_away = self._breaker.is_open
            text = f"can't be used now, {obstacle_of(error)}: see {settings}"
        log.warning("Redis%s %s", self._where(), text, extra=found)

    def _tell_recovery(self) -> None:
        if self._is_told_away:
            self._is_told_away = False
            log.info("Redis%s can be used again", self._where())

    def _where(self) -> str:
        return f" at {self.place['server']}" if "server" in self.place else ""


def scan(store: RedisGateway, pattern: str) -> Iterator[str]:
    """Yield the names of entries that match a glob pattern, some maybe twice (SCAN's promise)."""
    cursor = 0
    while True:
        at = cursor
        cursor, names = store.read(lambda client: client.scan(at, match=pattern, count=500))  # noqa: B023  # run at once
        yield from cast(list[str], names)
        if cursor == 0:
            return


def _reason_to_wait(error: ResponseError) -> str:
    if isinstance(error, NotReplicatedError):
        return "No replica of Redis has what is written; try again shortly."
    if code_of(error) in _NO_WRITES:
        return "Redis takes no writes just now; try again shortly."
    return "Redis could not do it just now; try again shortly."


def _is_demotion(error: ResponseError) -> bool:
    return meaning_of(error) is Meaning.DEMOTED
