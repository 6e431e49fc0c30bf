"""That what an embedded server has acknowledged outlives it, and a second later the machine: the
process that puts its files onto the disk (.append_sync), looked after from outside.

That process ends the server when the disk fails. What else may end it:

- a signal (out of memory, ``kill -9``): another one takes over. Linux tells an error that nobody
  has been told of to who opens the file next, too, so nothing is missed.
- anything else: maybe it was told what the disk tells once, so the server is ended.
"""

import logging
import os
import sys
import time
from pathlib import Path

from deploy.processes.child import ChildError, ChildProcess
from deploy.redis import append_sync

log = logging.getLogger("gatehouse.launcher")

_LAST_WORDS_S = 2.0
_STOP_S = 10.0
_POLL_S = 0.01
_CODES_OF_PYTHON = (1, 2, 120)  # of a mistake, of a program that is not there, of its streams


class Durability:
    """Of one server's folder. Not thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sync = ChildProcess("append-sync", folder=folder)

    def begin(self, server: ChildProcess) -> None:
        """Look after a server that runs. Raises ChildError where that is not possible."""
        self._sync.adopt()  # that of a killed launcher has that one's code
        self._sync.stop(_STOP_S)
        program = [sys.executable, "-I", "-S", append_sync.__file__]
        self._sync.start([*program, str(self._folder / "appendonlydir"), str(server.pid)])

    def look(self, server: ChildProcess) -> None:
        """Begin again, should what puts the files onto the disk have been killed.
        Raises ChildError when it can't, or the disk fails: the server has ended then."""
        if self._sync.is_running() or not server.is_running():
            return
        if (self._sync.exit_code or 0) > 0:
            server.stop(0)
            raise ChildError(f"Valkey is ended: {self.failure()}")
        log.warning(
            "gatehouse: what puts Valkey's files onto the disk was killed, and begins again"
        )
        self.begin(server)

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
