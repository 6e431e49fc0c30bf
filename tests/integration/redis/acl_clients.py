"""A server with an entry of each kind, and a client of each role."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from redis.exceptions import NoPermissionError

from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from shared.redis import RedisClient, build_client

SESSION = "gatehouse:session:" + "a" * 64
PRINCIPAL = "gatehouse:principal:7"
KEY = "gatehouse:key:" + "b" * 64
JOB = "gatehouse:jobs:job:1"
GONE = "gatehouse:gone:of:7"
PERMISSIONS = "gatehouse:permissions:" + "c" * 64
CONTRACT = (SESSION, PRINCIPAL, PERMISSIONS, KEY, GONE)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    """A server of this file's own: its ACL log is looked at."""
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey"), passwords=new_passwords()) as valkey:
        yield valkey


class Clients:
    """One client per role, made on demand."""

    def __init__(self, server: EmbeddedValkey) -> None:
        self._server = server
        self._clients: list[RedisClient] = []

    def __getitem__(self, role: str) -> RedisClient:
        client = build_client(self._server.url(role), timeout_s=1, max_connections=2)
        self._clients.append(client)
        return client

    def close(self) -> None:
        """Close all connections."""
        for client in self._clients:
            client.connection_pool.disconnect()


@pytest.fixture
def clients(server: EmbeddedValkey) -> Iterator[Clients]:
    """Clients on a server with one session, principal, key and job, and an empty ACL log."""
    clients = Clients(server)
    admin = clients["admin"]
    admin.flushall()
    admin.acl_log_reset()
    for entry in (*CONTRACT, JOB):
        admin.set(entry, "signed", ex=1000)
    yield clients
    clients.close()


def refused(client: RedisClient, *command: Any) -> bool:
    """Tell whether the server refuses the command for want of permission."""
    execute: Callable[..., Any] = client.execute_command
    try:
        execute(*command)
    except NoPermissionError:
        return True
    return False
