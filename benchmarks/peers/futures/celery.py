"""Celery with its Redis result backend: two workers as in queues/celery.py,
and a ``group`` whose ``get`` waits for all."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from celery import Celery, group

from benchmarks.measuring.context import Context
from benchmarks.measuring.marks import here
from benchmarks.peers.celery_broker import address_of
from benchmarks.peers.worker_processes import worker_processes

_OPTIONS = (
    "--pool=solo",
    "--without-gossip",
    "--without-mingle",
    "--without-heartbeat",
    "--loglevel=ERROR",
)
_TIMEOUT_S = 60


def _app(context: Context) -> Celery:
    address = address_of(context)
    app = Celery("bench-futures", broker=address, backend=address)
    app.conf.update(
        worker_prefetch_multiplier=128,
        task_default_queue="bench-futures",
        broker_connection_retry_on_startup=True,
    )
    app.task(name="number")(number)
    return app


def number(value: int) -> int:
    """Return the number: a job that does nothing but have a result."""
    return value


@contextmanager
def running(context: Context) -> Iterator[None]:
    """Run the workers."""
    command = ("-m", "benchmarks.peers.futures.celery", "worker", *_OPTIONS)
    commands = tuple((*command, f"--hostname=f{each}@bench") for each in (1, 2))
    with worker_processes(context, commands, name="futures-celery"):
        yield


class Mapper:
    """Publishes a group, then waits for its results."""

    def __init__(self, context: Context) -> None:
        self._app = _app(context)
        self._task = self._app.tasks["number"]

    def map(self, count: int) -> list[object]:
        """Map."""
        results = group(self._task.s(value) for value in range(count)).apply_async()
        found: list[object] = results.get(timeout=_TIMEOUT_S)
        results.forget()
        return found

    def close(self) -> None:
        """Close the connections."""
        self._app.close()


if __name__ == "__main__":
    _app(here()).worker_main(sys.argv[1:])
