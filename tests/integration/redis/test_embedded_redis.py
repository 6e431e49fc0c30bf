"""The two servers of a start on one's own machine:
who may do what where, and what an earlier version kept in one."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from dotenv import dotenv_values
from redis.exceptions import AuthenticationError, NoPermissionError, OutOfMemoryError

from deploy.launcher.embedded_redis import start_embedded_redis
from deploy.launcher.local_secrets import ensure_valkey_passwords
from deploy.redis.valkey import EmbeddedValkey
from shared.redis import RedisClient, build_client

BOUND = 8_000_000


@pytest.fixture
def started() -> Iterator[ExitStack]:
    """What a test starts ends with it."""
    with ExitStack() as started:
        yield started


def start(var: Path, started: ExitStack) -> tuple[list[EmbeddedValkey], list[str]]:
    """Start both servers; return them and what was said."""
    said: list[str] = []
    return start_embedded_redis(var, started, jobs_bytes=BOUND, say=said.append), said


def client_of(url: str, started: ExitStack) -> RedisClient:
    """Return a client that is closed with the test."""
    client = build_client(url, timeout_s=2, max_connections=1)
    started.callback(client.connection_pool.disconnect)
    return client


def fill(client: RedisClient) -> None:
    """Store more than the bound."""
    for number in range(20):
        client.set(f"gatehouse:jobs:filling:{number}", "x" * 1_000_000)


def test_each_user_can_do_its_part_and_no_other(tmp_path: Path, started: ExitStack) -> None:
    """The gate reads sessions and stores no job, the jobs' user reads no session,
    no password opens the other server."""
    (sessions, jobs), said = start(tmp_path, started)
    assert said == []
    urls = {**dotenv_values(tmp_path / "site.env"), **dotenv_values(tmp_path / "api.env")}
    site, gate, worker = (
        client_of(str(urls[f"GATEHOUSE_{side}_REDIS_URL"]), started)
        for side in ("SITE", "API", "JOBS")
    )
    site.set("gatehouse:session:x", "1")
    assert gate.get("gatehouse:session:x") == "1"
    assert gate.set("gatehouse:key-used:1", "1")
    assert worker.set("gatehouse:jobs:x", "1")
    for client, entry in (
        (gate, "gatehouse:jobs:x"),
        (gate, "gatehouse:session:x"),
        (site, "gatehouse:jobs:x"),
    ):
        with pytest.raises(NoPermissionError):
            client.set(entry, "1")
    with pytest.raises(NoPermissionError):
        worker.get("gatehouse:session:x")
    with pytest.raises(AuthenticationError):
        client_of(
            sessions.url("gate").replace(str(sessions.socket), str(jobs.socket)), started
        ).execute_command("GET", "x")


def test_only_the_jobs_server_has_a_bound(tmp_path: Path, started: ExitStack) -> None:
    """Filled by jobs it refuses more, and sessions are written as before."""
    (sessions, jobs), _ = start(tmp_path, started)
    worker, site = (
        client_of(jobs.url("worker"), started),
        client_of(sessions.url("django"), started),
    )
    with pytest.raises(OutOfMemoryError):
        fill(worker)
    assert site.set("gatehouse:session:x", "x" * 1_000_000)


def test_jobs_of_an_earlier_version_are_moved_once(tmp_path: Path, started: ExitStack) -> None:
    """With all their kinds and the time they have left, beyond the bound too;
    sessions stay where they are."""
    passwords = ensure_valkey_passwords(tmp_path)
    with EmbeddedValkey(tmp_path / "valkey", passwords=passwords) as former, ExitStack() as closed:
        admin = client_of(former.url("admin"), closed)
        for number in range(1200):
            admin.hset(
                f"gatehouse:jobs:record:{number}", mapping={"status": "queued", "text": "é" * 4000}
            )
        admin.zadd("gatehouse:jobs:delayed", {"a": 1.5})
        admin.xadd("gatehouse:jobs:events:1", {"event": "{}"}, id="5-1")
        admin.set("gatehouse:jobs:short", "1", ex=1000)
        admin.set("gatehouse:session:x", "1")
    (sessions, jobs), said = start(tmp_path, started)
    assert said == ["moved 1203 entries of jobs to a server of their own"]
    old, new = client_of(sessions.url("admin"), started), client_of(jobs.url("admin"), started)
    assert old.keys() == ["gatehouse:session:x"]
    assert new.dbsize() == 1203
    assert new.hget("gatehouse:jobs:record:77", "text") == "é" * 4000
    assert (new.zscore("gatehouse:jobs:delayed", "a"), new.ttl("gatehouse:jobs:delayed")) == (
        1.5,
        -1,
    )
    assert 900 < int(new.ttl("gatehouse:jobs:short")) <= 1000
    assert new.xrange("gatehouse:jobs:events:1") == [("5-1", {"event": "{}"})]
    assert new.config_get("maxmemory") == {"maxmemory": str(BOUND)}
    for server in (sessions, jobs):
        server.stop()
    assert start(tmp_path, started)[1] == []
