"""RQ with results: two SimpleWorkers, ``enqueue_many``, and ``latest_result(timeout=...)``,
which waits without polling."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import redis
from rq import Queue, SimpleWorker

from benchmarks.measuring.context import Context
from benchmarks.measuring.marks import here
from benchmarks.peers.worker_processes import worker_processes

_QUEUE = "bench-futures"
_TIMEOUT_S = 60


def number(value: int) -> int:
    """Return the number: a job that does nothing but have a result."""
    return value


@contextmanager
def running(context: Context) -> Iterator[None]:
    """Run the workers."""
    with worker_processes(context, (("-m", "benchmarks.peers.futures.rq"),) * 2, name="futures-rq"):
        yield


class Mapper:
    """Enqueues all jobs in one pipeline, then waits for each result."""

    def __init__(self, context: Context) -> None:
        self._queue = Queue(_QUEUE, connection=redis.Redis.from_url(context.peer_redis_url))

    def map(self, count: int) -> list[object]:
        """Map."""
        jobs = self._queue.enqueue_many(
            [Queue.prepare_data(number, args=(value,)) for value in range(count)]
        )
        return [job.latest_result(timeout=_TIMEOUT_S).return_value for job in jobs]

    def close(self) -> None:
        """Close the connection."""
        self._queue.connection.close()


if __name__ == "__main__":
    connection = redis.Redis.from_url(here().peer_redis_url)
    SimpleWorker([Queue(_QUEUE, connection=connection)], connection=connection).work(
        logging_level="WARNING"
    )
    sys.exit()
