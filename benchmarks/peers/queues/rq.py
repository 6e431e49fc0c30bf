"""RQ: two SimpleWorkers, which don't fork for each job as its default does, and ``enqueue_many``.

Results are not kept (``result_ttl=0``), which is a write less.
"""

import sys
from collections.abc import Sequence

import redis
from rq import Queue, SimpleWorker

from benchmarks.children.producer import QueueProducer
from benchmarks.measuring.context import Context
from benchmarks.measuring.marks import here, mark

WORKERS = (("-m", "benchmarks.peers.queues.rq"),) * 2
_BATCH = 1_000


def _queue(context: Context, name: str = "bench") -> Queue:
    return Queue(name, connection=redis.Redis.from_url(context.peer_redis_url))


class Producer(QueueProducer):
    """Enqueues on RQ."""

    def __init__(self, context: Context, *, bulk: bool) -> None:
        del bulk
        self._queue = _queue(context)

    def submit_all(self, numbers: Sequence[int]) -> None:
        """Enqueue a job for each number, in pipelines."""
        for first in range(0, len(numbers), _BATCH):
            some = numbers[first : first + _BATCH]
            self._queue.enqueue_many(
                [Queue.prepare_data(mark, args=(number,), result_ttl=0) for number in some]
            )

    def submit(self, number: int) -> None:
        """Enqueue one job."""
        self._queue.enqueue(mark, number, result_ttl=0)

    def close(self) -> None:
        """Close the connection."""
        self._queue.connection.close()


if __name__ == "__main__":
    queue = _queue(here(), *sys.argv[1:])
    SimpleWorker([queue], connection=queue.connection).work(logging_level="WARNING")
