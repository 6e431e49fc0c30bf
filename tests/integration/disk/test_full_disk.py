"""A server that can't write its file any more has acknowledged what it was doing then, and refuses
the rest: it is ended in a way that loses nothing, where the disk leaves one."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.exceptions import ResponseError

from deploy.processes.child import ChildError
from deploy.redis.durability import RESERVE_BYTES
from deploy.redis.server_program import find_server
from deploy.redis.valkey import START_DEADLINE_S, EmbeddedValkey
from shared.settings import ROOT
from tests.integration.disk.small_disk import small_disk
from tests.integration.disk.test_append_sync import is_looked_after
from tests.integration.redis.test_valkey_server import PASSWORDS, connect, leave_behind
from tests.ports import free_port
from tests.processes import is_gone
from tests.waiting import wait_until

ROOM_KB = 2048
ENDED = r"^Valkey is ended: it can't write to the disk of .* \(No space left on device\)"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk with room for the reserve and little more."""
    with small_disk(tmp_path / "disk", room_kb=RESERVE_BYTES // 1024 + ROOM_KB) as folder:
        yield folder


def fill(server: EmbeddedValkey) -> set[str]:
    """Write until something is refused; return what was acknowledged. Several go in one packet, so
    that the server acknowledges some of which it knows by then that it could not write them."""
    client, acknowledged = connect(server), set()
    for turn in range(10 * ROOM_KB // 16):
        names = [f"{turn}:{number}" for number in range(16)]
        pipeline = client.pipeline(transaction=False)
        for name in names:
            pipeline.set(name, os.urandom(500).hex())
        replies = pipeline.execute(raise_on_error=False)
        acknowledged |= {name for name, reply in zip(names, replies, strict=True) if reply is True}
        if isinstance(replies[-1], ResponseError):
            client.connection_pool.disconnect()
            return acknowledged
    raise AssertionError("the disk was not full")


def names_in(server: EmbeddedValkey) -> set[str]:
    """Return what a server has."""
    client = connect(server)
    try:
        return {str(name) for name in client.scan_iter()}
    finally:
        client.connection_pool.disconnect()


def test_full_disk_ends_the_server_and_what_it_acknowledged_is_there(disk: Path) -> None:
    """Also what it could not write: the reserve is room for that, once."""
    server = EmbeddedValkey(disk / "valkey", passwords=PASSWORDS).start()
    acknowledged = fill(server)
    with pytest.raises(ChildError, match=ENDED):
        wait_until(lambda: is_looked_after(server), timeout_s=10)
    assert not server.is_running()
    with pytest.raises(ChildError, match=r"no 16 MB left.* No space left on device"):
        server.start()
    assert not server.is_running()
    grow(disk)
    with server:
        assert acknowledged - names_in(server) == set()


def test_stop_while_the_disk_is_full_loses_nothing_that_was_acknowledged(disk: Path) -> None:
    """Nobody has looked yet."""
    server = EmbeddedValkey(disk / "valkey", passwords=PASSWORDS).start()
    acknowledged = fill(server)
    server.stop()
    grow(disk)
    with server:
        assert acknowledged - names_in(server) == set()


def test_server_of_a_killed_launcher_that_can_not_write_is_not_adopted(disk: Path) -> None:
    """It is ended, and loses nothing either."""
    pid = leave_behind(disk / "valkey")
    server = EmbeddedValkey(disk / "valkey", passwords=PASSWORDS)
    acknowledged = fill(server)
    began = time.monotonic()
    assert not server.adopt()
    assert time.monotonic() - began < START_DEADLINE_S, "it has said why"
    assert is_gone(pid)
    grow(disk)
    with server:
        assert acknowledged - names_in(server) == set()


def grow(disk: Path) -> None:
    """Make room, as who gets a larger disk does."""
    subprocess.run(["mount", "-o", "remount,size=100m", str(disk)], check=True)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedValkey]:
    """A server to which the system says that a file is too large, in place of ending it."""
    program = tmp_path / "server"
    program.write_text(f'#!/bin/sh\ntrap "" XFSZ\nexec {find_server()} "$@"\n')
    program.chmod(0o700)
    monkeypatch.setenv("REDIS_SERVER_PROGRAM", str(program))
    with EmbeddedValkey(tmp_path / "valkey", passwords=PASSWORDS) as server:
        yield server


def limit(server: EmbeddedValkey, file_bytes: int) -> None:
    """Let the server's files have so many bytes."""
    assert server.pid
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (file_bytes, resource.RLIM_INFINITY))


def test_server_that_can_write_again_in_a_moment_goes_on(server: EmbeddedValkey) -> None:
    """A rewrite of its file fills a disk for as long as that takes; a server that is busy, or away,
    has not said that it can't write."""
    limit(server, 10_000)
    fill(server)
    server.look_after_disk()
    limit(server, resource.RLIM_INFINITY)
    wait_until(server.answers, timeout_s=10, what="it has tried again")
    server.look_after_disk()
    limit(server, 10_000)
    fill(server)
    server.look_after_disk()
    assert server.is_running(), "the moment begins anew"
    os.kill(server.pid or 0, signal.SIGSTOP)
    server.look_after_disk()
    os.kill(server.pid or 0, signal.SIGCONT)
    assert server.is_running()


def test_server_that_can_not_write_is_ended(server: EmbeddedValkey) -> None:
    """With what the system said; not before it tried again, which it does each second."""
    limit(server, 10_000)
    fill(server)
    with pytest.raises(ChildError, match=r"can't write to the disk of .* \([A-Z]"):
        wait_until(lambda: is_looked_after(server), timeout_s=10)
    assert not server.is_running()


def test_start_on_a_disk_that_takes_no_file_is_one_line(tmp_path: Path) -> None:
    """It names the file."""
    (tmp_path / "file").touch()
    kept = {name: each for name, each in os.environ.items() if not name.startswith("GATEHOUSE_")}
    done = subprocess.run(
        [sys.executable, "-m", "deploy.launcher", "--port", str(free_port())],
        env={**kept, "GATEHOUSE_VAR_DIR": str(tmp_path / "file" / "var")},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert f"gatehouse: [Errno 20] Not a directory: '{tmp_path}" in done.stderr
