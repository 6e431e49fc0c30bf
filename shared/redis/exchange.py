"""One packet out and its replies back, over a connection that redis-py made: TCP, TLS or a Unix
socket, logged in, with its time-outs.

redis-py's own way is built for every kind of reply; this is for those that are read whole. Whatever
goes wrong closes the connection, or the next command on it would be given this one's replies.
"""

import select
from typing import Any

from redis._parsers.hiredis import NOT_ENOUGH_DATA
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoPermissionError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from shared.redis.replies import Meaning, meaning_of
from shared.redis.role import ROLE_BY_HELLO, NotPrimaryError, require_primary

_READ_SIZE = 65_536


class BrokenConnectionError(RedisConnectionError):
    """The other end closed the connection, maybe long ago."""


def watch(socket: Any) -> "select.poll":
    """Return what tells whether there is something to read from an open socket, in one call."""
    poller = select.poll()
    poller.register(socket, select.POLLIN)
    return poller


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


def require_role(pool: Any, connection: Any, question: bytes, reply: Any) -> None:
    """Judge the answer to the role's question: is this a primary? A user that may not ask WAIT asks
    HELLO from then on, which is larger. Raises NotPrimaryError and what the server says else."""
    if isinstance(reply, NoPermissionError):
        pool.role_question = question = ROLE_BY_HELLO
        (reply,) = exchange(connection, question, replies=1)
    if isinstance(reply, ResponseError) and meaning_of(reply) is Meaning.DEMOTED:
        raise NotPrimaryError("the server became a replica") from reply
    if isinstance(reply, Exception):
        raise reply
    if question is ROLE_BY_HELLO:
        require_primary(reply, is_of_cluster=pool.is_of_cluster)
    elif not isinstance(reply, int):  # the answer to another question: so was the one before it
        connection.disconnect()
        raise BrokenConnectionError("Redis answered another question.")
