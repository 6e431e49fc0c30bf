"""What a server says of its role, and what it means for a connection to it."""

from collections.abc import Sequence
from typing import Any

from redis.exceptions import ConnectionError as RedisConnectionError

ROLE_BY_WAIT = b"*3\r\n$4\r\nWAIT\r\n$1\r\n0\r\n$1\r\n0\r\n"
ROLE_BY_HELLO = b"*1\r\n$5\r\nHELLO\r\n"
_OLDEST = 7  # of Redis, with rights to read only and scripts that say what they need
CLUSTER_ADVICE = (
    "name it as redis+cluster://user:password@n1:6379,n2:6379,n3:6379/, with "
    "GATEHOUSE_REDIS_PREFIX={gatehouse}:"
)


class NotPrimaryError(RedisConnectionError):
    """The server is a replica: it may know less than the primary, and takes no writes."""


class MisconfiguredError(RedisConnectionError):
    """No connection until somebody changes a setting;
    the message ends a sentence that begins with the server."""


def require_primary(greeting: Sequence[Any], *, is_of_cluster: bool = False) -> None:
    """Raise NotPrimaryError, or MisconfiguredError, unless a primary answered HELLO so: one of a
    Cluster, or a server by itself."""
    about = dict(zip(greeting[::2], greeting[1::2], strict=False))
    major = str(about.get("version", "")).partition(".")[0]
    if major.isdecimal() and int(major) < _OLDEST:
        raise MisconfiguredError(
            f"it is of version {int(major)}: Redis 7 and newer, or any Valkey, is needed"
        )
    if about.get("mode") == "cluster" and not is_of_cluster:
        raise MisconfiguredError(f"it is a node of a Redis Cluster: {CLUSTER_ADVICE}")
    if is_of_cluster:
        require_cluster(greeting)
    if about.get("role") != "master":
        raise NotPrimaryError("the server is a replica")


def require_cluster(greeting: Sequence[Any]) -> None:
    """Raise MisconfiguredError unless a node of a Cluster answered HELLO so."""
    about = dict(zip(greeting[::2], greeting[1::2], strict=False))
    if about.get("mode", about.get(b"mode")) not in ("cluster", b"cluster"):
        raise MisconfiguredError("it is no Redis Cluster: name it by redis://")
