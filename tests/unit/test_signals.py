"""Signals that ask to stop: heard wherever they come, and by what a suite starts with them ignored,
as ``script/test &`` and nohup do."""

import signal
import subprocess
import sys

from shared.settings import ROOT

_SHOW = (
    "import signal; print(repr(signal.getsignal(signal.SIGINT)), "
    "repr(signal.getsignal(signal.SIGHUP)))"
)
_CHILD = (
    f"import subprocess, sys\nprint(subprocess.run([sys.executable, '-c', {_SHOW!r}], "
    "capture_output=True, text=True).stdout)"
)
_PROGRAM = f"import tests.conftest as suite; suite._give_children_default_signals()\n{_CHILD}"

_DROPPED = """
import os, signal, sys
from deploy.launcher.launch import StopSignals, _watch

sys.unraisablehook = lambda dropped: print(dropped.exc_type.__name__, "was dropped")

class Finalized:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)

class Server:
    def is_running(self):
        Finalized()
        return True

    def keep_log_short(self):
        pass

stop = StopSignals()
stop.listen()
try:
    _watch(Server(), [], stop)
except KeyboardInterrupt:
    print("stopped")
"""


def _ignore() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def _run(program: str) -> str:
    command = [sys.executable, "-c", program]
    return subprocess.run(
        command, cwd=ROOT, preexec_fn=_ignore, check=True, capture_output=True, text=True
    ).stdout


def test_children_have_default_signals_though_the_suite_was_started_without() -> None:
    """Else tests that press Ctrl-C wait for a child that ignores it."""
    assert "SIG_IGN" in _run(_CHILD)
    shown = _run(_PROGRAM)
    assert "default_int_handler" in shown
    assert "SIG_IGN" not in shown


def test_signal_that_comes_while_an_object_is_finalized_stops_the_launcher() -> None:
    """Python drops what is raised then, as it did where a pool of connections was."""
    done = subprocess.run(
        [sys.executable, "-c", _DROPPED], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.splitlines() == ["KeyboardInterrupt was dropped", "stopped"], done.stderr
