"""A server that is no primary is never believed:
it may still have a session that was ended on the primary."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis.exceptions import NoPermissionError

from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from shared.errors import JobStoreUnavailable, SessionStoreUnavailable, StoreUnavailable
from shared.redis import RedisClient, RedisGateway, Script, build_client
from shared.redis.replication import Acknowledgement, MayNotWaitError
from shared.redis.trial import obstacle_of, problem_of
from tests.integration.redis.fault_proxy import fault_proxy
from tests.waiting import wait_until

KEY = "gatehouse:jobs:test"


class Pair:
    """Two servers that have the same users; each may be told to follow the other."""

    def __init__(self, folder: Path) -> None:
        passwords = new_passwords()
        self.servers = [
            EmbeddedValkey(folder / name, passwords=passwords, port=0) for name in ("one", "two")
        ]
        for server in self.servers:
            server.start()
        self.admins = [_admin(server) for server in self.servers]

    def demote(self, number: int) -> None:
        """Make a server a replica; what it follows is of no matter."""
        self.admins[number].replicaof("127.0.0.1", "1")

    def promote(self, number: int) -> None:
        """Make a server a primary."""
        self.admins[number].replicaof("NO", "ONE")

    def close(self) -> None:
        """Stop both."""
        for admin in self.admins:
            admin.connection_pool.disconnect()
        for server in self.servers:
            server.stop()


def _admin(server: EmbeddedValkey) -> RedisClient:
    return build_client(server.url("admin"), timeout_s=2, max_connections=1, of_primary=False)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """Two running servers."""
    pair = Pair(tmp_path)
    yield pair
    pair.close()


@pytest.fixture
def store(pair: Pair) -> Iterator[RedisGateway]:
    """A store on the first server, as the API's user."""
    client = build_client(pair.servers[0].url("api"), timeout_s=1, max_connections=4)
    store = RedisGateway(client, unavailable=SessionStoreUnavailable)
    yield store
    store.close()


def test_read_of_a_server_that_was_demoted_is_no_answer(pair: Pair, store: RedisGateway) -> None:
    """The connection stays open and the server goes on answering reads:
    the very next one is refused all the same."""
    pair.admins[0].set(KEY, "ended elsewhere")
    assert store.get(KEY) == "ended elsewhere"
    pair.demote(0)
    with pytest.raises(SessionStoreUnavailable):
        store.get(KEY)


def test_read_by_redis_py_of_a_server_that_was_demoted_is_no_answer(
    pair: Pair, store: RedisGateway
) -> None:
    """Its way of reading is asked the same."""
    assert store.read(lambda client: client.hget(KEY, "x")) is None
    pair.demote(0)
    with pytest.raises(SessionStoreUnavailable):
        store.read(lambda client: client.hget(KEY, "x"))


def test_new_connection_to_a_replica_is_refused(pair: Pair, store: RedisGateway) -> None:
    """Before any command is sent on it."""
    pair.demote(0)
    with pytest.raises(SessionStoreUnavailable):
        store.get(KEY)
    assert "cmdstat_get" not in pair.admins[0].info("commandstats")
    pair.promote(0)
    wait_until(lambda: _answers(store), timeout_s=2, what="the store is used again")


def test_write_that_a_replica_refused_leaves_it(pair: Pair, store: RedisGateway) -> None:
    """Every connection of the pool is closed before it is used again,
    and the next writes go to the new primary."""
    with fault_proxy(pair.servers[0].socket) as proxy:
        moved = RedisGateway(
            build_client(proxy.url(pair.servers[0].url("api")), timeout_s=1, max_connections=4),
            unavailable=JobStoreUnavailable,
        )
        held = [moved.client.connection_pool.get_connection() for _ in range(3)]
        for connection in held:
            moved.client.connection_pool.release(connection)
        pair.demote(0)
        with pytest.raises(JobStoreUnavailable):
            moved.write(lambda client: client.set(KEY, "1"))
        proxy.upstream = pair.servers[1].socket
        wait_until(lambda: _answers(moved), timeout_s=2, what="the store is used again")
        for number in range(3):
            moved.write(partial(_set, name=f"{KEY}{number}"))
        assert pair.admins[1].dbsize() == 3
        moved.close()


def test_command_finds_the_new_primary_in_the_same_call(pair: Pair) -> None:
    """Nobody notices anything, if the address leads to the new primary already:
    a write that was refused was not done."""
    pair.admins[1].set(KEY, "new")
    with fault_proxy(pair.servers[0].socket) as proxy:
        client = build_client(proxy.url(pair.servers[0].url("api")), timeout_s=1, max_connections=4)
        store = RedisGateway(client, unavailable=SessionStoreUnavailable)
        assert store.get(KEY) is None
        pair.demote(0)
        proxy.upstream = pair.servers[1].socket
        assert store.get(KEY) == "new"
        pair.promote(0)
        pair.demote(1)
        proxy.upstream = pair.servers[0].socket
        store.write(lambda client: client.incr(KEY))
        assert pair.admins[0].get(KEY) == "1"
        store.close()


def test_user_that_may_not_ask_by_wait_is_protected_too(pair: Pair) -> None:
    """The least that reads sessions, GET, is enough;
    after the first refusal no further one is in the server's ACL log."""
    admin = pair.admins[0]
    admin.execute_command("ACL", "SETUSER", "least", "on", ">word", "%R~gatehouse:*", "+get")
    admin.set("gatehouse:x", "1")
    address = urlsplit(pair.servers[0].url("api"))
    client = build_client(f"unix://least:word@{address.path}", timeout_s=1, max_connections=1)
    store = RedisGateway(client, unavailable=SessionStoreUnavailable)
    assert [store.get("gatehouse:x") for _ in range(3)] == ["1"] * 3
    assert [entry["count"] for entry in admin.acl_log()] == [1]
    pair.demote(0)
    with pytest.raises(SessionStoreUnavailable):
        store.get("gatehouse:x")
    pair.promote(0)
    with pytest.raises(NoPermissionError):
        client.execute_command("INFO")
    store.close()


def test_user_that_may_not_wait_for_replicas_writes_nothing_that_counts(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    """However often it was refused, and whatever it reads meanwhile: a primary without a replica
    must not pass for one whose replica has the write. Who tries the server out is told as well."""
    pair.admins[0].execute_command("ACL", "SETUSER", "api", "-wait")
    client = build_client(pair.servers[0].url("api"), timeout_s=1, max_connections=2)
    client.connection_pool.acknowledged = Acknowledgement(1, timeout_s=0.05)
    store = RedisGateway(client, unavailable=SessionStoreUnavailable)
    for _ in range(2):
        for write in (_set, _tell, _run_script):
            with pytest.raises(SessionStoreUnavailable, match="its operator must look at the log"):
                store.write(partial(write, name=KEY))
        assert store.get(KEY) == "1", "reads go on"
        with pytest.raises(MayNotWaitError) as refused:
            client.connection_pool.try_out()
        assert not isinstance(refused.value, NoPermissionError), "it may do what it was asked to"
        assert obstacle_of(refused.value) == problem_of(refused.value)
    assert "may not run WAIT" in problem_of(refused.value)
    (told,) = [each for each in caplog.records if each.name == "gatehouse.redis"]
    assert "allow it (+wait), or add ?replicas=0 to the URL" in told.getMessage()
    client.connection_pool.acknowledged = None
    store.write(partial(_set, name=KEY))
    client.connection_pool.try_out()
    store.close()


def _set(client: RedisClient, *, name: str) -> object:
    return client.set(name, "1")


def _tell(client: RedisClient, *, name: str) -> object:
    return client.tell("SET", name, "1")


def _run_script(client: RedisClient, *, name: str) -> object:
    return Script("return redis.call('set', KEYS[1], 1)").run(client, [name], [])


def _answers(store: RedisGateway) -> bool:
    try:
        store.get(KEY)
    except StoreUnavailable:
        return False
    return True
