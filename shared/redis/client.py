"""Connections to Redis: bounded in time, and to a primary only.

Bounds (RELIABILITY: an outage is never a hang): connect and read time-outs of ``timeout_s``, a pool
that waits at most 50 ms, and no retry here: the store decides about those.

A replica's answer is never believed: it may still have a session that was ended on the primary. A
new connection asks for the server's role (``HELLO``, which no ACL can forbid). A server that is
made a replica later keeps its connections and goes on answering reads, so every single command is
sent with ``WAIT 0 0`` behind it, in the same packet: a primary answers that at once, a replica
refuses it. It costs less than a microsecond. What runs in a pipeline is covered by the commands
around it. What this can't see: a primary that was cut off from the others and doesn't know yet that
they chose another one.
"""

import hashlib
import queue
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import hiredis
import redis
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import (
    DataError,
    NoPermissionError,
    NoScriptError,
    ReadOnlyError,
    ResponseError,
)
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from shared.errors import ConfigurationError
from shared.redis.replies import Meaning, advice_for, meaning_of

POOL_WAIT_S = 0.05
POOL_EXHAUSTED = "No connection available."  # redis-py has no class of its own for it
_ROLE_BY_WAIT = b"*3\r\n$4\r\nWAIT\r\n$1\r\n0\r\n$1\r\n0\r\n"
_ROLE_BY_HELLO = b"*1\r\n$5\r\nHELLO\r\n"


class NotPrimaryError(RedisConnectionError):
    """The server is a replica: it may know less than the primary, and takes no writes."""


class MisconfiguredError(RedisConnectionError):
    """No connection until somebody changes a setting;
    the message ends a sentence that begins with the server."""


class Pool(redis.BlockingConnectionPool):
    """redis-py's pool without its measurements for OpenTelemetry:
    with the client's a fifth of a small command.

    ``drop`` makes every connection, those in use too, be closed before it is used again.
    """

    def __init__(self, *, of_primary: bool, **options: Any) -> None:
        self.of_primary = of_primary
        self.role_question = _ROLE_BY_WAIT
        self._generation = 0
        super().__init__(redis_connect_func=self._greet, **options)  # type: ignore[no-untyped-call]

    def drop(self) -> None:
        """Trust no connection that was made until now:
        the server at its other end is not what it was."""
        self._generation += 1

    def get_connection(
        self, command_name: object = None, *_keys: object, **_options: object
    ) -> Any:
        """Return a connection that is ready for a command.
        Raises redis-py's ConnectionError when none is free in time."""
        del command_name  # an argument of former days
        self._checkpid()
        try:
            connection = self.pool.get(timeout=self.timeout)
        except queue.Empty:
            raise RedisConnectionError(POOL_EXHAUSTED) from None
        try:
            connection = connection or self.make_connection()  # type: ignore[no-untyped-call]
            if getattr(connection, "generation", self._generation) != self._generation:
                connection.disconnect()
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

    def _greet(self, connection: Any) -> None:
        """Log in on a new connection and find out what it leads to.
        Raises NotPrimaryError, MisconfiguredError."""
        connection.generation = self._generation
        try:
            connection.on_connect()
            if self.of_primary:
                connection.send_packed_command([_ROLE_BY_HELLO], check_health=False)
                _require_primary(connection.read_response())
        except ResponseError as error:
            raise MisconfiguredError(
                advice_for(error) or "it refuses connections as they are made here"
            ) from error


def _has_ended(connection: Any) -> bool:
    """Tell whether the server closed it, or left an answer in it that nobody read."""
    try:
        return bool(connection.can_read())
    except (RedisConnectionError, RedisTimeoutError, OSError):
        return True


def _require_primary(greeting: Sequence[Any]) -> None:
    about = dict(zip(greeting[::2], greeting[1::2], strict=False))
    if about.get("mode") == "cluster":
        raise MisconfiguredError(
            "it is a Redis Cluster, which is not supported yet: name a server that is none"
        )
    if about.get("role") != "master":
        raise NotPrimaryError("the server is a replica")


class Client(redis.Redis):
    """redis-py's client without its measurements, and without retries:
    the store decides about those."""

    connection_pool: Pool

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Run one command and return its reply, parsed as redis-py does.
        Raises NotPrimaryError for a replica's reply."""
        try:
            return self._run(args, options)
        except ReadOnlyError:
            if not self.connection_pool.of_primary:
                raise
            # Nothing was done, so it may be said once more,
            # to the server that the address leads to by now.
            self.connection_pool.drop()
            return self._run(args, options)

    def _run(self, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        pool = self.connection_pool
        connection = pool.get_connection()
        try:
            question = pool.role_question if pool.of_primary else b""
            # In one piece, which is one packet. A connection that fails disconnects itself.
            connection.send_packed_command([b"".join((*connection.pack_command(*args), question))])
            try:
                answer = self.parse_response(connection, args[0], **options)  # type: ignore[no-untyped-call]
            except ResponseError:
                if question:
                    with suppress(ResponseError):
                        connection.read_response()
                raise
            if question:
                _check_role(pool, connection, question)
            return answer
        finally:
            pool.release(connection)


def _check_role(pool: Pool, connection: Any, question: bytes) -> None:
    """Read the second answer: is this a primary? A user that may not ask WAIT asks HELLO from then
    on, which is larger."""
    try:
        reply = connection.read_response()
        if question is _ROLE_BY_HELLO:
            _require_primary(reply)
    except NoPermissionError:
        pool.role_question = _ROLE_BY_HELLO
        connection.send_packed_command([_ROLE_BY_HELLO], check_health=False)
        _require_primary(connection.read_response())
    except ResponseError as error:
        if meaning_of(error) is Meaning.DEMOTED:
            raise NotPrimaryError("the server became a replica") from error
        raise


class Packer:
    """redis-py's for hiredis, without its search for buffers of bytes among the arguments."""

    def pack(self, *args: Any) -> list[bytes]:
        """Return a command as it is sent. Raises DataError for an argument that is neither text,
        bytes nor a number."""
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


def build_client(
    url: str, *, timeout_s: float, max_connections: int, of_primary: bool = True
) -> Client:
    """Return a client that connects on first use. ``url``: redis://, rediss:// or unix://;
    values come back as str.

    The time-outs given here win over any in the URL. ``of_primary``: believe no replica; false for
    an operator's client. Raises ConfigurationError for a URL that redis-py can't read;
    the message doesn't repeat it, it may hold a password.
    """
    try:
        options = parse_url(url)  # type: ignore[no-untyped-call]
    except ValueError as error:
        raise ConfigurationError(
            "a Redis URL can't be read: it must begin with redis://, rediss:// or unix://"
        ) from error
    options |= {
        "max_connections": max_connections,
        "timeout": POOL_WAIT_S,
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "retry": Retry(NoBackoff(), 0),
        "decode_responses": True,
        # A value that is not UTF-8 is not ours: it must fail its signature, not raise in the
        # driver. Who sends it back into a script encodes it the same way.
        "encoding_errors": "surrogateescape",
        "protocol": 2,
        # No CLIENT SETINFO on connect: the least privileged user may not,
        # and its ACL log must stay empty.
        "driver_info": None,
        "command_packer": Packer(),
    }
    return Client(connection_pool=Pool(of_primary=of_primary, **options))
