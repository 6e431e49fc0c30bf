"""A system that has no room for a process just now doesn't end a server that is well: what puts its
files onto the disk is begun again for a while."""

import errno
import os
import signal
import subprocess
from pathlib import Path

import pytest

from deploy.processes.child import ChildError
from deploy.redis import durability
from deploy.redis.valkey import EmbeddedValkey
from tests.integration.disk.test_append_sync import is_looked_after, sync_pid
from tests.integration.redis.test_valkey_server import PASSWORDS
from tests.processes import is_gone
from tests.waiting import wait_until


def refuse_processes(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Have the system begin no process, and say why."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(subprocess, "Popen", fail)


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOMEM, errno.EMFILE])
def test_process_that_can_not_begin_for_a_moment_ends_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    number: int,
) -> None:
    """What killed it for want of memory has not left any for the next one yet."""
    with EmbeddedValkey(tmp_path, passwords=PASSWORDS) as server:
        killed = sync_pid(tmp_path)
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: is_gone(killed), timeout_s=10)
        with monkeypatch.context() as moment:
            refuse_processes(moment, number)
            server.look_after_disk()
            server.look_after_disk()
        assert server.answers()
        assert len(caplog.records) == 3
        assert f"not on the disk: append-sync can't be started: [Errno {number}]" in caplog.text
        server.look_after_disk()
        assert sync_pid(tmp_path) != killed
        assert not is_gone(sync_pid(tmp_path))


def test_process_that_can_not_begin_for_long_ends_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written meanwhile is not on the disk. Each time that it was killed begins anew."""
    monkeypatch.setattr(durability, "_TRY_AGAIN_S", 0.3)
    with EmbeddedValkey(tmp_path, passwords=PASSWORDS) as server:
        for _ in range(2):
            os.kill(sync_pid(tmp_path), signal.SIGKILL)
            wait_until(lambda: is_gone(sync_pid(tmp_path)), timeout_s=10)
            with monkeypatch.context() as moment:
                refuse_processes(moment, errno.EAGAIN)
                server.look_after_disk()
                with pytest.raises(ChildError, match=r"^append-sync can't be started: .*Resource"):
                    wait_until(lambda: is_looked_after(server), timeout_s=10)
            server.look_after_disk()
            assert not is_gone(sync_pid(tmp_path))
