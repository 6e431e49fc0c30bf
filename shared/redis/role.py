"""What a server says of its role, and what it means for a connection to it."""

from collections.abc import Sequence
from typing import Any

from redis.exceptions import ConnectionError as RedisConnectionError

ROLE_BY_WAIT = b"*3\r\n$4\r\nWAIT\r\n$1\r\n0\r\n$1\r\n0\r\n"
ROLE_BY_HELLO = b"*1\r\n$5\r\nHELLO\r\n"


class NotPrimaryError(RedisConnectionError):
    """The server is a replica: it may know less than the primary, and takes no writes."""


class MisconfiguredError(RedisConnectionError):
    """No connection until somebody changes a setting;
    the message ends a sentence that begins with the server."""


def require_primary(greeting: Sequence[Any]) -> None:
    """Raise NotPrimaryError, or MisconfiguredError, unless a primary answered HELLO so."""
    about = dict(zip(greeting[::2], greeting[1::2], strict=False))
    if about.get("mode") == "cluster":
        raise MisconfiguredError(
            "it is a Redis Cluster, which is not supported yet: name a standalone server"
        )
    if about.get("role") != "master":
        raise NotPrimaryError("the server is a replica")
