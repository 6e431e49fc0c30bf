"""The worker processes of a peer, for the length of a block."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measuring.contenders import ROOT
from benchmarks.measuring.context import Context

_STOP_TIMEOUT_S = 15


@contextmanager
def worker_processes(
    context: Context, commands: Sequence[Sequence[str]], *, name: str
) -> Iterator[None]:
    """Run Python with each of these arguments; what they print is in the run's folder."""
    with Path(context.folder, f"{name}.log").open("wb") as log:
        workers = [
            subprocess.Popen(
                [sys.executable, *command], cwd=ROOT, stdout=log, stderr=log, start_new_session=True
            )
            for command in commands
        ]
    try:
        yield
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait(_STOP_TIMEOUT_S)
