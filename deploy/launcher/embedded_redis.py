"""The Redis of a start on one's own machine: two Valkey servers, one for sessions and one for jobs.

Two, so that sessions are safe from jobs: what people submit and keep fills the second one, up to a
bound, and it refuses new jobs then, while everybody can still log in and out.
One server with a reserve would need each command's consent to be kept.

    var/valkey         sessions, principals, keys, rate limits: django writes, gate reads; no bound
    var/valkey-jobs    jobs: worker; GATEHOUSE_JOBS_REDIS_BYTES

Earlier versions kept both in the first one:
jobs that are still there are moved, once, before anything is served.
"""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import cast

from deploy.launcher.local_secrets import ensure_valkey_passwords, set_redis_urls
from deploy.redis.valkey import EmbeddedValkey
from shared.contract.entries import JOBS_PREFIX
from shared.redis import RedisClient, build_client

_TIMEOUT_S = 10.0
_CHUNK = 200


def start_embedded_redis(
    var: Path, started: ExitStack, *, jobs_bytes: int, say: Callable[[str], None]
) -> list[EmbeddedValkey]:
    """Start both servers, or adopt those of a killed launcher;
    each side finds its URLs in its own file. ``started`` ends them.

    Raises ConfigurationError without a server program, ChildError when one doesn't start.
    """
    passwords = ensure_valkey_passwords(var, roles=("django", "gate", "admin"))
    sessions = EmbeddedValkey(var / "valkey", passwords=passwords)
    passwords = ensure_valkey_passwords(var, "valkey-jobs", roles=("worker", "admin"))
    jobs = EmbeddedValkey(var / "valkey-jobs", passwords=passwords, max_bytes=jobs_bytes)
    for server in (sessions, jobs):
        started.callback(server.stop)
        if not server.adopt():
            server.start()
    if moved := move_jobs(sessions, jobs):
        say(f"moved {moved} entries of jobs to a server of their own")
    set_redis_urls(
        var, site=sessions.url("django"), api=sessions.url("gate"), jobs=jobs.url("worker")
    )
    return [sessions, jobs]


def move_jobs(source: EmbeddedValkey, target: EmbeddedValkey) -> int:
    """Move every entry of jobs, with the time it has left; return how many.
    Nobody may use either server meanwhile.

    An entry is deleted when its copy is there, so that a move that was interrupted is taken up by
    the next one. The target's bound doesn't hold for it: what was accepted is kept.
    """
    clients = [
        build_client(server.url("admin"), timeout_s=_TIMEOUT_S, max_connections=1)
        for server in (source, target)
    ]
    try:
        return _move(*clients)
    finally:
        for client in clients:
            client.connection_pool.disconnect()


def _move(source: RedisClient, target: RedisClient) -> int:
    moved, cursor = 0, 0
    bound = cast(dict[str, str], target.config_get("maxmemory"))["maxmemory"]
    target.config_set("maxmemory", 0)
    while True:
        cursor, names = cast(
            tuple[int, list[str]], source.scan(cursor, match=f"{JOBS_PREFIX}*", count=_CHUNK)
        )
        moved += sum(_move_one(source, target, name) for name in names)
        if cursor == 0:
            target.config_set("maxmemory", bound)
            return moved


def _move_one(source: RedisClient, target: RedisClient, name: str) -> bool:
    value, left_ms = source.dump(name), source.pttl(name)
    if value is None:  # it expired meanwhile, or was told twice
        return False
    target.restore(name, max(left_ms, 0), value, replace=True)
    return bool(source.unlink(name))
