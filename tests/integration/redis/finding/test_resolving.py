"""A resolver that hangs: a connection waits for a name no longer than for a server."""

import socket
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import RedisError

from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from shared.redis import build_client
from shared.redis.cluster import with_entry
from shared.redis.trial import find_misconfiguration, find_obstacle
from tests.ports import free_port
from tests.waiting import wait_until

TIMEOUT_S = 0.3
SOON_S = 3


class Resolver:
    """The system's, which does not answer for one ``name`` until it is let go, or late."""

    def __init__(self) -> None:
        self.name = f"{uuid.uuid4().hex}.example"  # answers to others are kept
        self.late_s = 60.0
        self.go = threading.Event()
        self.asked = 0
        self.threads: set[int] = set()
        self._resolve = socket.getaddrinfo

    def __call__(
        self, host: Any, port: Any, family: int = 0, kind: int = 0, proto: int = 0, flags: int = 0
    ) -> Any:
        """Resolve, as ``getaddrinfo`` does."""
        self.threads.add(threading.get_ident())
        if host == self.name and not flags & socket.AI_NUMERICHOST:
            self.asked += 1
            assert self.go.wait(self.late_s) or self.late_s < 60
            host = "127.0.0.1"
        return self._resolve(host, port, family, kind, proto, flags)


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    """Stands in the place of the system's."""
    resolver = Resolver()
    # Late enough that a test fails which would wait for it.
    late = threading.Timer(2 * SOON_S, resolver.go.set)
    late.start()
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    yield resolver
    resolver.go.set()
    late.cancel()
    late.join()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    """A server with a port."""
    with EmbeddedValkey(tmp_path, passwords=new_passwords(), port=free_port()) as server:
        yield server


@pytest.mark.parametrize("scheme", ["redis", "rediss", "redis+sentinel", "redis+cluster"])
def test_name_that_nobody_resolves_costs_one_time_out(resolver: Resolver, scheme: str) -> None:
    """It is told as such, and no settings are blamed: it may be resolved later."""
    began = time.monotonic()
    url = with_entry(f"{scheme}://{resolver.name}:1/", "{gatehouse}:entry")
    assert find_misconfiguration(url, timeout_s=TIMEOUT_S) == ""
    assert time.monotonic() - began < SOON_S
    if "+" not in scheme:
        assert find_obstacle(url, timeout_s=TIMEOUT_S) == "its name is not resolved in time"


def test_threads_that_need_a_name_ask_for_it_once(
    resolver: Resolver, server: EmbeddedValkey
) -> None:
    """One question is open, however many wait; its answer serves who comes after all."""
    url = server.tcp_url("admin").replace("127.0.0.1", resolver.name)
    client = build_client(url, timeout_s=TIMEOUT_S, max_connections=8)

    def ask(_: int) -> None:
        with pytest.raises(RedisError):
            client.ping()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(ask, range(16)))
    assert resolver.asked == 1
    resolver.go.set()

    def answers() -> bool:
        try:
            return bool(client.ping())
        except RedisError:
            return False

    wait_until(answers, timeout_s=10, what="the name is resolved")
    client.connection_pool.disconnect()


def test_resolver_that_is_slow_costs_the_first_connection_only(
    resolver: Resolver, server: EmbeddedValkey
) -> None:
    """Slower than anybody waits, each time: its answer is there for who asks next."""
    resolver.late_s = 1.5 * TIMEOUT_S
    url = server.tcp_url("admin").replace("127.0.0.1", resolver.name)
    client = build_client(url, timeout_s=TIMEOUT_S, max_connections=1)
    with pytest.raises(RedisError):
        client.ping()
    wait_until(lambda: not _questions(), timeout_s=10, what="the name is resolved")
    for _ in range(10):
        assert client.ping()
        assert len(_questions()) <= 1
        client.connection_pool.disconnect()


def _questions() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "gatehouse-resolves"]


def test_address_is_resolved_by_who_needs_it(resolver: Resolver, server: EmbeddedValkey) -> None:
    """No thread is made for an address, and none for a command on a connection that is there."""
    client = build_client(server.tcp_url("admin"), timeout_s=1, max_connections=1)
    assert client.ping()
    assert resolver.threads == {threading.get_ident()}
    asked = set(resolver.threads)
    resolver.threads.clear()
    assert client.ping()
    assert (asked, resolver.threads) == ({threading.get_ident()}, set())
    client.connection_pool.disconnect()
