"""The seam to Redis against a real server that is broken on purpose:
bounded, retried once at most, never an empty answer."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from redis.exceptions import DataError, ResponseError

from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from shared.contract.signing import EntrySigner
from shared.errors import (
    EntryFormatError,
    SessionStoreUnavailable,
    StoreUnavailable,
)
from shared.redis import RedisClient, RedisGateway, Script, build_client, scan
from shared.redis.breaker import CircuitBreaker
from shared.redis.replication import Acknowledgement
from tests.waiting import wait_until

TIMEOUT_S = 0.2
# What scheduling may add to a bound on a busy machine.
SLACK_S = 0.15
KEY = "gatehouse:jobs:test"


class Bench:
    """A server of this test's own, a store on it, and an administrator's client."""

    def __init__(self, server: EmbeddedValkey) -> None:
        self.server = server
        self.admin = build_client(
            server.url("admin"), timeout_s=2, max_connections=2, of_primary=False
        )
        self.breaker = CircuitBreaker()
        self._stores: list[RedisGateway] = []
        self.store = self.new_store()

    def new_store(self, *, timeout_s: float = TIMEOUT_S, max_connections: int = 4) -> RedisGateway:
        """Return a store as the API's user, on the bench's breaker."""
        client = build_client(
            self.server.url("api"), timeout_s=timeout_s, max_connections=max_connections
        )
        self._stores.append(
            RedisGateway(client, unavailable=SessionStoreUnavailable, breaker=self.breaker)
        )
        return self._stores[-1]

    def close(self) -> None:
        """Close every connection."""
        for store in self._stores:
            store.close()
        self.admin.connection_pool.disconnect()

    def kill_blocked_client(self) -> None:
        """Cut the connection of the client that waits in a blocking command."""

        def blocked() -> list[str]:
            return [
                str(client["id"]) for client in self.admin.client_list() if client["cmd"] == "blpop"
            ]

        wait_until(lambda: len(blocked()) == 1, timeout_s=5, what="a client waits in BLPOP")
        self.admin.client_kill_filter(_id=blocked()[0])


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A running bench."""
    with EmbeddedValkey(tmp_path / "valkey", passwords=new_passwords()) as server:
        bench = Bench(server)
        yield bench
        bench.close()


def elapsed_s(action: Callable[[], object]) -> float:
    """Return how long an action takes that ends as unavailable."""
    began = time.monotonic()
    with pytest.raises(SessionStoreUnavailable):
        action()
    return time.monotonic() - began


class Command:
    """A command whose first call waits to be cut off, and whose later ones answer."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, client: RedisClient) -> object:
        """Wait for an element of an empty list, the first time."""
        self.calls += 1
        return client.blpop(KEY, timeout=5) if self.calls == 1 else client.get(KEY)


def test_read_whose_connection_broke_is_sent_again(bench: Bench) -> None:
    """The caller of a read does not notice one cut connection."""
    store, command = bench.new_store(timeout_s=10), Command()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(store.read, command)
        bench.kill_blocked_client()
        assert answer.result(timeout=5) is None
    assert command.calls == 2
    assert bench.breaker.allow()


def test_write_whose_connection_broke_is_not_sent_again(bench: Bench) -> None:
    """Its reply may be what was lost: a second try could do it twice."""
    store, command = bench.new_store(timeout_s=10), Command()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(store.write, command)
        bench.kill_blocked_client()
        with pytest.raises(SessionStoreUnavailable):
            answer.result(timeout=5)
    assert command.calls == 1


def test_idle_connections_that_broke_cost_nothing(bench: Bench) -> None:
    """After a restart of the server even a write goes through at once:
    dead connections are noticed before use."""
    bench.store.write(lambda client: client.set(KEY, "1"))
    bench.admin.client_kill_filter(_type="normal", skipme=True)
    bench.store.write(lambda client: client.set(KEY, "2"))
    assert bench.store.read(lambda client: client.get(KEY)) == "2"


@pytest.mark.parametrize("kind", ["read", "write"])
def test_frozen_server_is_unavailable_within_the_bound(kind: str, bench: Bench) -> None:
    """One time-out and no second one, also for a read;
    then the breaker answers at once, until the server is back."""
    bench.store.write(lambda client: client.set(KEY, "kept"))
    run = getattr(bench.store, kind)
    assert bench.server.pid is not None
    os.kill(bench.server.pid, signal.SIGSTOP)
    try:
        assert elapsed_s(lambda: run(lambda client: client.get(KEY))) < TIMEOUT_S + SLACK_S
        # The quickest of some: one alone may lose the processor for longer.
        assert min(elapsed_s(lambda: run(lambda client: client.get(KEY))) for _ in range(5)) < 0.02
    finally:
        os.kill(bench.server.pid, signal.SIGCONT)
    wait_until(bench.breaker.allow, timeout_s=2, what="the breaker lets a probe through")
    # That probe was ours: the next one comes after another pause.
    wait_until(lambda: _answers(bench.store), timeout_s=2, what="the store answers again")
    assert bench.store.read(lambda client: client.get(KEY)) == "kept"


def _answers(store: RedisGateway) -> bool:
    try:
        return bool(store.read(lambda client: client.ping()))
    except StoreUnavailable:
        return False


def test_stopped_server_is_unavailable_at_once_and_found_again(bench: Bench) -> None:
    """A refused connection needs no time-out, and a restart of ours is not needed when the server
    is back."""
    bench.store.write(lambda client: client.set(KEY, "kept"))
    bench.server.stop()
    assert elapsed_s(lambda: bench.store.read(lambda client: client.get(KEY))) < SLACK_S
    bench.server.start()
    wait_until(lambda: _answers(bench.store), timeout_s=2, what="the store answers again")
    assert bench.store.read(lambda client: client.get(KEY)) == "kept"


@pytest.mark.parametrize("kind", ["read", "write"])
def test_exhausted_pool_is_unavailable_and_opens_no_breaker(kind: str, bench: Bench) -> None:
    """Too many requests of our own wait for one pool time-out,
    and don't cut off those that hold a connection."""
    store = bench.new_store(max_connections=1)
    held = store.client.connection_pool.get_connection()
    run = getattr(store, kind)
    assert min(elapsed_s(lambda: run(lambda client: client.get(KEY))) for _ in range(3)) < 0.09
    assert bench.breaker.allow()
    assert bench.store.read(lambda client: client.ping())
    store.client.connection_pool.release(held)
    assert store.read(lambda client: client.ping())


def test_full_server_is_unavailable_for_writes(bench: Bench) -> None:
    """Nothing was accepted, so say so; reads go on, for the breaker stays closed."""
    bench.store.write(lambda client: client.set(KEY, "kept"))
    bench.admin.config_set("maxmemory", 1)
    with pytest.raises(SessionStoreUnavailable, match="no writes"):
        bench.store.write(lambda client: client.set(KEY, "new"))
    with pytest.raises(SessionStoreUnavailable, match="no writes"):
        bench.store.require_writes("gatehouse:jobs:absent")
    assert bench.store.read(lambda client: client.get(KEY)) == "kept"
    bench.admin.config_set("maxmemory", 0)
    bench.store.write(lambda client: client.set(KEY, "new"))
    bench.store.require_writes("gatehouse:jobs:absent")
    assert not bench.admin.exists("gatehouse:jobs:absent")


def test_server_whose_replicas_are_missing_takes_no_writes(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """What is asked of it beforehand is what a write waits for; the log says what to change."""
    bench.store.client.connection_pool.acknowledged = Acknowledgement(1, timeout_s=0.05)
    for ask in (bench.store.require_writes, bench.store.require_replicas):
        with pytest.raises(SessionStoreUnavailable, match="No replica of Redis has"):
            ask("gatehouse:jobs:absent")
    (told,) = [each for each in caplog.records if each.name == "gatehouse.redis"]
    assert "add ?replicas=0 to the URL, or &replicas=0 if" in told.getMessage()
    assert "GATEHOUSE_SITE_REDIS_URL" in told.getMessage()
    bench.store.client.connection_pool.acknowledged = None
    for ask in (bench.store.require_writes, bench.store.require_replicas):
        ask("gatehouse:jobs:absent")


def test_wrong_password_is_unavailable(bench: Bench) -> None:
    """An operator's mistake looks like an outage to people, never like a log-out;
    the password is in no message."""
    client = build_client(
        f"unix://api:canary@{bench.server.socket}", timeout_s=TIMEOUT_S, max_connections=1
    )
    store = RedisGateway(client, unavailable=SessionStoreUnavailable)
    with pytest.raises(SessionStoreUnavailable) as caught:
        store.read(lambda client: client.get(KEY))
    assert "canary" not in f"{caught.value} {caught.value.__cause__}"
    store.close()


def test_mistake_of_our_own_stays_an_error(bench: Bench) -> None:
    """A command on the wrong type is a bug to be seen, not an outage to be waited for."""
    bench.store.write(lambda client: client.rpush(KEY, "1"))
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        bench.store.read(lambda client: client.get(KEY))
    assert bench.breaker.allow()


@pytest.mark.parametrize(
    "value", [b"\x80\x04\x95\xff\xfe.", b"\xff:1vM0WG:\xfe", b"e30:1vM0WG:\xe9"]
)
def test_value_that_is_no_text_fails_its_signature(value: bytes, bench: Bench) -> None:
    """A pickle or other bytes under an entry are read as something unsigned,
    not a crash of the driver."""
    bench.admin.set(KEY, value)
    found = bench.store.read(lambda client: client.get(KEY))
    assert isinstance(found, str)
    with pytest.raises(EntryFormatError):
        EntrySigner(["a-secret-of-at-least-32-characters-here"]).unsign(KEY, found)


def test_scan_finds_every_name_once_or_more(bench: Bench) -> None:
    """Over many rounds of the cursor, nothing is missed."""
    names = {f"gatehouse:jobs:{number}" for number in range(1500)}
    bench.store.write(lambda client: client.mset(dict.fromkeys(names, "1")))
    assert set(scan(bench.store, "gatehouse:jobs:*")) == names


def test_script_is_given_to_a_server_that_lost_it(bench: Bench) -> None:
    """A server that was restarted, or never saw it, is given it; then its digest is enough."""
    script = Script("return {KEYS[1], ARGV[1], ARGV[2], #ARGV}")
    answer = [KEY, "é", "7", 2]
    assert bench.store.run(script, [KEY], ["é", 7]) == answer
    bench.admin.script_flush()
    assert bench.store.run(script, [KEY], ["é", 7]) == answer
    assert bench.admin.script_exists("0" * 40, script.digest) == [False, True]


def test_script_that_fails_says_so(bench: Bench) -> None:
    """Its error is the caller's, no outage."""
    with pytest.raises(ResponseError, match="no list"):
        bench.store.run(Script("return redis.error_reply('ERR no list')"), [KEY], [])
    assert not bench.store.is_broken


def test_arguments_are_sent_as_they_are(bench: Bench) -> None:
    """Bytes that are no text too, and a command of two words."""
    bench.admin.execute_command("SET", KEY, b"\xff\x00 \r\n")
    assert bench.admin.execute_command("GET", KEY) == "\udcff\x00 \r\n"
    assert bench.admin.execute_command("OBJECT ENCODING", KEY) == "embstr"


@pytest.mark.parametrize("argument", [None, ["list"], {"a": 1}])
def test_argument_that_redis_can_not_be_sent_is_refused(bench: Bench, argument: object) -> None:
    """Nothing was sent, and the connection can be used again."""
    with pytest.raises(DataError):
        bench.admin.execute_command("SET", KEY, argument)
    assert bench.admin.execute_command("EXISTS", KEY) == 0
