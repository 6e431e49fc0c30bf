"""One producer in a process of its own: ``python -m benchmarks.children.producer <module> <bulk>``.
Asked by benchmarks.queues."""

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any, ClassVar

from benchmarks.measuring.answers import serve
from benchmarks.measuring.context import Context
from benchmarks.measuring.marks import here, marks

_TIMEOUT_S = 120.0


class QueueProducer(ABC):
    """What each module in peers named queue_... has as ``Producer``, besides its ``WORKERS``:
    arguments of Python for each."""

    # False: its time ends when the last job has begun,
    # though what the queue writes about that is still to come.
    knows_outcomes: ClassVar[bool] = False
    # How many submits were refused and repeated:
    # Redis did not answer in time, because the machine was busy.
    refused: int = 0

    @abstractmethod
    def __init__(self, context: Context, *, bulk: bool) -> None: ...

    @abstractmethod
    def submit_all(self, numbers: Sequence[int]) -> None:
        """Submit a job for each number, the fastest way there is."""

    @abstractmethod
    def submit(self, number: int) -> None:
        """Submit one job."""

    def settle(self) -> None:
        """Return when every outcome is stored; a peer that keeps none has nothing to wait for."""
        return

    @abstractmethod
    def close(self) -> None:
        """Let go of what the producer holds."""


def _throughput(producer: QueueProducer, *, first: int, count: int, threads: int) -> dict[str, Any]:
    """Submit jobs; return when that began, when the last was submitted,
    and when the last outcome was known."""
    numbers = range(first, first + count)
    began_ns = time.monotonic_ns()
    if threads == 1:
        producer.submit_all(numbers)
    else:
        with ThreadPoolExecutor(threads) as pool:
            # Not one work for each number, which would cost about as much as a submit.
            list(pool.map(producer.submit_all, [numbers[at::threads] for at in range(threads)]))
    submitted_ns = time.monotonic_ns()
    begun = marks().wait_for(numbers, timeout_s=_TIMEOUT_S)
    producer.settle()
    ended_ns = time.monotonic_ns() if producer.knows_outcomes else max(begun)
    return {
        "began_ns": began_ns,
        "submitted_ns": submitted_ns,
        "ended_ns": ended_ns,
        "refused": producer.refused,
    }


def _latency(producer: QueueProducer, *, count: int, pause_s: float) -> dict[str, Any]:
    """Submit jobs one at a time, each a moment after the one before has begun;
    return from call to begin in milliseconds."""
    latencies_ms = []
    for number in range(count):
        began_ns = time.monotonic_ns()
        producer.submit(number)
        begun = marks().wait_for(range(number, number + 1), timeout_s=_TIMEOUT_S)
        latencies_ms.append((begun[0] - began_ns) / 1e6)
        time.sleep(pause_s)
    producer.settle()
    return {"latencies_ms": latencies_ms}


if __name__ == "__main__":
    module, bulk = sys.argv[1:]
    one: QueueProducer = import_module(module).Producer(here(), bulk=bulk == "bulk")

    def _answer(question: dict[str, Any]) -> dict[str, Any]:
        kind = question.pop("kind")
        return _throughput(one, **question) if kind == "throughput" else _latency(one, **question)

    serve(_answer)
    one.close()
