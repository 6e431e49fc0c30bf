"""A child process that answers questions: one JSON object per line in, one out.
The load and the applications run in such.

``SERVER_CORE`` and ``LOAD_CORE`` say where each side runs,
so that the load takes nothing from what it measures.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any, Self

SERVER_CORE = 0
LOAD_CORE = 1


def pin(core: int, pid: int = 0) -> None:
    """Keep a process (0: this one) on one core, where the system can do that and has so many."""
    if hasattr(os, "sched_setaffinity") and core in os.sched_getaffinity(0):
        os.sched_setaffinity(pid, {core})


def serve(answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Answer the parent's questions until it closes the pipe."""
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


class AnsweringChild:
    """``python -m <module> <arguments>``, which calls :func:`serve`."""

    def __init__(self, module: str, *arguments: str) -> None:
        self._module = module
        command = [sys.executable, "-m", module, *arguments]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def ask(self, **question: Any) -> dict[str, Any]:
        """Return the child's answer. Raises RuntimeError when it ended instead;
        it has said why on standard error."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._module} ended without an answer")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the child."""
        self._process.communicate(timeout=10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
