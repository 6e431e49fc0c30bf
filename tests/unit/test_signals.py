"""The suite started with signals ignored, as ``script/test &`` and nohup do."""

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
