"""Make a client for a URL: where its time-outs come from, and how values are decoded."""

from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.retry import Retry

from shared.errors import ConfigurationError
from shared.redis.client import Packer, RedisClient
from shared.redis.cluster import is_cluster_url, read_cluster_url
from shared.redis.finder import ESCAPES, ResolvedConnection, ResolvedTlsConnection
from shared.redis.pool import Pool
from shared.redis.sentinel import is_sentinel_url, read_sentinel_url

POOL_WAIT_S = 0.05
_IN_TIME: dict[type[Any], type[Any]] = {
    redis.Connection: ResolvedConnection,
    redis.SSLConnection: ResolvedTlsConnection,
}


def build_client(
    url: str,
    *,
    timeout_s: float,
    max_connections: int,
    of_primary: bool = True,
    decode: bool = True,
) -> RedisClient:
    """Return a client that connects on first use. ``url``: redis://, rediss://, unix://, or one of
    Sentinels (.sentinel) or of a Cluster (.cluster); values come back as str, or as bytes without
    ``decode``.

    The time-outs given here win over any in the URL. ``of_primary``: believe no replica; false for
    an operator's client. Raises ConfigurationError for a URL that redis-py can't read;
    the message doesn't repeat it, it may hold a password.
    """
    try:
        options = _read(url, timeout_s=timeout_s)
    except ValueError as error:
        raise ConfigurationError(
            "a Redis URL can't be read: it must begin with redis://, rediss://, unix://, "
            f"redis+sentinel:// or redis+cluster://, and a port is a number; {ESCAPES}"
        ) from error
    options |= {
        "max_connections": max_connections,
        "timeout": POOL_WAIT_S,
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "retry": Retry(NoBackoff(), 0),
        "decode_responses": decode,
        # A value that is not UTF-8 is not ours: it must fail its signature, not raise in the
        # driver. Who sends it back into a script encodes it the same way.
        "encoding_errors": "surrogateescape",
        "protocol": 2,
        # No CLIENT SETINFO on connect: the least privileged user may not,
        # and its ACL log must stay empty.
        "driver_info": None,
        "command_packer": Packer(),
    }
    return RedisClient(connection_pool=Pool(of_primary=of_primary, **options))


def _read(url: str, *, timeout_s: float) -> dict[str, Any]:
    """Return what a URL says of connections. Raises ValueError."""
    if is_sentinel_url(url):
        return read_sentinel_url(url, timeout_s=timeout_s)
    if is_cluster_url(url):
        return read_cluster_url(url, timeout_s=timeout_s)
    options: dict[str, Any] = dict(parse_url(url))  # type: ignore[no-untyped-call]
    kind = options.get("connection_class", redis.Connection)
    return options | {"connection_class": _IN_TIME.get(kind, kind)}
