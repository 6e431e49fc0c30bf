"""The room that a server's folder keeps for the moment in which the disk is full: made in whatever
way the file system has, and a start without one says what is lost."""

import errno
import json
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.processes.child import ChildError
from deploy.redis.durability import RESERVE_BYTES
from deploy.redis.valkey import EmbeddedValkey
from shared.settings import ROOT
from tests.integration.disk.small_disk import small_disk
from tests.integration.redis.test_valkey_server import PASSWORDS

_FALLOCATE = {"x86_64": 285, "aarch64": 47}  # the system call's number

# Has the kernel say EOPNOTSUPP to fallocate, as it does of NFS before 4.2, 9p and much of FUSE;
# glibc then does by itself what it can, and says of some files that they are none.
START_WITHOUT_FALLOCATE = """
import ctypes, errno, json, os, struct, sys
from pathlib import Path
def step(code, yes, no, value):
    return struct.pack("HBBI", code, yes, no, value)
program = ctypes.create_string_buffer(
    step(0x20, 0, 0, 0) + step(0x15, 0, 1, int(sys.argv[2]))
    + step(0x06, 0, 0, 0x00050000 | errno.EOPNOTSUPP) + step(0x06, 0, 0, 0x7FFF0000)
)
class Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("program", ctypes.c_void_p)]
libc = ctypes.CDLL(None, use_errno=True)
filter = Filter(4, ctypes.addressof(program))
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, ctypes.byref(filter)) == 0
from deploy.redis.valkey import EmbeddedValkey
folder = Path(sys.argv[1])
with EmbeddedValkey(folder, passwords=json.loads(os.environ["PASSWORDS"])) as server:
    print(server.answers(), (folder / "reserve").stat().st_blocks * 512)
"""


def room_of(folder: Path) -> int:
    """Return how many bytes of the disk the reserve takes."""
    return (folder / "reserve").stat().st_blocks * 512


@pytest.mark.skipif(platform.machine() not in _FALLOCATE or sys.platform != "linux", reason="Linux")
def test_file_system_that_has_no_fallocate_gets_a_reserve_too(tmp_path: Path) -> None:
    """Said by the kernel itself: what the C library makes of it is its own affair."""
    number = _FALLOCATE[platform.machine()]
    done = subprocess.run(
        [sys.executable, "-c", START_WITHOUT_FALLOCATE, str(tmp_path), str(number)],
        env={**os.environ, "PASSWORDS": json.dumps(PASSWORDS)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    answers, room = done.stdout.split()
    assert (answers, int(room) >= RESERVE_BYTES) == ("True", True)


def say_of_fallocate(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the system say so to who asks for room."""

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "posix_fallocate", fail, raising=False)


@pytest.mark.parametrize("number", [errno.EBADF, errno.ENODEV, errno.ENOSYS, errno.EPERM])
def test_reserve_is_written_where_no_room_can_be_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Whatever is said to that, unless it is that there is no room."""
    say_of_fallocate(number, monkeypatch)
    with EmbeddedValkey(tmp_path, passwords=PASSWORDS):
        assert RESERVE_BYTES <= room_of(tmp_path) < 2 * RESERVE_BYTES


def test_no_room_for_a_reserve_that_is_written_refuses_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it does where room can be asked for; and leaves none of it behind."""
    say_of_fallocate(errno.EOPNOTSUPP, monkeypatch)
    with small_disk(tmp_path / "disk", room_kb=RESERVE_BYTES // 1024 - 1024) as folder:
        server = EmbeddedValkey(folder / "valkey", passwords=PASSWORDS)
        with pytest.raises(ChildError, match=r"no 16 MB left.* No space left on device"):
            server.start()
        assert not server.is_running()
        assert not (server.folder / "reserve").exists()


@contextmanager
def files_of(size: int) -> Iterator[None]:
    """Let this process make files of so many bytes at most."""
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, former[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)


def test_reserve_that_can_not_be_made_for_another_reason_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Which says why, and what it means: the server works without one, until its disk is full."""
    with files_of(1 << 20), EmbeddedValkey(tmp_path, passwords=PASSWORDS) as server:
        assert server.answers()
        assert not (tmp_path / "reserve").exists()
    assert [each.getMessage() for each in caplog.records] == [
        f"gatehouse: {tmp_path} has no reserve (File too large): should its disk become full, "
        "Valkey may lose what it acknowledged in that moment"
    ]


def test_reserve_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    """What it leads to is somebody's."""
    (tmp_path / "own").write_text("own")
    folder = tmp_path / "valkey"
    folder.mkdir(mode=0o700)
    (folder / "reserve").symlink_to(tmp_path / "own")
    with EmbeddedValkey(folder, passwords=PASSWORDS) as server:
        assert server.answers()
    assert (tmp_path / "own").read_text() == "own"
