"""The only place that builds a Redis client, and the seam that its errors stop at.

Bounds (RELIABILITY: an outage is never a hang): connect and read time-outs of ``timeout_s``, a pool that waits at most
50 ms, one retry of a read whose connection broke, none of a write (its reply may be what was lost), a circuit breaker.
"""

import hashlib
import queue
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self, TypeVar, cast

import hiredis
import redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import DataError, NoScriptError, OutOfMemoryError, ReadOnlyError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from shared.breaker import CircuitBreaker
from shared.errors import ConfigurationError, StoreUnavailable

T = TypeVar("T")

POOL_WAIT_S = 0.05
_POOL_EXHAUSTED = "No connection available."  # redis-py has no class of its own for it


class Pool(redis.BlockingConnectionPool):
    """redis-py's pool without its measurements for OpenTelemetry: with the client's a fifth of a small command."""

    def get_connection(self, command_name: object = None, *_keys: object, **_options: object) -> Any:
        """Return a connection that is ready for a command. Raises redis-py's ConnectionError when none is free in time."""
        del command_name  # an argument of former days
        self._checkpid()
        try:
            connection = self.pool.get(timeout=self.timeout)
        except queue.Empty:
            raise RedisConnectionError(_POOL_EXHAUSTED) from None
        try:
            connection = connection or self.make_connection()  # type: ignore[no-untyped-call]
            connection.connect()
            if _has_ended(connection):
                connection.disconnect()
                connection.connect()
        except BaseException:
            self.release(connection)
            raise
        return connection

    def release(self, connection: Any) -> None:
        """Give a connection back, or its place if it is not this process's."""
        self._checkpid()
        is_ours = connection is not None and self.owns_connection(connection)
        if connection is not None and not is_ours:
            connection.disconnect()
        with suppress(queue.Full):
            self.pool.put_nowait(connection if is_ours else None)


def _has_ended(connection: Any) -> bool:
    """Tell whether the server closed it, or left an answer in it that nobody read."""
    try:
        return bool(connection.can_read())
    except (RedisConnectionError, RedisTimeoutError, OSError):
        return True


class Client(redis.Redis):
    """redis-py's client without its measurements, and without retries: the store decides about those."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Run one command and return its reply, parsed as redis-py does."""
        pool = self.connection_pool
        connection = pool.get_connection()
        try:
            connection.send_command(*args)  # type: ignore[no-untyped-call]  # a connection that fails disconnects itself
            return self.parse_response(connection, args[0], **options)  # type: ignore[no-untyped-call]
        finally:
            pool.release(connection)


class Packer:
    """redis-py's for hiredis, without its search for buffers of bytes among the arguments."""

    def pack(self, *args: Any) -> list[bytes]:
        """Return a command as it is sent. Raises DataError for an argument that is neither text, bytes nor a number."""
        name, *rest = args
        try:
            return [hiredis.pack_command((*name.split(), *rest))]
        except TypeError as error:
            raise DataError(str(error)) from error


class Script:
    """A Lua script that the server keeps, run by its digest: redis-py's without its layers."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    @classmethod
    def read(cls, file: Path) -> Self:
        """Return the script in a file."""
        return cls(file.read_text())

    def run(self, client: Client, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """Run it and return its answer; a server that doesn't have it is given it first."""
        command = ("EVALSHA", self.digest, len(keys), *keys, *arguments)
        try:
            return client.execute_command(*command)
        except NoScriptError:
            client.script_load(self._text)
            return client.execute_command(*command)


def build_client(url: str, *, timeout_s: float, max_connections: int) -> Client:
    """Return a client that connects on first use. ``url``: redis://, rediss:// or unix://; values come back as str.

    Raises ConfigurationError for a URL that redis-py can't read; the message doesn't repeat it, it may hold a password.
    """
    try:
        pool = Pool.from_url(
            url,
            max_connections=max_connections,
            timeout=POOL_WAIT_S,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
            # A value that is not UTF-8 is not ours: it must fail its signature, not raise in the driver. Who sends it back into
            # a script encodes it the same way.
            encoding_errors="surrogateescape",
            protocol=2,
            # No CLIENT SETINFO on connect: the least privileged user may not, and its ACL log must stay empty.
            driver_info=None,
            command_packer=Packer(),
        )
    except ValueError as error:
        raise ConfigurationError("a Redis URL can't be read: accepted are redis://, rediss:// and unix:// URLs") from error
    return Client(connection_pool=pool)


class Store:
    """Run commands against one Redis, and turn every way it can be away into ``unavailable``.

    Thread-safe. Blocks at most for the client's time-outs; at once when the breaker is open.
    """

    def __init__(
        self,
        client: Client,
        *,
        unavailable: type[StoreUnavailable],
        breaker: CircuitBreaker | None = None,
    ) -> None:
        self.client = client
        self._unavailable = unavailable
        self._breaker = breaker or CircuitBreaker()

    @property
    def is_broken(self) -> bool:
        """Tell whether the last call found Redis away."""
        return self._breaker.is_open

    def read(self, command: Callable[[Client], T]) -> T:
        """Run a command that changes nothing; a broken connection is retried once."""
        return self._run(command, retries=1)

    def get(self, entry: str) -> str | None:
        """Return the text stored under ``entry``, None when there is none.

        What is not text (a list that strayed there) is "": it is there, and no signature of ours.
        """
        try:
            value = self.read(lambda client: client.get(entry))
        except ResponseError as error:
            if not str(error).startswith("WRONGTYPE"):
                raise
            return ""
        return None if value is None else str(value)

    def write(self, command: Callable[[Client], T]) -> T:
        """Run a command that changes something, at most once: after a lost reply nobody knows if it took effect."""
        return self._run(command, retries=0)

    def run(self, script: Script, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """Run a script that changes something, as :meth:`write`."""
        return self.write(lambda client: script.run(client, keys, arguments))

    def close(self) -> None:
        """Close every connection. The store may be used again afterwards."""
        self.client.close()
        self.client.connection_pool.disconnect()

    def _run(self, command: Callable[[Client], T], *, retries: int) -> T:
        if not self._breaker.allow():
            raise self._unavailable("Redis did not answer a moment ago; try again shortly.")
        try:
            answer = self._attempt(command, retries)
        except (RedisConnectionError, RedisTimeoutError) as error:
            # A pool with no free connection is our own load, not an outage: say unavailable, keep the breaker closed.
            if str(error) != _POOL_EXHAUSTED:
                self._breaker.fail()
            raise self._unavailable("Redis does not answer; try again shortly.") from error
        except ResponseError as error:
            self._breaker.succeed()  # an answer, if not the one hoped for
            if _refuses_writes(error):
                raise self._unavailable("Redis takes no writes just now; try again shortly.") from error
            raise
        self._breaker.succeed()
        return answer

    def _attempt(self, command: Callable[[Client], T], retries: int) -> T:
        for _ in range(retries):
            try:
                return command(self.client)
            except RedisTimeoutError:
                raise  # a second wait would double the bound that callers were promised
            except RedisConnectionError as error:
                if str(error) == _POOL_EXHAUSTED:
                    raise  # nor is a second wait for the pool any use
        return command(self.client)


def scan(store: Store, pattern: str) -> Iterator[str]:
    """Yield the names of entries that match a glob pattern, some maybe twice (SCAN's promise)."""
    cursor = 0
    while True:
        at = cursor
        cursor, names = store.read(lambda client: client.scan(at, match=pattern, count=500))  # noqa: B023  # run at once
        yield from cast(list[str], names)
        if cursor == 0:
            return


def _refuses_writes(error: ResponseError) -> bool:
    """Full, read-only, or unable to persist: the server is there but holds nothing new."""
    return isinstance(error, OutOfMemoryError | ReadOnlyError) or str(error).startswith(("MISCONF", "NOREPLICAS"))
