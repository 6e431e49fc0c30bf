"""The command as people run it: a process of its own, in a home of its own,
in a pipe or on a terminal.

What runs to its end without a terminal is forked from a process that has imported it
(tests.cli.forks): a tenth of the time.
"""

import json
import os
import pty
import signal
import socket
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from select import select
from tempfile import TemporaryFile
from typing import IO

from shared.settings import ROOT
from tests.waiting import wait_until

DEADLINE_S = 30.0
COMMAND = [sys.executable, "-W", "error", "-m", "gatehouse"]


@dataclass(frozen=True, kw_only=True)
class Done:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """What it said on stderr, which must be one line."""
        assert self.err.count("\n") == 1, self
        assert "Traceback" not in self.err
        return self.err.strip()


class Home:
    """A person's home folder: what the command keeps is in it."""

    def __init__(self, folder: Path, **environment: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        kept = {
            name: value
            for name, value in os.environ.items()
            if "proxy" not in name.lower() and "GATEHOUSE" not in name
        }
        self.environment = {
            **kept,
            "HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "PYTHONPATH": str(ROOT),
            "PYTHONUTF8": "1",
            "TERM": "xterm",
            "COLUMNS": "120",
            **environment,
        }

    @property
    def config_file(self) -> Path:
        """Where a log-in is kept."""
        return self.folder / "config" / "gatehouse" / "config.json"

    def run(self, *words: str, stdin: str = "", **environment: str) -> Done:
        """Run the command to its end, its words in files: not on a terminal."""
        # it is for the interpreter's own start
        if any(name.startswith("PYTHON") for name in environment):
            return self.run_from_start(*words, stdin=stdin, **environment)
        with TemporaryFile("w+") as given, TemporaryFile("w+") as out, TemporaryFile("w+") as err:
            given.write(stdin)
            given.seek(0)
            seen = {**self.environment, **environment}
            code = forks().run(words, folder=self.folder, environment=seen, files=(given, out, err))
            out.seek(0)
            err.seek(0)
            return Done(code=code, out=out.read(), err=err.read())

    def run_from_start(self, *words: str, stdin: str = "", **environment: str) -> Done:
        """Run the command, with an interpreter of its own, to its end, in a pipe."""
        done = subprocess.run(
            [*COMMAND, *words],
            cwd=self.folder,
            env={**self.environment, **environment},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        return Done(code=done.returncode, out=done.stdout, err=done.stderr)

    @contextmanager
    def begin(
        self, *words: str, stdin: int = subprocess.DEVNULL
    ) -> Iterator["subprocess.Popen[str]"]:
        """Start the command with pipes, and make sure that it has ended after the block."""
        process = subprocess.Popen(
            [*COMMAND, *words],
            cwd=self.folder,
            env=self.environment,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                yield process
            finally:
                process.kill()

    @contextmanager
    def on_terminal(self, *words: str) -> Iterator["Terminal"]:
        """Start the command on a terminal of its own,
        and make sure that it has ended after the block."""
        terminal = Terminal(self, *words)
        try:
            yield terminal
        finally:
            terminal.close()


class Forks:
    """The process of tests.cli.forks, from our side. Of one thread."""

    def __init__(self) -> None:
        self._connection, theirs = socket.socketpair()
        self._connection.settimeout(DEADLINE_S)
        command = [sys.executable, "-W", "error", "-m", "tests.cli.forks", str(theirs.fileno())]
        with theirs:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, "PYTHONUTF8": "1"},
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def run(
        self,
        words: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        files: Sequence[IO[str]],
    ) -> int:
        """Run the command and return its exit code."""
        run = {"words": words, "folder": str(folder), "environment": environment}
        socket.send_fds(
            self._connection, [json.dumps(run).encode()], [file.fileno() for file in files]
        )
        answer = self._connection.recv(16)
        assert answer, "the process that forks has ended"
        return int(answer)

    def stop(self) -> None:
        """End it, with whatever it runs."""
        self._connection.close()
        try:
            self._process.wait(timeout=DEADLINE_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


@cache
def forks() -> Forks:
    """Return the one of this run, started when it is first needed."""
    return Forks()


def stop_forks() -> None:
    """End it, if it was started."""
    if forks.cache_info().currsize:
        forks().stop()
        forks.cache_clear()


class Terminal:
    """A command on a pseudo-terminal, which is its controlling one:
    Ctrl-C is a key here, and secrets are not echoed."""

    def __init__(self, home: Home, *words: str) -> None:
        self._screen, slave = pty.openpty()
        termios.tcsetwinsize(slave, (40, 120))
        # A session leader that opens a terminal gets it as its controlling one.
        shell = ["sh", "-c", 'exec "$@" <"$0" >"$0" 2>"$0"', os.ttyname(slave)]
        self._process = subprocess.Popen(
            [*shell, *COMMAND, *words],
            cwd=home.folder,
            env=home.environment,
            start_new_session=True,
        )
        self._slave = slave
        self._written = b""

    @property
    def text(self) -> str:
        """All that is on the screen so far."""
        while select([self._screen], [], [], 0)[0]:
            try:
                piece = os.read(self._screen, 65_536)
            except OSError:  # EIO is what Linux says at the end
                break
            self._written += piece
        return self._written.decode(errors="replace")

    def wait_for(self, words: str) -> None:
        """Return when these words are on the screen."""
        wait_until(
            lambda: words in self.text, timeout_s=DEADLINE_S, what=f"{words!r} is on the screen"
        )

    def type(self, keys: str) -> None:
        """Type."""
        os.write(self._screen, keys.encode())

    def wait_for_end(self) -> int:
        """Return the exit code."""
        wait_until(
            lambda: (self.text, self._process.poll())[1] is not None,
            timeout_s=DEADLINE_S,
            what="the command has ended",
        )
        return self._process.wait()

    def close(self) -> None:
        """End it."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._screen)
        os.close(self._slave)
