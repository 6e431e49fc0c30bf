"""Starting what a newcomer runs, and ending it."""

import itertools
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from shared.settings import ROOT
from tests.ports import free_port
from tests.processes import end_by_force
from tests.waiting import wait_until

READY = "Ctrl-C stops it"
END_DEADLINE_S = 40
_LINES = 150  # of a log: room for where each thread is


class Launch:
    """One start of the launcher, with its output in files."""

    command: tuple[str, ...] = (sys.executable, "-m", "deploy.launcher")
    folder = ROOT
    names_var = True  # else it is the folder's own

    _starts = itertools.count()

    def __init__(self, var: Path, *options: str, **environment: str) -> None:
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("GATEHOUSE_", "DATABASE_URL"))
        }
        var_named = {"GATEHOUSE_VAR_DIR": str(var)} if self.names_var else {}
        self.var = var
        start = next(self._starts)
        self._output, self._errors = var.parent / f"output-{start}", var.parent / f"errors-{start}"
        with self._output.open("w") as output, self._errors.open("w") as errors:
            self.process = subprocess.Popen(
                [*self.command, *options],
                cwd=self.folder,
                env={**clean, "PYTHONFAULTHANDLER": "1", **var_named, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        """What it printed so far."""
        return self._output.read_text()

    @property
    def errors(self) -> str:
        """What it complained about so far."""
        return self._errors.read_text()

    @property
    def address(self) -> str:
        """Where it serves, as the banner says."""
        found = re.search(r"http://\S+", self.output)
        assert found
        return found.group()

    @property
    def pasted_lines(self) -> str:
        """The banner's three lines, as they stand."""
        lines = self.output.splitlines()
        begin = (
            next(number for number, line in enumerate(lines) if "paste these three lines" in line)
            + 1
        )
        return "\n".join(lines[begin : begin + 3])

    def child_pids(self) -> list[int]:
        """The process ids of the server and of Valkey."""
        files = (self.var / "server.pid", self.var / "valkey" / "valkey.pid")
        return [int(file.read_text()) for file in files]

    def wait_until_ready(self) -> None:
        """Return when the banner is complete; fail with the output if the launcher ends instead."""
        wait_until(lambda: READY in self.output or self.process.poll() is not None, timeout_s=60)
        assert READY in self.output, self.output + self.errors

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send the signal and return the exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self, timeout_s: float = END_DEADLINE_S) -> int:
        """Return the exit code; fail with what it does instead where it doesn't end."""
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            waited_for = end_by_force(self.process.pid)
            self.process.wait()
            logs = "".join(_end_of(file) for file in sorted(self.var.rglob("*.log")))
            pytest.fail(
                f"the launcher did not end within {timeout_s:.0f} s\n{waited_for}{self.output}"
                f"{self.errors}{logs}"
            )


def _end_of(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return "\n".join((f"--- {log.name}", *lines[-_LINES:], ""))


def launched(var: Path, *options: str, **environment: str) -> AbstractContextManager[Launch]:
    """A launcher that serves on a free port; whatever the test does, nothing is left running."""
    return serving(Launch(var, "--port", str(free_port()), *options, **environment))


@contextmanager
def serving(launch: Launch) -> Iterator[Launch]:
    """Wait until it serves; end it afterwards."""
    try:
        launch.wait_until_ready()
        yield launch
    finally:
        if launch.process.poll() is None:
            launch.end()


def paste(lines: str) -> str:
    """Run the lines in bash and return what they print."""
    done = subprocess.run(
        ["bash"], input=lines, capture_output=True, text=True, check=False, timeout=60
    )
    return done.stdout + done.stderr
