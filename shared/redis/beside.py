"""Whether Redis itself is a process of this machine.

A Unix socket alone doesn't say so: what ssh or socat listens at leads to any machine's. The kernel
tells which process listens there (SO_PEERCRED), and Redis tells which one it is. Both numbers may
be those of two machines by chance, so the process must have Redis's name, too.
"""

import socket
import struct
from pathlib import Path

from redis.connection import UnixDomainSocketConnection

from shared.redis.client import RedisClient, pack
from shared.redis.pool import exchange

_CREDENTIALS = struct.Struct("3i")  # struct ucred: process, user, group
_QUESTION = pack(("INFO", "server"))
_LONGEST_NAME = 15  # that the kernel keeps


def is_beside_redis(client: RedisClient) -> bool:
    """Tell whether Redis's own process listens at the Unix socket; false where that can't be known:
    in another container, where INFO is refused, where no kernel tells.
    Raises redis-py's ConnectionError and TimeoutError."""
    pool = client.connection_pool
    is_unix = issubclass(pool.connection_class, UnixDomainSocketConnection)
    if not (is_unix and hasattr(socket, "SO_PEERCRED")):
        return False
    connection = pool.take(is_checked=True)
    try:
        try:
            told = connection._sock.getsockopt(
                socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size
            )
        except OSError:  # a sandbox, say, that has the name alone
            return False
        (info,) = exchange(connection, _QUESTION, replies=1)
    finally:
        pool.release(connection)
    listener, _, _ = _CREDENTIALS.unpack(told)
    return isinstance(info, str) and _is_that_of(listener, info)


def _is_that_of(pid: int, info: str) -> bool:
    """Tell whether this process of this machine is the one that Redis says it is."""
    lines = dict(line.split(":", 1) for line in info.splitlines() if ":" in line)
    try:
        name = Path(f"/proc/{pid}/comm").read_text(errors="surrogateescape").removesuffix("\n")
    except OSError:  # of another container, or hidden
        return False
    program = Path(lines.get("executable", "")).name
    return lines.get("process_id") == str(pid) and name == program[:_LONGEST_NAME] != ""
