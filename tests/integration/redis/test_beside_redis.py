"""Whether Redis itself is a process of this machine: believed only where the kernel and Redis name
the same process."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from deploy.redis.valkey import EmbeddedValkey
from shared.errors import JobStoreUnavailable
from shared.redis import RedisGateway, build_client
from tests.integration.redis.fault_proxy import FaultProxy, fault_proxy
from tests.integration.redis.test_valkey_server import PASSWORDS
from tests.ports import free_port

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="no /proc here")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    """A server with a socket and a port."""
    folder = tmp_path_factory.mktemp("beside")
    with EmbeddedValkey(folder / "valkey", passwords=PASSWORDS, port=free_port()) as server:
        yield server


@contextmanager
def far(server: EmbeddedValkey, folder: Path) -> Iterator[tuple[FaultProxy, str]]:
    """A Unix socket that passes on what is said, and its URL."""
    file, url = folder / "far.sock", server.url("worker")
    with fault_proxy(server.socket, socket_file=file) as proxy:
        yield proxy, url.replace(quote(str(server.socket)), quote(str(file)))


def is_beside(url: str) -> bool:
    """Ask through this URL; what is asked next is answered as ever."""
    client = build_client(url, timeout_s=2, max_connections=1)
    store = RedisGateway(client, unavailable=JobStoreUnavailable)
    try:
        found = store.is_beside_redis()
        assert store.get("gatehouse:jobs:none") is None
        return found
    finally:
        store.close()


def test_server_that_listens_itself_is_of_this_machine(server: EmbeddedValkey) -> None:
    """Behind its socket; a port may lead anywhere."""
    assert is_beside(server.url("worker"))
    assert not is_beside(server.tcp_url("worker"))


def test_socket_of_who_passes_it_on_says_nothing(server: EmbeddedValkey, tmp_path: Path) -> None:
    """As one of ssh or socat, which may lead to another machine."""
    with far(server, tmp_path) as (_, url):
        assert not is_beside(url)


@pytest.mark.parametrize(
    ("differs_by", "program", "is_known"),
    [
        (0, "/usr/bin/valkey-server", False),
        (0, "", False),
        (1, "/usr/bin/{own}", False),
        (0, "/usr/bin/{own}", True),
    ],
)
def test_number_of_a_process_may_be_that_of_two_machines(
    server: EmbeddedValkey, tmp_path: Path, differs_by: int, program: str, is_known: bool
) -> None:
    """Who listens here, this process, has by chance the number of the Redis elsewhere."""
    own = Path("/proc/self/comm").read_text().strip()
    info = f"# Server\r\nprocess_id:{os.getpid() + differs_by}\r\nexecutable:{program.format(own=own)}\r\n"
    with far(server, tmp_path) as (proxy, url):
        proxy.answers[b"INFO"] = f"${len(info)}\r\n{info}\r\n".encode()
        assert is_beside(url) is is_known


def test_where_info_is_refused_nothing_is_known(server: EmbeddedValkey) -> None:
    """Which is no outage, and nothing for the log."""
    admin = build_client(server.url("admin"), timeout_s=2, max_connections=1)
    admin.execute_command("ACL", "SETUSER", "worker", "-info")
    try:
        assert not is_beside(server.url("worker"))
    finally:
        admin.execute_command("ACL", "SETUSER", "worker", "+info")
        admin.connection_pool.disconnect()
