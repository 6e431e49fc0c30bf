"""Celery: two workers with the solo pool (no pipe between a parent and its child; prefork was not
measured), no result backend, a large prefetch as its guide advises for short tasks,
and without gossip, mingle and heartbeats.
"""

import sys
from collections.abc import Sequence

from celery import Celery

from benchmarks.children.producer import QueueProducer
from benchmarks.measuring.context import Context
from benchmarks.measuring.marks import here, mark
from benchmarks.peers.celery_broker import address_of

_OPTIONS = (
    "--pool=solo",
    "--without-gossip",
    "--without-mingle",
    "--without-heartbeat",
    "--loglevel=ERROR",
)
WORKERS = tuple(
    ("-m", "benchmarks.peers.queues.celery", "worker", *_OPTIONS, f"--hostname=w{number}@bench")
    for number in (1, 2)
)


def _app(context: Context) -> Celery:
    app = Celery("bench", broker=address_of(context))
    app.conf.update(
        task_ignore_result=True,
        worker_prefetch_multiplier=128,
        task_default_queue="bench",
        broker_connection_retry_on_startup=True,
    )
    app.task(name="mark")(mark)
    return app


class Producer(QueueProducer):
    """Publishes for Celery, on one producer of its pool."""

    def __init__(self, context: Context, *, bulk: bool) -> None:
        del bulk
        self._app = _app(context)
        self._task = self._app.tasks["mark"]

    def submit_all(self, numbers: Sequence[int]) -> None:
        """Publish a message for each number."""
        with self._app.producer_pool.acquire(block=True) as producer:
            for number in numbers:
                self._task.apply_async((number,), producer=producer)

    def submit(self, number: int) -> None:
        """Publish one."""
        self._task.apply_async((number,))

    def close(self) -> None:
        """Close the connections."""
        self._app.close()


if __name__ == "__main__":
    _app(here()).worker_main(sys.argv[1:])
