"""Telling whether a process is really gone, and what one does that should be."""

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from tests.waiting import wait_until


def is_gone(pid: int) -> bool:
    """Tell whether the process ended; one that nobody waited for yet (a zombie) counts as ended."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:  # no /proc: not Linux
        return False
    return state == "Z"


def descendants(pid: int) -> list[int]:
    """Return a process and all that come from it, the oldest first."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    )
    parents = [tuple(map(int, line.split())) for line in listed.stdout.splitlines()]
    found = [pid]
    for one in found:
        found += [child for child, parent in parents if parent == one]
    return found


def end_by_force(pid: int) -> str:
    """End a process that hangs and all that come from it; return what each of them waited for.

    Those of Python's that were started with PYTHONFAULTHANDLER write where their threads are, to
    their standard error.
    """
    all_of_it = descendants(pid)
    listed = subprocess.run(
        ["ps", "-o", "pid,ppid,stat,etime,wchan:24,args", "-p", ",".join(map(str, all_of_it))],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    for line in listed.splitlines()[1:]:
        number, *_, program = line.split()[:6]
        is_python = Path(program).name.startswith("python")
        with suppress(ProcessLookupError):  # gunicorn has a handler of its own for SIGABRT
            os.kill(int(number), signal.SIGSEGV if is_python else signal.SIGKILL)
    with suppress(AssertionError):
        wait_until(lambda: all(is_gone(one) for one in all_of_it), timeout_s=5)
    for one in all_of_it:
        with suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)
    return listed
