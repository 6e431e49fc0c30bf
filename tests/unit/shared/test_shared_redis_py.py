"""What shared/redis/client.py relies on in redis-py beyond its documentation, by name."""

import inspect
from importlib.metadata import requires
from typing import Any

import redis
from redis.connection import Connection

from shared.redis.client import RedisClient
from shared.redis.pool import Pool

OVERRIDDEN = {
    redis.BlockingConnectionPool: ("get_connection", "release"),
    redis.Redis: ("execute_command", "parse_response"),
}
CALLED = {
    redis.BlockingConnectionPool: ("_checkpid", "make_connection", "owns_connection"),
    Connection: ("can_read", "on_connect", "read_response", "send_packed_command"),
}


def test_what_is_used_of_redis_py_is_there() -> None:
    """A newer redis-py that has it no more, or under another name, fails here and not in use."""
    for kind, names in [*OVERRIDDEN.items(), *CALLED.items()]:
        assert [name for name in names if not callable(getattr(kind, name, None))] == []
    assert issubclass(RedisClient, redis.Redis)
    pool = redis.BlockingConnectionPool(max_connections=1, timeout=1)  # type: ignore[no-untyped-call]
    assert hasattr(pool, "pool")
    connection: Any = Connection
    parser = connection()._parser
    assert isinstance(parser, redis._parsers._HiredisParser)
    assert "_reader" in inspect.getsource(type(parser).on_connect)
    assert "self.pool.queue" in inspect.getsource(redis.BlockingConnectionPool.reset)
    assert isinstance(pool.timeout, int)
    taken = inspect.signature(Pool.get_connection).parameters
    theirs = inspect.signature(redis.BlockingConnectionPool.get_connection).parameters
    assert list(taken)[:2] == list(theirs)[:2]


def test_redis_py_is_held_to_one_major_version() -> None:
    """The next one may change what is not documented."""
    wanted = [line for line in requires("gatehouse") or [] if line.startswith("redis")]
    assert wanted
    assert all("<9" in line for line in wanted), wanted
