"""The connections of a client: greeted, bounded in number, and dropped together when their server
is no longer what it was; and one packet out and its replies back over one of them.

redis-py makes them: TCP, TLS or a Unix socket, logged in, with its time-outs. Its own way to ask is
built for every kind of reply; this is for those that are read whole. Whatever goes wrong closes the
connection, or the next command on it would be given this one's replies.
"""

import queue
import select
from collections import deque
from contextlib import suppress
from typing import Any

import redis
from redis._parsers.hiredis import NOT_ENOUGH_DATA
from redis.exceptions import (
    ClusterDownError,
    MovedError,
    NoPermissionError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from shared.redis.replication import Acknowledgement
from shared.redis.replies import Meaning, advice_for, meaning_of
from shared.redis.role import (
    ROLE_BY_HELLO,
    ROLE_BY_WAIT,
    MisconfiguredError,
    NotPrimaryError,
    require_primary,
)

# Another server has the entries: nothing was done, so it may be said again.
ELSEWHERE = (ReadOnlyError, MovedError, ClusterDownError)
POOL_EXHAUSTED = "No connection available."  # redis-py has no class of its own for it
_READ_SIZE = 65_536


class BrokenConnectionError(RedisConnectionError):
    """The other end closed the connection, maybe long ago."""


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
    ``acknowledged``: what a write waits for besides its reply. ``is_of_cluster``: whose servers are
    nodes of a Cluster.
    """

    def __init__(
        self,
        *,
        of_primary: bool,
        acknowledged: Acknowledgement | None = None,
        is_of_cluster: bool = False,
        **options: Any,
    ) -> None:
        self.of_primary = of_primary
        self.is_of_cluster = is_of_cluster
        self._finder = options.get("finder")
        self.acknowledged = acknowledged
        self.role_question = ROLE_BY_WAIT
        self._generation = 0
        super().__init__(queue_class=PooledConnections, redis_connect_func=self._greet, **options)  # type: ignore[no-untyped-call]

    def drop(self) -> None:
        """Trust no connection that was made until now:
        the server at its other end is not what it was."""
        self._generation += 1

    def leave(self) -> None:
        """Drop the connections, and look for the primary again: their server isn't it."""
        self.drop()
        if self._finder:
            self._finder.forget()

    def say(self, packed: bytes, *, is_write: bool) -> Any:
        """Send one command as it is packed and return its reply, with nothing of redis-py's layers.
        Raises the reply if it is an error, and what :meth:`take` and ``exchange`` raise."""
        connection = self.take(is_checked=is_write)
        try:
            question = self.question(is_write=is_write)
            answer, *role = exchange(connection, packed + question, replies=2 if question else 1)
            if isinstance(answer, ELSEWHERE):
                raise answer
            if role:
                self.judge(connection, question, role[0])
            if isinstance(answer, RedisConnectionError):  # it says that it is no use now
                connection.disconnect()
        except BrokenConnectionError:
            self.drop()  # the others may be as old: who asks again gets a new one
            raise
        finally:
            self.release(connection)
        if isinstance(answer, RedisError):
            raise answer
        return answer

    def question(self, *, is_write: bool) -> bytes:
        """Return what is sent behind a command: it shows whether a primary answers, and that
        replicas have what was written."""
        if not self.of_primary:
            return b""
        if is_write and self.acknowledged:
            return self.acknowledged.question
        return self.role_question

    def judge(self, connection: Any, question: bytes, reply: Any) -> None:
        """Judge the answer to the question: is this a primary, and have replicas what was written?
        Raises NotPrimaryError, and what the server says else."""
        wanted = self.acknowledged
        if wanted and question is wanted.question and isinstance(reply, (int, NoPermissionError)):
            wanted.require(reply)
        elif not isinstance(reply, int) or question is ROLE_BY_HELLO:
            self._require_role(connection, question, reply)

    def _require_role(self, connection: Any, question: bytes, reply: Any) -> None:
        """Judge the answer to the role's question. A user that may not ask WAIT asks HELLO from
        then on, which is larger."""
        if isinstance(reply, NoPermissionError):
            self.role_question = question = ROLE_BY_HELLO
            (reply,) = exchange(connection, question, replies=1)
        if isinstance(reply, ResponseError) and meaning_of(reply) is Meaning.DEMOTED:
            raise NotPrimaryError("the server became a replica") from reply
        if isinstance(reply, Exception):
            raise reply
        if question is ROLE_BY_HELLO:
            require_primary(reply, is_of_cluster=self.is_of_cluster)
        elif not isinstance(reply, int):  # the answer to another question: so was the one before it
            connection.disconnect()
            raise BrokenConnectionError("Redis answered another question.")

    def hear(self, connection: Any, question: bytes) -> None:
        """Read the answer to the question and judge it."""
        try:
            reply = connection.read_response()
        except ResponseError as error:
            reply = error
        self.judge(connection, question, reply)

    def try_out(self) -> None:
        """Ask what is sent behind a write, on a connection of its own. Raises what :meth:`take` and
        :meth:`judge` raise."""
        connection = self.take(is_checked=True)
        try:
            if question := self.question(is_write=True):
                (reply,) = exchange(connection, question, replies=1)
                self.judge(connection, question, reply)
        finally:
            self.release(connection)

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
                generation = self._generation  # before it is known where the server is
                connection.connect()
                connection.generation = generation
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
        connection.idle_watch = select.poll()  # tells has_ended, in one call
        connection.idle_watch.register(connection._sock, select.POLLIN)
        try:
            connection.on_connect()
            if self.of_primary:
                connection.send_packed_command([ROLE_BY_HELLO], check_health=False)
                greeting = connection.read_response()
                require_primary(greeting, is_of_cluster=self.is_of_cluster)
        except ResponseError as error:
            raise MisconfiguredError(
                advice_for(error) or "it refuses connections as they are made here"
            ) from error


def exchange(connection: Any, packed: bytes, *, replies: int) -> list[Any]:
    """Send ``packed`` and return its replies; one that is an error is an item, not raised.
    Raises redis-py's TimeoutError and ConnectionError."""
    socket, reader = connection._sock, connection._parser._reader
    found: list[Any] = []
    try:
        socket.sendall(packed)
        while True:
            while len(found) < replies and (reply := reader.gets()) is not NOT_ENOUGH_DATA:
                found.append(reply)
            if len(found) == replies:
                return found
            received = socket.recv(_READ_SIZE)
            if not received:
                raise BrokenConnectionError("Connection closed by server.")
            reader.feed(received)
    except TimeoutError as error:
        connection.disconnect()
        raise RedisTimeoutError("Timeout reading from socket") from error
    except OSError as error:
        connection.disconnect()
        raise BrokenConnectionError(f"Error while talking to Redis: {error.args}") from error
    except BaseException:
        connection.disconnect()
        raise


def has_ended(connection: Any) -> bool:
    """Tell whether the server closed a connection that nobody uses, or left an answer in it that
    nobody read. redis-py makes a poller for each look."""
    socket, reader = connection._sock, connection._parser._reader
    if reader is None or reader.has_data() or (hasattr(socket, "pending") and socket.pending()):
        return True
    return bool(connection.idle_watch.poll(0))
