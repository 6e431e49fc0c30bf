"""A child process that the next start can find again, even after this process was killed.

The child holds a lock on ``<name>.pid`` for as long as it lives: it inherits the open file. So a
leftover is recognized with certainty, not by a process id that may belong to somebody else by now.
"""

import fcntl
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from deploy.processes.log_files import keep_short
from shared.errors import GatehouseError

_POLL_S = 0.02
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# The kernel ends a killed process at once, unless a disk or network file system holds it.
_KILL_WAIT_S = 5.0
_FIRST_FREE = 3  # behind standard input, output and errors


class ChildError(GatehouseError):
    """A child did not start, or one of the same name runs already."""

    code = "child_process"


@contextmanager
def _signals_later() -> Iterator[None]:
    """Let what asks this process to stop take effect after the block:
    in it, a child would be started and forgotten."""
    # signals interrupt the main thread only
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        arrived.append(number)

    # Handlers, not a signal mask: the child would inherit that.
    former = {
        number: signal.signal(number, note)
        for number in _STOP_SIGNALS
        if callable(signal.getsignal(number))
    }
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
        for each in arrived:
            signal.raise_signal(each)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


class ChildProcess:
    """One named child in a session of its own,
    so that Ctrl-C on the terminal reaches only its parent."""

    def __init__(self, name: str, *, folder: Path) -> None:
        self.name = name
        self.log_file = folder / f"{name}.log"
        self._pid_file = folder / f"{name}.pid"
        self._process: subprocess.Popen[bytes] | None = None
        self._adopted_pid: int | None = None
        self._log_begin = 0  # in bytes: before it stands what earlier children said

    @property
    def pid(self) -> int | None:
        """The child's process id, or None when none was started or adopted."""
        return self._process.pid if self._process else self._adopted_pid

    @property
    def exit_code(self) -> int | None:
        """The exit code of a child that ended, negative for a signal;
        None while it runs and for an adopted one."""
        return self._process.poll() if self._process else None

    def start(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        """Start ``command`` with its output appended to the log file.
        Raises ChildError if it can't, or one runs."""
        lock = self._lock_of_no_other()
        try:
            # 0600: a log may hold what no other person on this machine should read.
            with (
                os.fdopen(
                    os.open(self.log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
                ) as output,
                _signals_later(),
            ):
                os.truncate(lock, 0)
                self._log_begin = os.fstat(output.fileno()).st_size
                self._process = subprocess.Popen(
                    command,
                    env=environment,
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                    pass_fds=[lock],
                )
                os.write(lock, f"{self._process.pid}\n".encode())
        except OSError as error:
            raise ChildError(f"{self.name} can't be started: {error}") from error
        finally:
            os.close(lock)

    def adopt(self) -> bool:
        """Take over a child that an earlier, killed parent left behind.
        Tells whether there was one. Raises ChildError where that can't be found out."""
        try:
            lock = self._lock()
        except OSError as error:
            raise ChildError(
                f"whether {self.name} of an earlier start still runs can't be found out: {error}"
            ) from error
        if lock is not None:
            os.close(lock)
            return False
        pid = self._recorded_pid()
        # Else it was killed itself, and what it started holds the lock: the next start ends that.
        self._adopted_pid = pid if pid is not None and _exists(pid) else None
        return self._adopted_pid is not None

    def is_running(self) -> bool:
        """Tell whether the child lives."""
        if self._process is not None:
            return self._process.poll() is None
        if self._adopted_pid is None:
            return False
        try:
            lock = self._lock()
        except OSError:  # the disk fails, and it must be stopped all the same
            return _exists(self._adopted_pid)
        if lock is None:
            return True
        os.close(lock)
        return False

    def stop(self, timeout_s: float) -> None:
        """Send SIGTERM, give it ``timeout_s``, then SIGKILL it and what it started.
        Returns when it is gone."""
        try:
            if self.is_running():
                self._signal(signal.SIGTERM)
                self._wait(timeout_s)
        finally:  # a second Ctrl-C ends the patience, not the duty
            # Also after a clean exit: a grandchild that outlived its parent would go on unseen.
            self._signal(signal.SIGKILL, group=True)
            self._wait(_KILL_WAIT_S)
            self._process = self._adopted_pid = None

    def keep_log_short(self) -> None:
        """Start an empty log when it is full, its text kept beside it;
        call it now and then while the child runs."""
        with suppress(OSError):  # a disk that fails: what ends a child then says so
            keep_short(self.log_file)

    def last_lines(self, count: int = 5) -> str:
        """Return the end of what the child started here said, for an error message."""
        try:
            log = self.log_file.read_bytes()
        except OSError:
            return ""
        begin = self._log_begin if len(log) >= self._log_begin else 0  # it was begun anew
        lines = log[begin:].decode(errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-count:])

    def _wait(self, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while self.is_running() and time.monotonic() < deadline:
            time.sleep(_POLL_S)

    def _signal(self, number: signal.Signals, *, group: bool = False) -> None:
        if self.pid is None:
            return
        # Gone already; macOS says PermissionError of a zombie.
        with suppress(ProcessLookupError, PermissionError):
            (os.killpg if group else os.kill)(self.pid, number)

    def _lock(self) -> int | None:
        """Return the locked pid file, or None while a child holds it. Raises OSError."""
        opened = os.open(self._pid_file, os.O_RDWR | os.O_CREAT, 0o600)
        # Where this process has no standard input, that is one, and the child's would be put there.
        file = fcntl.fcntl(opened, fcntl.F_DUPFD_CLOEXEC, _FIRST_FREE)
        os.close(opened)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(file)
            if not isinstance(error, BlockingIOError):
                raise
            return None
        return file

    def _lock_of_no_other(self) -> int:
        """Return the locked pid file. Raises ChildError while another child holds it."""
        try:
            lock = self._lock() or self._lock_of_orphans()
        except OSError as error:
            raise ChildError(f"{self.name} can't be started: {error}") from error
        if lock is None:
            raise ChildError(
                f"{self.name} of an earlier start still runs (process {self._recorded_pid()})"
            )
        return lock

    def _lock_of_orphans(self) -> int | None:
        """End what a killed child left running, such as a Valkey's fork that still rewrites a file;
        return the lock then, or None while the child itself lives."""
        if self._process is not None:
            self._process.poll()  # a child of ours that was not reaped would seem to live
        pid = self._recorded_pid()
        if pid is None or _exists(pid):
            return None
        # The group is the child's own: its number is given to nobody while a process is in it.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        deadline = time.monotonic() + _KILL_WAIT_S
        while (lock := self._lock()) is None and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        return lock

    def _recorded_pid(self) -> int | None:
        try:
            return int(self._pid_file.read_text())
        except (OSError, ValueError):
            return None
