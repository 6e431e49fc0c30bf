"""What a client is made of, and what is said of a URL whose server can't be used."""

import socket
import socketserver
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import NoPermissionError

from deploy.redis.server_program import find_server
from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from shared.errors import ConfigurationError
from shared.redis import build_client
from shared.redis.cluster import with_entry
from shared.redis.trial import find_misconfiguration, find_obstacle, problem_of
from tests.integration.redis.listening import listening
from tests.ports import free_port
from tests.waiting import wait_until


@pytest.mark.parametrize(
    "url", ["", "canary", "http://api:canary@127.0.0.1", "redis://api:canary@127.0.0.1:port/0"]
)
def test_unreadable_url_is_refused_without_repeating_it(url: str) -> None:
    """The URL may hold a password."""
    with pytest.raises(ConfigurationError) as caught:
        build_client(url, timeout_s=1, max_connections=1)
    assert "canary" not in caught.value.message


def test_time_outs_in_the_url_count_for_nothing() -> None:
    """Else a URL that a service hands out would undo the bound on every request."""
    url = "redis://127.0.0.1:1/3?socket_timeout=30&socket_connect_timeout=30"
    options = build_client(url, timeout_s=0.2, max_connections=1).connection_pool.connection_kwargs
    assert (options["socket_timeout"], options["socket_connect_timeout"], options["db"]) == (
        0.2,
        0.2,
        3,
    )


def test_new_client_opens_no_connection() -> None:
    """Making one is free: it may be made before a fork, and while the server is away."""
    build_client("redis://127.0.0.1:1/0", timeout_s=1, max_connections=1).close()


class _Http(socketserver.StreamRequestHandler):
    """As much of a web server as says that it is none of Redis."""

    def handle(self) -> None:
        """Answer one client."""
        self.rfile.readline()
        self.wfile.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, object]]:
    """Where there is a Redis without TLS, with which password, and where there is a web server."""
    port, passwords = free_port(), new_passwords()
    folder = tmp_path_factory.mktemp("plain")
    with (
        EmbeddedValkey(folder, passwords=passwords, port=port),
        listening(socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Http)) as (_, web),
    ):
        yield {"redis": f"127.0.0.1:{port}", "word": passwords["api"], "web": f"127.0.0.1:{web}"}


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://127.0.0.1:1/0", "connection refused: nobody listens there"),
        ("unix:///no/such.sock", "there is no such socket"),
        ("redis://no-such-host.invalid/0", "the name is unknown"),
        ("redis://api:{word}@{web}/0", "what answers is no Redis"),
        ("rediss://api:{word}@{web}/0", "no TLS there: redis://?"),
        ("rediss://api:{word}@{redis}/0", "no TLS there: redis://?"),
        ("rediss://{redis}/0?ssl_ca_certs=/no/such.pem", "the file of ssl_ca_certs can't be read"),
        (
            "redis+sentinel://api:{word}@{redis}/0",
            "what answers is no Sentinel (redis://?), or refuses sentinel_password or wants one",
        ),
        ("redis+sentinel://api:{word}@127.0.0.1:1/0", "connection refused: nobody listens there"),
        ("redis+cluster://api:{word}@127.0.0.1:1/", "connection refused: nobody listens there"),
        ("redis+cluster://api:{word}@{redis}/", "it is no Redis Cluster: name it by redis://"),
        ("redis://api:{word}@{redis}/0", ""),
    ],
)
def test_obstacle_says_which_one_it_is(places: dict[str, object], url: str, said: str) -> None:
    """Each is mended in another place; "does not answer" is left for who is silent."""
    url = with_entry(url.format(**places), "{another}:entry")
    assert find_obstacle(url, timeout_s=1) == said
    assert str(places["word"]) not in said


def test_server_that_is_named_for_what_it_is_not_stops_a_start(tmp_path: Path) -> None:
    """No waiting makes a Sentinel of it; a port where nobody listens may be one later."""
    port = free_port()
    with EmbeddedValkey(tmp_path, passwords=new_passwords(), port=port) as server:
        admin: Any = build_client(server.url("admin"), timeout_s=1, max_connections=1)
        admin.execute_command("ACL", "SETUSER", "default", "on", "nopass")
        admin.connection_pool.disconnect()
        url = f"redis+sentinel://127.0.0.1:{port}/0"
        said = find_misconfiguration(url, timeout_s=1)
    assert said == "what answers is no Sentinel (redis://?)"
    assert find_misconfiguration("redis+sentinel://127.0.0.1:1/0", timeout_s=1) == ""


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def sentinel(tmp_path: Path) -> Iterator[str]:
    """A Sentinel that watches one primary, under the name of gatehouse; its address."""
    port, config = free_port(), tmp_path / "sentinel.conf"
    config.write_text(f"port {port}\nsentinel monitor gatehouse 127.0.0.1 1 1\n")
    command = [str(find_server()), str(config), "--sentinel"]
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        wait_until(lambda: _is_open(port), timeout_s=30, what="it listens")
        yield f"127.0.0.1:{port}"
        process.kill()


def test_name_that_sentinels_do_not_know_is_told_with_those_that_they_know(sentinel: str) -> None:
    """It is the URL's; no waiting makes it known. Where most are away, it may be known there."""
    known = "they know gatehouse"
    for query, name in (("", "mymaster"), ("?service=other", "other")):
        said = find_misconfiguration(f"redis+sentinel://{sentinel}/0{query}", timeout_s=1)
        assert (
            said
            == f"its Sentinels know no primary of the name {name} (service= of its URL): {known}"
        )
    url = f"redis+sentinel://{sentinel},127.0.0.1:1/0?service=other"
    assert find_misconfiguration(url, timeout_s=1) == ""


def test_names_that_the_users_rights_are_not_for_are_told_as_such(tmp_path: Path) -> None:
    """The rights are those of the prefix in users.acl, which may be another than is in use."""
    with EmbeddedValkey(tmp_path, passwords=new_passwords()) as server:
        client = build_client(server.url("api"), timeout_s=1, max_connections=1)
        with pytest.raises(NoPermissionError) as refused:
            client.get("other:jobs:a")
        client.connection_pool.disconnect()
    assert "GATEHOUSE_REDIS_PREFIX differs from the names in the ACL" in problem_of(refused.value)
