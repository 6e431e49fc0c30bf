"""The command as people run it: a process of its own, in a home of its own, in a pipe or on a terminal."""

import os
import pty
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from select import select

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
        kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower() and "GATEHOUSE" not in name}
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
        """Run the command to its end, in a pipe."""
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
    def begin(self, *words: str, stdin: int = subprocess.DEVNULL) -> Iterator["subprocess.Popen[str]"]:
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
        """Start the command on a terminal of its own, and make sure that it has ended after the block."""
        terminal = Terminal(self, *words)
        try:
            yield terminal
        finally:
            terminal.close()


class Terminal:
    """A command on a pseudo-terminal, which is its controlling one: Ctrl-C is a key here, and secrets are not echoed."""

    def __init__(self, home: Home, *words: str) -> None:
        self._screen, slave = pty.openpty()
        termios.tcsetwinsize(slave, (40, 120))
        # A session leader that opens a terminal gets it as its controlling one.
        shell = ["sh", "-c", 'exec "$@" <"$0" >"$0" 2>"$0"', os.ttyname(slave)]
        self._process = subprocess.Popen(
            [*shell, *COMMAND, *words], cwd=home.folder, env=home.environment, start_new_session=True
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
        wait_until(lambda: words in self.text, timeout_s=DEADLINE_S, what=f"{words!r} is on the screen")

    def type(self, keys: str) -> None:
        """Type."""
        os.write(self._screen, keys.encode())

    def wait_for_end(self) -> int:
        """Return the exit code."""
        wait_until(lambda: (self.text, self._process.poll())[1] is not None, timeout_s=DEADLINE_S, what="the command has ended")
        return self._process.wait()

    def close(self) -> None:
        """End it."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._screen)
        os.close(self._slave)
