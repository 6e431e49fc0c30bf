"""Connections to Redis: bounded in time, and to a primary only.

Bounds (RELIABILITY: an outage is never a hang): connect and read time-outs of ``timeout_s``, a pool
that waits at most 50 ms, and no retry here: the store decides about those.

A replica's answer is never believed: it may still have a session that was ended on the primary. A
new connection asks for the server's role (``HELLO``, which no ACL can forbid). A server that is
made a replica later keeps its connections and goes on answering reads, so every single command is
sent with ``WAIT 0 0`` behind it, in the same packet: a primary answers that at once, a replica
refuses it. What runs in a pipeline is covered by the commands around it. What this can't see: a
primary that was cut off from the others and doesn't know yet that they chose another one.
"""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Self, cast

import hiredis
import redis
from redis.exceptions import (
    DataError,
    NoScriptError,
    ReadOnlyError,
    ResponseError,
)

from shared.redis.pool import ELSEWHERE, Pool
from shared.redis.replication import WRITES


class RedisClient(redis.Redis):
    """redis-py's client without its measurements, and without retries:
    the store decides about those."""

    connection_pool: Pool

    def ask(self, *command: str | bytes | int | float) -> Any:
        """Run one command that changes nothing and doesn't block, without redis-py's layers: the
        reply as hiredis parses it. Raises what :meth:`execute_command` raises.

        The few commands of each request go this way: it takes a third of the time.
        """
        return self.connection_pool.say(pack(command), is_write=False)

    def tell(self, *command: str | bytes | int | float) -> Any:
        """Run one command that may change something, as :meth:`ask` does, on a connection that was
        still open just now: nobody says it again when it breaks."""
        return self._at_primary(partial(self.connection_pool.say, pack(command), is_write=True))

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Run one command and return its reply, parsed as redis-py does.
        Raises NotPrimaryError for a replica's reply."""
        return self._at_primary(partial(self._run, args, options))

    def _at_primary(self, run: Callable[[], Any]) -> Any:
        try:
            return run()
        except ELSEWHERE as error:
            pool = self.connection_pool
            if not pool.of_primary and isinstance(error, ReadOnlyError):
                raise
            # Nothing was done: say it once more, to the server that the address leads to by now.
            pool.leave()
            return run()

    def _run(self, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        (packed,), pool = Packer().pack(*args), self.connection_pool
        connection = pool.get_connection()
        try:
            question = pool.question(is_write=args[0] in WRITES)
            # In one piece, which is one packet. A connection that fails disconnects itself.
            connection.send_packed_command([packed + question])
            try:
                answer = self.parse_response(connection, args[0], **options)  # type: ignore[no-untyped-call]
            except ResponseError:
                if question:
                    with suppress(ResponseError):
                        connection.read_response()
                raise
            if question:
                pool.hear(connection, question)
            return answer
        finally:
            pool.release(connection)


class Packer:
    """redis-py's for hiredis, without its search for buffers of bytes among the arguments."""

    def pack(self, *args: Any) -> list[bytes]:
        """Return a command as it is sent. Raises DataError for an argument that is neither text,
        bytes nor a number."""
        name, *rest = args
        return [pack((*name.split(), *rest))]


def pack(command: tuple[Any, ...]) -> bytes:
    """Return a command as it is sent. Raises DataError as Packer does."""
    try:
        return cast(bytes, hiredis.pack_command(command))
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

    def run(self, client: RedisClient, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """Run it and return its answer; a server that doesn't have it is given it first."""
        command = ("EVALSHA", self.digest, len(keys), *keys, *arguments)
        try:
            return client.tell(*command)
        except NoScriptError:
            client.script_load(self._text)
            return client.tell(*command)
