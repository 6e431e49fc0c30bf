"""That what an embedded server has acknowledged outlives it, and a second later the machine: the
process that puts its files onto the disk (.append_sync), looked after from outside.

That process ends the server when the disk fails. What else may end it:

- a signal (out of memory, ``kill -9``): another one takes over. Linux tells an error that nobody
  has been told of to who opens the file next, too, so nothing is missed.
- anything else: maybe it was told what the disk tells once, so the server is ended.

A server that can't write its file, on a full disk for example, has acknowledged by then what it was
doing, refuses what comes next, and tries again each second; that it can't do so is seen by asking
it. Its folder has a reserve, which is given up before the server is asked to end: as its last act
it writes what it still has.
"""

import errno
import logging
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from redis.exceptions import RedisError

from deploy.processes.child import ChildError, ChildProcess
from deploy.redis import append_sync
from shared.redis.replies import code_of

log = logging.getLogger("gatehouse.launcher")

_LAST_WORDS_S = 2.0
_STOP_S = 10.0
_POLL_S = 0.01
CAN_NOT_WRITE = "MISCONF"  # the code of its answers
RESERVE_BYTES = 16 << 20  # for the writes of one moment, each of which is smaller
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
# A file that is rewritten may fill the disk for as long as that takes; Valkey tries each second.
_PATIENCE_S = 1.5
# What killed the process for want of memory may leave none for the next one at once. All that is
# written meanwhile is lost with the machine, so not for long.
_TRY_AGAIN_S = 30.0
_NO_PROCESS = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE)
_CODES_OF_PYTHON = (1, 2, 120)  # of a mistake, of a program that is not there, of its streams


class Durability:
    """Of one server's folder. Not thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sync = ChildProcess("append-sync", folder=folder)
        self._reserve = folder / "reserve"
        self._refuses_since: float | None = None
        self._unsynced_since: float | None = None

    def begin(self, server: ChildProcess) -> None:
        """Look after a server that runs. Raises ChildError where that is not possible, or there is
        no room for the reserve; where none can be made for another reason, that is said."""
        try:
            _make_reserve(self._reserve)
        except OSError as error:
            self.give_up_reserve()
            if error.errno in _NO_ROOM:
                raise ChildError(
                    f"the disk of {self._folder} has no {RESERVE_BYTES >> 20} MB left, which "
                    f"Valkey needs to end in order: {error.strerror}"
                ) from error
            log.warning(
                "gatehouse: %s has no reserve (%s): should its disk become full, Valkey may lose "
                "what it acknowledged in that moment",
                self._folder,
                error.strerror,
            )
        self._begin_sync(server)

    def _begin_sync(self, server: ChildProcess) -> None:
        self._sync.adopt()  # that of a killed launcher has that one's code
        self._sync.stop(_STOP_S)
        program = [sys.executable, "-I", "-S", append_sync.__file__]
        self._sync.start([*program, str(self._folder / "appendonlydir"), str(server.pid)])

    def look(self, server: ChildProcess) -> None:
        """Begin again, should what puts the files onto the disk have been killed. Raises ChildError
        when that can't be for long, and when the disk fails: then the server has ended."""
        if self._sync.is_running() or not server.is_running():
            return
        if (self._sync.exit_code or 0) > 0:
            server.stop(0)
            raise ChildError(f"Valkey is ended: {self.failure()}")
        if self._unsynced_since is None:
            self._unsynced_since = time.monotonic()
            log.warning(
                "gatehouse: what puts Valkey's files onto the disk was killed, and begins again"
            )
        self._begin_again(server, unsynced_s=time.monotonic() - self._unsynced_since)

    def _begin_again(self, server: ChildProcess, *, unsynced_s: float) -> None:
        """Begin again, or leave that to the next look where the system can't just now."""
        try:
            self._begin_sync(server)
        except ChildError as error:
            if unsynced_s < _TRY_AGAIN_S and getattr(error.__cause__, "errno", 0) in _NO_PROCESS:
                log.warning("gatehouse: what Valkey writes is not on the disk: %s", error)
                return
            raise
        self._unsynced_since = None

    def refusal(self, answer: RedisError | None) -> str:
        """Judge what the server answers to a PING: return why it must end, empty if it need not."""
        if answer is None:
            self._refuses_since = None
        elif code_of(answer) == CAN_NOT_WRITE:  # any other answer says nothing of its file
            self._refuses_since = self._refuses_since or time.monotonic()
            if time.monotonic() - self._refuses_since >= _PATIENCE_S:
                reason = str(answer).rpartition(": ")[2]
                return f"it can't write to the disk of {self._folder} ({reason})"
        return ""

    def give_up_reserve(self) -> None:
        """Make room for what the server has not written, before it is asked to end."""
        with suppress(OSError):
            self._reserve.unlink()

    def failure(self) -> str:
        """Return what is known of why the server ended: of its disk, else where its log is."""
        # It ends with the server, or a moment after it.
        deadline = time.monotonic() + _LAST_WORDS_S
        while self._sync.is_running() and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        code = self._sync.exit_code or 0
        if code <= 0:
            return f"its log is in {self._folder}"
        if code in _CODES_OF_PYTHON:
            return (
                f"what puts its files onto the disk ended by itself, with exit code {code}; "
                f"{self._sync.log_file} may say why"
            )
        # Its log is on the same disk, and need not say so.
        return (
            f"the disk of {self._folder} fails ({os.strerror(code)}); what was written last may be "
            "gone"
        )

    def keep_log_short(self) -> None:
        """Start an empty log when it is full."""
        self._sync.keep_log_short()

    def end(self, timeout_s: float) -> None:
        """Stop what was begun, once the server has ended."""
        self._sync.stop(timeout_s)


def _make_reserve(file: Path) -> None:
    """Have a file that takes room. Raises OSError."""
    # Not to append: glibc does itself what a file system has no call for, and of a file that is
    # open for that it says EBADF.
    opened = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    with os.fdopen(opened, "r+b") as reserve:
        try:
            if hasattr(os, "posix_fallocate"):  # not on macOS
                os.posix_fallocate(opened, 0, RESERVE_BYTES)
                return
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise
        reserve.write(bytes(RESERVE_BYTES))
        reserve.flush()
        os.fsync(opened)  # some say only then that there is no room
