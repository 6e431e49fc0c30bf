"""A child process: started in its own session, watched, stopped with all that it started."""

import errno
import fcntl
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from deploy.processes.child import ChildError, ChildProcess
from deploy.processes.log_files import keep_short
from tests.processes import is_gone
from tests.waiting import wait_until

IGNORES_SIGTERM = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); "
    "time.sleep(60)"
)
WITH_GRANDCHILD = (
    "import subprocess, sys, time; "
    "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); print(p.pid, "
    "flush=True); time.sleep(60)"
)
FORKED = "import os, time\npid = os.fork()\nif pid: print('up', pid, flush=True)\ntime.sleep(60)"


class Interrupting(list[str]):
    """A command that Ctrl-C comes with: subprocess iterates over it just before the child is
    made."""

    def __iter__(self) -> Iterator[str]:
        signal.raise_signal(signal.SIGINT)
        return super().__iter__()


@pytest.fixture
def child(tmp_path: Path) -> Iterator[ChildProcess]:
    """A child that is stopped when the test ends."""
    child = ChildProcess("sleeper", folder=tmp_path)
    yield child
    child.stop(0)


def start(child: ChildProcess, code: str) -> int:
    """Start Python with this code; return its process id."""
    child.start([sys.executable, "-c", code])
    assert child.pid is not None
    return child.pid


def test_started_child_has_a_session_of_its_own(child: ChildProcess) -> None:
    """Ctrl-C in the terminal does not reach it: it is not in the terminal's process group."""
    pid = start(child, "import time; time.sleep(60)")
    assert os.getsid(pid) == pid
    assert child.is_running()
    assert child.exit_code is None


def test_child_that_ends_is_noticed_with_its_last_words(child: ChildProcess) -> None:
    """Its exit code and the end of its log are at hand for the error message;
    the log is private."""
    start(child, "import sys; print('one', 'two', flush=True, sep='\\n'); sys.exit('three')")
    wait_until(lambda: not child.is_running(), timeout_s=10)
    assert child.exit_code == 1
    assert child.last_lines(2) == "    two\n    three"
    assert stat.S_IMODE(child.log_file.stat().st_mode) == 0o600


def test_last_words_are_those_of_this_start(child: ChildProcess) -> None:
    """What an earlier child said, in the same log, would be taken for the reason of this one's
    end."""
    for said in ("the first", "another"):
        start(child, f"import sys; sys.exit({said!r})")
        wait_until(lambda: not child.is_running(), timeout_s=10)
        assert child.last_lines() == f"    {said}"
    child.log_file.write_text("anew\n")  # as a full log is
    assert child.last_lines() == "    anew"


def test_program_that_does_not_exist_is_a_child_error(child: ChildProcess) -> None:
    """The error names the child and the reason, and leaves no lock behind."""
    with pytest.raises(ChildError, match=r"sleeper can't be started.*No such file"):
        child.start(["/no/such/program"])
    assert not child.adopt()


def test_stop_lets_the_child_end_by_itself(child: ChildProcess) -> None:
    """SIGTERM is enough for who listens to it."""
    pid = start(child, "import time; time.sleep(60)")
    began = time.monotonic()
    child.stop(10)
    assert time.monotonic() - began < 5
    assert is_gone(pid)
    assert child.pid is None


def test_stop_kills_a_child_that_does_not_listen(child: ChildProcess) -> None:
    """After its time is up it is gone all the same."""
    pid = start(child, IGNORES_SIGTERM)
    wait_until(lambda: "up" in child.last_lines(), timeout_s=10)
    child.stop(0.1)
    assert is_gone(pid)


def test_stop_takes_grandchildren_along(child: ChildProcess) -> None:
    """What the child started and left does not go on unseen."""
    start(child, WITH_GRANDCHILD)
    wait_until(lambda: child.last_lines().strip().isdigit(), timeout_s=10)
    grandchild = int(child.last_lines())
    child.stop(5)
    wait_until(lambda: is_gone(grandchild), timeout_s=10)


def test_signal_while_starting_never_forgets_the_child(child: ChildProcess) -> None:
    """Ctrl-C at the worst moment, while the child is being made,
    takes effect when the child is known."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            child.start(Interrupting([sys.executable, "-c", "import time; time.sleep(60)"]))
    finally:
        signal.signal(signal.SIGINT, former)
    assert child.pid is not None
    assert child.is_running()


def test_child_of_the_same_name_is_adopted_not_doubled(child: ChildProcess, tmp_path: Path) -> None:
    """A second holder of the name can't start, but can take over,
    watch and stop the first child."""
    pid = start(child, "import time; time.sleep(60)")
    other = ChildProcess("sleeper", folder=tmp_path)
    with pytest.raises(ChildError, match=f"still runs .process {pid}"):
        other.start([sys.executable, "-c", ""])
    assert other.adopt()
    assert other.pid == pid
    assert other.is_running()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not child.is_running(), timeout_s=10)  # reaps it
    assert not other.is_running()


def test_child_of_who_has_no_standard_input_keeps_its_name(tmp_path: Path) -> None:
    """There the first file that is opened has its number, and nothing stays open under it."""
    code = (
        "import os, sys; os.close(0); from pathlib import Path\n"
        "from deploy.processes.child import ChildError, ChildProcess\n"
        f"child, other = (ChildProcess('sleeper', folder=Path({str(tmp_path)!r})) for _ in '12')\n"
        "child.start([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "try: other.start(['true'])\n"
        "except ChildError as error: print(error)\n"
        "child.stop(0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "sleeper of an earlier start still runs" in done.stdout


def test_orphans_of_a_killed_child_end_before_the_next_one_starts(child: ChildProcess) -> None:
    """They hold its lock, as a Valkey's fork does that rewrites a file while its parent is killed:
    the name is free again at once, whether or not who started the child still lives."""
    for successor in (child, ChildProcess("sleeper", folder=child.log_file.parent)):
        pid = start(child, FORKED)
        wait_until(lambda: "up" in child.last_lines(), timeout_s=10)
        orphan = int(child.log_file.read_text().split()[-1])
        child.log_file.write_text("")
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not child.is_running(), timeout_s=10)  # reaps it
        assert not is_gone(orphan)
        assert not ChildProcess("sleeper", folder=child.log_file.parent).adopt(), "nobody answers"
        start(successor, "import time; time.sleep(60)")
        wait_until(partial(is_gone, orphan), timeout_s=10)
        successor.stop(0)


def test_process_that_only_has_the_recorded_id_is_not_adopted(tmp_path: Path) -> None:
    """A stale pid file whose number belongs to somebody else by now is no leftover."""
    (tmp_path / "sleeper.pid").write_text(f"{os.getpid()}\n")
    assert not ChildProcess("sleeper", folder=tmp_path).adopt()


def test_log_that_grows_begins_anew_while_the_child_writes(
    child: ChildProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is renamed under the writer, who goes on at the begin of the file;
    the last text is kept, once and privately."""
    monkeypatch.setattr("deploy.processes.child.keep_short", partial(keep_short, max_bytes=1000))
    # One write a line: print makes several where the interpreter runs unbuffered.
    start(child, "import os, time\nwhile not time.sleep(0.001): os.write(1, b'line %040d\\n' % 0)")
    kept = child.log_file.with_name("sleeper.log.1")
    for _ in range(3):
        wait_until(lambda: child.log_file.stat().st_size > 1000, timeout_s=60)
        child.keep_log_short()
        assert kept.stat().st_size > 0
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    wait_until(
        lambda: child.log_file.read_bytes().startswith(b"line "),
        timeout_s=60,
        what="no gap at the begin",
    )
    assert sorted(each.name for each in child.log_file.parent.glob("*.log*")) == [
        "sleeper.log",
        "sleeper.log.1",
    ]


def test_log_keeps_its_end(tmp_path: Path) -> None:
    """What is kept is bounded too, however long nobody looked; a short log stays as it is."""
    log = tmp_path / "a.log"
    assert not keep_short(log)
    log.write_bytes(b"x" * 5000 + b"end")
    assert not keep_short(log, max_bytes=6000)
    assert keep_short(log, max_bytes=1000)
    assert (log.stat().st_size, (tmp_path / "a.log.1").read_bytes()) == (0, b"x" * 997 + b"end")


def test_pid_file_that_can_not_be_opened_is_said_and_stops_no_stop(
    child: ChildProcess, tmp_path: Path
) -> None:
    """On a disk that fails; a child that was adopted before is still told from one that ended."""
    start(child, "import time; time.sleep(60)")
    other = ChildProcess("sleeper", folder=tmp_path)
    assert other.adopt()
    (tmp_path / "sleeper.pid").unlink()
    (tmp_path / "sleeper.pid").mkdir()
    assert other.is_running()
    child.stop(0)
    assert not other.is_running()
    with pytest.raises(ChildError, match=r"sleeper can't be started: .*Is a directory"):
        child.start(["true"])
    with pytest.raises(ChildError, match=r"whether sleeper of an earlier .*Is a directory"):
        child.adopt()


def test_lock_that_fails_is_no_child_that_runs(
    child: ChildProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock that another holds is told apart from a disk, or a file system, that gives none."""

    def fail(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", fail)
    with pytest.raises(ChildError, match=r"sleeper can't be started: .*No locks available"):
        child.start(["true"])
    with pytest.raises(ChildError, match=r"whether sleeper of .*No locks available"):
        child.adopt()
