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
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import hiredis
import redis
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import DataError, NoScriptError, ReadOnlyError, RedisError, ResponseError
from redis.retry import Retry

from shared.errors import ConfigurationError
from shared.redis.exchange import BrokenConnectionError, exchange, require_role
from shared.redis.pool import Pool

POOL_WAIT_S = 0.05


class Client(redis.Redis):
    """redis-py's client without its measurements, and without retries:
    the store decides about those."""

    connection_pool: Pool

    def ask(self, *command: str | bytes | int | float) -> Any:
        """Run one command that changes nothing and doesn't block, without redis-py's layers: the
        reply as hiredis parses it. Raises what :meth:`execute_command` raises.

        The few commands of each request go this way: it takes a third of the time.
        """
        pool = self.connection_pool
        connection = pool.take(is_checked=False)
        try:
            question = pool.role_question if pool.of_primary else b""
            packed = hiredis.pack_command(command) + question  # type: ignore[arg-type]  # of any length
            answer, *role = exchange(connection, packed, replies=2 if question else 1)
            if question:
                require_role(pool, connection, question, role[0])
            if isinstance(answer, RedisConnectionError):  # it says that it is no use now
                connection.disconnect()
        except BrokenConnectionError:
            pool.drop()  # the others may be as old: who asks again gets a new one
            raise
        finally:
            pool.release(connection)
        if isinstance(answer, RedisError):
            raise answer
        return answer

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
    """Read the second answer: is this a primary?"""
    try:
        reply = connection.read_response()
    except ResponseError as error:
        reply = error
    require_role(pool, connection, question, reply)


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
