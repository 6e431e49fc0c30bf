"""Telling whether a process is really gone."""

import os
from pathlib import Path


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
