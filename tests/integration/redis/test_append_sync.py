"""What the server has appended is put onto the disk by a process beside it, which lives as long as
the server does; a disk that fails ends both."""

import os
import signal
from pathlib import Path

import pytest

from deploy.redis.append_sync import AppendSync
from deploy.redis.valkey import EmbeddedValkey
from tests.integration.redis.test_valkey_server import PASSWORDS, connect, leave_behind
from tests.processes import is_gone
from tests.waiting import wait_until


def let_the_disk_fail(folder: Path) -> None:
    """Put something there that can't be put onto a disk."""
    (folder / "appendonlydir" / "failing").symlink_to("/dev/full")


def sync_pid(folder: Path) -> int:
    """Return the id of the process beside the server."""
    return int((folder / "append-sync.pid").read_text())


def test_server_writes_before_it_answers_and_never_waits_for_the_disk(tmp_path: Path) -> None:
    """With "everysec" a kill -9 while the disk is slow loses what was acknowledged: the disk is for
    who started it, also after an adoption from a version that did otherwise."""
    with EmbeddedValkey(tmp_path, passwords=PASSWORDS) as server:
        client = connect(server)
        assert client.config_get("appendfsync") == {"appendfsync": "no"}
        client.config_set("appendfsync", "everysec")
        adopter = EmbeddedValkey(tmp_path, passwords=PASSWORDS)
        assert adopter.adopt()
        assert client.config_get("appendfsync") == {"appendfsync": "no"}
        client.connection_pool.disconnect()
        adopter.stop()


def test_what_has_changed_is_put_onto_the_disk(tmp_path: Path) -> None:
    """And nothing else; a file that was rewritten meanwhile stays open no longer."""
    with EmbeddedValkey(tmp_path, passwords=PASSWORDS) as server:
        sync = AppendSync(tmp_path / "appendonlydir")
        client = connect(server)
        client.ping()
        opened = len(os.listdir("/proc/self/fd"))
        assert len(sync.sync()) == 3
        assert sync.sync() == []
        client.set("a", 1)
        assert sync.sync() == ["appendonly.aof.1.incr.aof"]
        client.bgrewriteaof()
        rewritten: set[str] = set()

        def is_rewritten() -> bool:
            rewritten.update(sync.sync())
            return {"appendonly.aof.2.base.rdb", "appendonly.aof.2.incr.aof"} <= rewritten

        wait_until(is_rewritten, timeout_s=10)
        wait_until(
            lambda: not sync.sync() and len(os.listdir("/proc/self/fd")) == opened + 3,
            timeout_s=10,
            what="the old ones are closed",
        )
        client.connection_pool.disconnect()
    assert AppendSync(tmp_path / "none").sync() == []


@pytest.mark.parametrize("is_launcher_killed", [False, True])
def test_disk_that_fails_ends_the_server(tmp_path: Path, is_launcher_killed: bool) -> None:
    """It says so once, and then as if all was well: nothing is acknowledged on top of what is lost.
    Whether or not who started the server still lives."""
    server = EmbeddedValkey(tmp_path, passwords=PASSWORDS)
    pid = leave_behind(tmp_path) if is_launcher_killed else server.start().pid
    assert pid is not None
    let_the_disk_fail(tmp_path)
    wait_until(
        lambda: is_gone(pid) if is_launcher_killed else not server.is_running(),
        timeout_s=10,
        what="the server has ended",
    )
    assert (
        f"the disk under {tmp_path}/appendonlydir fails"
        in (tmp_path / "append-sync.log").read_text()
    )
    if not is_launcher_killed:
        assert "fails ([Errno 22] Invalid argument): Valkey is ended" in server.last_words
        server.look_after_disk()
    server.stop()
    assert is_gone(sync_pid(tmp_path))


def test_process_beside_the_server_ends_with_it(tmp_path: Path) -> None:
    """However that ends: nothing is left behind."""
    with EmbeddedValkey(tmp_path, passwords=PASSWORDS):
        first = sync_pid(tmp_path)
        assert not is_gone(first)
    assert is_gone(first)
    pid = leave_behind(tmp_path)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: is_gone(sync_pid(tmp_path)), timeout_s=10)


def test_process_beside_the_server_is_replaced(tmp_path: Path) -> None:
    """When it was killed, and when a launcher adopts the server: that one's code may be newer."""
    leave_behind(tmp_path)
    pids = [sync_pid(tmp_path)]
    server = EmbeddedValkey(tmp_path, passwords=PASSWORDS)
    assert server.adopt()
    pids.append(sync_pid(tmp_path))
    os.kill(pids[-1], signal.SIGKILL)

    def is_replaced() -> bool:
        server.look_after_disk()
        return sync_pid(tmp_path) not in pids

    wait_until(is_replaced, timeout_s=10)
    assert is_gone(pids[0])
    server.stop()
    assert is_gone(sync_pid(tmp_path))
