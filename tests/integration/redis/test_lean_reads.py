"""The reads of each request, and scripts, go past redis-py's layers, and keep its promises:
bounded, retried once, never another command's reply."""

import os
import queue
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from redis.exceptions import DataError, ResponseError

from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from shared.errors import SessionStoreUnavailable
from shared.redis import RedisClient, RedisGateway, Script, build_client
from shared.redis.pool import PooledConnections
from tests.waiting import wait_until

KEYS = tuple(f"gatehouse:session:{number}" for number in range(4))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    """A server of this test's own."""
    with EmbeddedValkey(tmp_path / "valkey", passwords=new_passwords()) as server:
        yield server


@pytest.fixture
def admin(server: EmbeddedValkey) -> Iterator[RedisClient]:
    """Who may do everything."""
    client = build_client(server.url("admin"), timeout_s=2, max_connections=2, of_primary=False)
    for key in KEYS:
        client.set(key, f"value of {key}")
    yield client
    client.connection_pool.disconnect()


@pytest.fixture
def store(server: EmbeddedValkey, admin: RedisClient) -> Iterator[RedisGateway]:
    """A store as the API's user has it."""
    client = build_client(server.url("api"), timeout_s=0.2, max_connections=4)
    store = RedisGateway(client, unavailable=SessionStoreUnavailable)
    yield store
    store.close()


def test_reads_at_once_each_get_their_own_answer(store: RedisGateway) -> None:
    """Four threads on four connections: nobody is given another's reply."""

    def ask(number: int) -> bool:
        key = KEYS[number % len(KEYS)]
        return all(
            store.get_all((key, "gatehouse:session:none")) == [f"value of {key}", None]
            for _ in range(50)
        )

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(ask, range(4)))


def test_all_connections_may_have_ended_and_nobody_notices(
    store: RedisGateway, admin: RedisClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that was restarted closed them all: who finds out asks again on a new connection,
    also when somebody else was quicker to take the one that had ended."""
    pool = store.client.connection_pool
    for connection in [pool.get_connection() for _ in range(4)]:
        pool.release(connection)
    admin.client_kill_filter(_type="normal", skipme=True)
    release, taken = pool.release, list[object]()

    def take_what_comes_back(connection: object) -> None:
        release(connection)
        if not taken:
            taken.append(pool.get_connection())

    monkeypatch.setattr(pool, "release", take_what_comes_back)
    assert store.get(KEYS[0]) == f"value of {KEYS[0]}"
    release(taken[0])


def test_late_reply_is_nobodys(server: EmbeddedValkey, store: RedisGateway) -> None:
    """A read that timed out closes its connection:
    its reply, when it comes, is not taken for the next read's."""
    assert store.get(KEYS[0]) == f"value of {KEYS[0]}"
    assert server.pid is not None
    os.kill(server.pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        with pytest.raises(SessionStoreUnavailable):
            store.get(KEYS[0])
        assert time.monotonic() - began < 0.2 * 1.9  # one time-out, not two
    finally:
        os.kill(server.pid, signal.SIGCONT)
    wait_until(lambda: _answers(store), timeout_s=5, what="the store is used again")
    assert [store.get(key) for key in KEYS[1:]] == [f"value of {key}" for key in KEYS[1:]]


def _answers(store: RedisGateway) -> bool:
    try:
        return store.get(KEYS[1]) == f"value of {KEYS[1]}"
    except SessionStoreUnavailable:
        return False


def test_error_reply_leaves_the_connection_usable(store: RedisGateway, admin: RedisClient) -> None:
    """Both answers of the packet are read, whatever the first one is."""
    admin.rpush("gatehouse:session:list", "x")
    assert store.get("gatehouse:session:list") == ""
    assert store.get(KEYS[0]) == f"value of {KEYS[0]}"
    with pytest.raises(ResponseError):
        store.read(lambda client: client.ask("GET"))
    assert store.get_all(KEYS[:1]) == [f"value of {KEYS[0]}"]
    assert admin.info("clients")["connected_clients"] == 2  # the store's and this one


def test_long_value_and_what_is_no_text(store: RedisGateway, admin: RedisClient) -> None:
    """A value of many packets is read whole; bytes that are no UTF-8 come as redis-py gives them."""
    admin.set("gatehouse:session:long", "x" * 1_000_000)
    admin.set("gatehouse:session:bytes", b"\xff")
    assert store.get("gatehouse:session:long") == "x" * 1_000_000
    assert store.get("gatehouse:session:bytes") == "\udcff"


def test_fork_gives_the_child_connections_of_its_own(
    store: RedisGateway, admin: RedisClient
) -> None:
    """Parent and child would read each other's replies."""
    assert store.get(KEYS[0])
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        found = [store.get(key) == f"value of {key}" for key in KEYS]
        os.write(write, b"1" if all(found) else b"0")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    os.close(write)
    with os.fdopen(read, "rb") as answer:
        assert answer.read() == b"1"
    assert store.get(KEYS[1]) == f"value of {KEYS[1]}"


def test_place_is_given_to_who_waits() -> None:
    """A read waits for a connection that another has, and for no longer than it may."""
    places = PooledConnections(1)
    places.put_nowait("connection")
    with pytest.raises(queue.Full):
        places.put_nowait("one too many")
    assert places.get(timeout=0.01) == "connection"
    with pytest.raises(queue.Empty):
        places.get(timeout=0.01)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(places.get, timeout=5)
        wait_until(lambda: bool(places._waiting), timeout_s=5, what="somebody waits")
        places.put_nowait("connection")
        assert waiting.result(timeout=5) == "connection"
    assert not places.queue


def test_scripts_find_open_connections_and_are_given_to_a_server_that_lost_them(
    store: RedisGateway, admin: RedisClient
) -> None:
    """A write is never said twice, so a connection is looked at first; one whose script failed
    serves the next."""
    script = Script("return redis.call('INCR', KEYS[1])")
    assert store.run(script, ["gatehouse:jobs:1"], []) == 1
    admin.client_kill_filter(_type="normal", skipme=True)
    assert store.run(script, ["gatehouse:jobs:1"], []) == 2
    admin.script_flush()
    assert store.run(script, ["gatehouse:jobs:1"], []) == 3
    with pytest.raises(ResponseError):
        store.run(Script("return redis.call('INCR')"), [], [])
    with pytest.raises(DataError):
        store.run(script, ["gatehouse:jobs:1"], [object()])
    assert store.run(script, ["gatehouse:jobs:1"], []) == 4
