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
import queue
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Self, cast

import hiredis
import redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import (
    DataError,
    NoScriptError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from shared.redis.exchange import (
    BrokenConnectionError,
    exchange,
    require_role,
    watch,
)
from shared.redis.replies import advice_for
from shared.redis.role import (
    ROLE_BY_HELLO,
    ROLE_BY_WAIT,
    MisconfiguredError,
    require_primary,
)

POOL_EXHAUSTED = "No connection available."  # redis-py has no class of its own for it


class PooledConnections:
    """The pool's connections and free places, the last used first: the newest ones stay idle, and
    are never made if they aren't needed. Thread-safe.

    What redis-py keeps them in, a LifoQueue, takes three locks for each of the two steps, which is
    a tenth of a small read. Here a step is one of a deque, which is atomic; there is a queue for
    those only who find nothing.
    """

    def __init__(self, maxsize: int) -> None:
        self.maxsize = maxsize
        self.queue: deque[Any] = deque()  # so redis-py finds what is idle
        self._handed_over: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._waiting: deque[None] = deque()

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Take one, waiting for it. Raises queue.Empty when none is free in time."""
        try:
            return self.queue.pop()
        except IndexError:
            return self._wait(block, timeout)

    def _wait(self, block: bool, timeout: float | None) -> Any:
        self._waiting.append(None)
        try:
            # Who gives one back from now on sees that somebody waits;
            # what was given back before is here.
            with suppress(IndexError):
                return self.queue.pop()
            return self._handed_over.get(block, timeout)
        finally:
            self._waiting.pop()

    def put_nowait(self, item: Any) -> None:
        """Give one back. Raises queue.Full when none is missing."""
        if len(self.queue) >= self.maxsize:
            raise queue.Full
        self.queue.append(item)
        if self._waiting:
            with suppress(IndexError):
                self._handed_over.put(self.queue.pop())


class Pool(redis.BlockingConnectionPool):
    """redis-py's pool without its measurements for OpenTelemetry:
    with the client's a fifth of a small command.

    ``drop`` makes every connection, those in use too, be closed before it is used again.
    """

    def __init__(self, *, of_primary: bool, **options: Any) -> None:
        self.of_primary = of_primary
        self.role_question = ROLE_BY_WAIT
        self._generation = 0
        super().__init__(queue_class=PooledConnections, redis_connect_func=self._greet, **options)  # type: ignore[no-untyped-call]

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
        return self.take(is_checked=True)

    def take(self, *, is_checked: bool) -> Any:
        """Return a connection; ``is_checked``: one that was not closed at the other end just now.
        Who does without, which spares a system call, may say the command again on another.
        Raises redis-py's ConnectionError when none is free in time."""
        self._checkpid()
        try:
            connection = self.pool.get(timeout=self.timeout)
        except queue.Empty:
            raise RedisConnectionError(POOL_EXHAUSTED) from None
        try:
            connection = connection or self.make_connection()  # type: ignore[no-untyped-call]
            if getattr(connection, "generation", self._generation) != self._generation:
                connection.disconnect()
            if is_checked and connection.is_connected and has_ended(connection):
                connection.disconnect()
            if not connection.is_connected:
                connection.connect()
        except BaseException:
            self.release(connection)
            raise
        return connection

    def release(self, connection: Any) -> None:
        """Give a connection back, or its place if it is not this process's."""
        self._checkpid()
        if connection is not None and not self.owns_connection(connection):
            connection.disconnect()
            connection = None
        with suppress(queue.Full):
            self.pool.put_nowait(connection)

    def _greet(self, connection: Any) -> None:
        """Log in on a new connection and find out what it leads to.
        Raises NotPrimaryError, MisconfiguredError."""
        connection.generation = self._generation
        connection.idle_watch = watch(connection._sock)
        try:
            connection.on_connect()
            if self.of_primary:
                connection.send_packed_command([ROLE_BY_HELLO], check_health=False)
                require_primary(connection.read_response())
        except ResponseError as error:
            raise MisconfiguredError(
                advice_for(error) or "it refuses connections as they are made here"
            ) from error


def has_ended(connection: Any) -> bool:
    """Tell whether the server closed a connection that nobody uses, or left an answer in it that
    nobody read. redis-py makes a poller for each look."""
    socket, reader = connection._sock, connection._parser._reader
    if reader is None or reader.has_data() or (hasattr(socket, "pending") and socket.pending()):
        return True
    return bool(connection.idle_watch.poll(0))


class RedisClient(redis.Redis):
    """redis-py's client without its measurements, and without retries:
    the store decides about those."""

    connection_pool: Pool

    def ask(self, *command: str | bytes | int | float) -> Any:
        """Run one command that changes nothing and doesn't block, without redis-py's layers: the
        reply as hiredis parses it. Raises what :meth:`execute_command` raises.

        The few commands of each request go this way: it takes a third of the time.
        """
        return self._exchange(command, is_checked=False)

    def tell(self, *command: str | bytes | int | float) -> Any:
        """Run one command that may change something, as :meth:`ask` does, on a connection that was
        still open just now: nobody says it again when it breaks."""
        return self._at_primary(partial(self._exchange, command, is_checked=True))

    def _exchange(self, command: tuple[Any, ...], *, is_checked: bool) -> Any:
        pool = self.connection_pool
        connection = pool.take(is_checked=is_checked)
        try:
            question = pool.role_question if pool.of_primary else b""
            packed = pack(command) + question
            answer, *role = exchange(connection, packed, replies=2 if question else 1)
            if isinstance(answer, ReadOnlyError):  # nothing was done: it may be said again
                raise answer
            if role and not (question is ROLE_BY_WAIT and isinstance(role[0], int)):
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
        return self._at_primary(partial(self._run, args, options))

    def _at_primary(self, run: Callable[[], Any]) -> Any:
        try:
            return run()
        except ReadOnlyError:
            if not self.connection_pool.of_primary:
                raise
            # Nothing was done: say it once more, to the server that the address leads to by now.
            self.connection_pool.drop()
            return run()

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
    if not (question is ROLE_BY_WAIT and isinstance(reply, int)):
        require_role(pool, connection, question, reply)


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
