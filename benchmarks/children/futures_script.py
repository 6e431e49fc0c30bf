"""One contender's script in a process of its own:
``python -m benchmarks.children.futures_script <module>``, for benchmarks.futures.

Each module in peers named futures_... has ``running(context)``, which runs what does the jobs for
the length of a block, and ``Mapper(context)``,
whose ``map`` returns the results of so many jobs in order, as the script of a user would.
"""

import sys
import time
from importlib import import_module
from typing import Any, Protocol

from benchmarks.measuring.answers import serve
from benchmarks.measuring.marks import here


class Mapper(Protocol):
    """What a contender's module has."""

    def map(self, count: int) -> list[object]:
        """Run a job for each number below ``count``; return their results in order."""

    def close(self) -> None:
        """Let go of what it holds."""


def measured(mapper: Mapper, *, count: int) -> dict[str, Any]:
    """Run the script once; return its time, and the CPU time of this process."""
    began_s, cpu_s = time.monotonic(), time.process_time()
    results = mapper.map(count)
    elapsed_s = time.monotonic() - began_s
    assert results == list(range(count)), "results are missing or in another order"
    return {"elapsed_s": elapsed_s, "cpu_s": time.process_time() - cpu_s}


if __name__ == "__main__":
    one: Mapper = import_module(sys.argv[1]).Mapper(here())
    serve(lambda question: measured(one, **question))
    one.close()
