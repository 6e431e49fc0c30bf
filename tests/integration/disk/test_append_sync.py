"""What the server has appended is put onto the disk by a process beside it, which lives as long as
the server does; a disk that fails ends both."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from deploy.processes.child import ChildError
from deploy.processes.private_files import replace_private
from deploy.redis import append_sync
from deploy.redis.append_sync import AppendSync, DiskFailedError
from deploy.redis.valkey import EmbeddedValkey
from tests.integration.redis.test_valkey_server import PASSWORDS, connect, leave_behind
from tests.processes import is_gone
from tests.waiting import wait_until

FAILING = """
import os, runpy
fdatasync = os.fdatasync
def fail(file):
    if os.path.exists({flag!r}):
        with open({flag!r}) as flag:
            number = int(flag.read())
        os.dup2(os.open("/dev/full", os.O_WRONLY), 2)  # where it speaks is on the same disk
        raise OSError(number, os.strerror(number)) if number else RuntimeError("a mistake")
    fdatasync(file)
os.fdatasync = fail
runpy.run_path({program!r}, run_name="__main__")
"""


@pytest.fixture
def failing_disk(tmp_path: Path) -> Path:
    """A program that syncs as ours does, on a disk that fails once there is a file "fails", with
    the number in it. 0 is a mistake of the program's own."""
    program = tmp_path / "sync.py"
    program.write_text(FAILING.format(flag=str(tmp_path / "fails"), program=append_sync.__file__))
    return program


def files_open(folder: Path) -> int:
    """Count this process's open files that are in the folder."""
    paths = []
    for name in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # another thread's, or the look's own
            paths.append(Path(os.readlink(f"/proc/self/fd/{name}")))
    return sum(path.is_relative_to(folder) for path in paths)


def write(server: EmbeddedValkey, entry: str) -> None:
    """Have it write something."""
    client = connect(server)
    client.set(entry, 1)
    client.connection_pool.disconnect()


def is_looked_after(server: EmbeddedValkey) -> bool:
    """Look, and tell that it is not done with one look: who waits for an error is raised it."""
    server.look_after_disk()
    return False


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
        opened = files_open(tmp_path)
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
            lambda: not sync.sync() and files_open(tmp_path) == opened + 3,
            timeout_s=10,
            what="the old ones are closed",
        )
        client.connection_pool.disconnect()


@pytest.mark.parametrize("number", [errno.EIO, errno.EROFS, errno.ENODATA])
def test_disk_that_fails_ends_the_server(
    tmp_path: Path, failing_disk: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """It says so once, and then as if all was well: nothing is acknowledged on top of what is lost.
    Without a word from the server, which may hang, and in the log, which is on the same disk."""
    folder = tmp_path / "valkey"
    monkeypatch.setattr(append_sync, "__file__", str(failing_disk))
    with EmbeddedValkey(folder, passwords=PASSWORDS) as server:
        write(server, "a")
        replace_private(tmp_path / "fails", str(number))
        write(server, "b")
        os.kill(server.pid or 0, signal.SIGSTOP)
        wait_until(lambda: not server.is_running(), timeout_s=10, what="the server has ended")
        assert server.last_words == (
            f"the disk of {folder} fails ({os.strerror(number)}); what was written last may be gone"
        )
        server.look_after_disk()


def test_disk_that_fails_ends_the_server_of_a_killed_launcher(
    tmp_path: Path, failing_disk: Path
) -> None:
    """Nobody else would."""
    pid = leave_behind(tmp_path / "valkey", sync_program=str(failing_disk))
    server = EmbeddedValkey(tmp_path / "valkey", passwords=PASSWORDS)
    replace_private(tmp_path / "fails", str(errno.EIO))
    write(server, "a")
    wait_until(lambda: is_gone(pid), timeout_s=10, what="the server has ended")
    wait_until(lambda: is_gone(sync_pid(server.folder)), timeout_s=10)


def test_end_of_the_process_that_nobody_can_explain_ends_the_server(
    tmp_path: Path, failing_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk may have told it what it tells nobody else."""
    monkeypatch.setattr(append_sync, "__file__", str(failing_disk))
    with EmbeddedValkey(tmp_path / "valkey", passwords=PASSWORDS) as server:
        replace_private(tmp_path / "fails", "0")
        write(server, "a")
        wait_until(lambda: is_gone(sync_pid(server.folder)), timeout_s=10)
        with pytest.raises(ChildError, match=r"ended by itself, with exit code 1"):
            wait_until(lambda: is_looked_after(server), timeout_s=10)
        assert not server.is_running()


def test_process_that_can_not_begin_again_is_said_in_one_line(tmp_path: Path) -> None:
    """Where a disk can't be written, its file can't be opened."""
    with EmbeddedValkey(tmp_path, passwords=PASSWORDS) as server:
        os.kill(sync_pid(tmp_path), signal.SIGKILL)
        (tmp_path / "append-sync.pid").unlink()
        (tmp_path / "append-sync.pid").mkdir()
        with pytest.raises(ChildError, match=r"^whether append-sync .* runs can't .*Is a dir"):
            wait_until(lambda: is_looked_after(server), timeout_s=10)
        assert server.is_running(), "who started it ends it"


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EUCLEAN, errno.EACCES])
def test_folder_that_can_not_be_read_is_a_disk_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Unless it is a matter of rights, or of room in memory: then nothing is lost."""

    def fail(_: Path) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "scandir", fail)
    with pytest.raises(PermissionError if number == errno.EACCES else DiskFailedError):
        AppendSync(tmp_path).sync()


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOTSUP])
def test_macos_asks_less_of_the_disk_only_where_that_is_all_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """What the disk said to the stronger question it need not say to the weaker one again."""

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    (tmp_path / "a").write_text("a")
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", fail)
    if number == errno.EIO:
        with pytest.raises(DiskFailedError):
            AppendSync(tmp_path).sync()
    else:
        assert AppendSync(tmp_path).sync() == ["a"]


def test_what_is_no_file_of_valkey_is_no_disk_that_fails(tmp_path: Path) -> None:
    """And keeps nothing else from being put onto the disk."""
    with EmbeddedValkey(tmp_path, passwords=PASSWORDS) as server:
        folder = tmp_path / "appendonlydir"
        (folder / "a").symlink_to("/dev/full")
        (folder / "b").symlink_to("nowhere")
        os.mkfifo(folder / "c")
        assert len(AppendSync(folder).sync()) == 3
        assert server.answers()


def test_folder_that_is_gone_is_said_once(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And looked for again each second; the process ends with the server all the same."""
    monkeypatch.setattr(append_sync, "_EVERY_S", 0.01)
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        main = threading.Thread(
            target=append_sync.main, args=(str(tmp_path / "none"), str(sleeper.pid))
        )
        main.start()
        said = ""

        def is_said() -> bool:
            nonlocal said
            said += capfd.readouterr().err
            return "tried again each second" in said

        wait_until(is_said, timeout_s=10)
        sleeper.kill()
        main.join(timeout=10)
    assert (said + capfd.readouterr().err).count("No such file") == 1


def test_without_a_handle_of_the_process_its_number_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old kernels have none, and some sandboxes forbid it."""
    monkeypatch.delattr(os, "pidfd_open")
    monkeypatch.setattr(append_sync, "_EVERY_S", 0.01)
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        main = threading.Thread(target=append_sync.main, args=(str(tmp_path), str(sleeper.pid)))
        main.start()
        sleeper.kill()
        sleeper.wait()
        main.join(timeout=10)
        assert not main.is_alive()


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
