"""Huey: its consumer with two worker processes that wait in Redis (a blocking pop),
no results kept."""

import logging
from collections.abc import Sequence

from huey import RedisHuey

from benchmarks.children.producer import QueueProducer
from benchmarks.measuring.context import Context
from benchmarks.measuring.marks import here, mark

WORKERS = (("-m", "benchmarks.peers.queues.huey"),)


def _huey(context: Context) -> RedisHuey:
    huey = RedisHuey("bench", url=context.peer_redis_url, results=False, blocking=True)
    huey.task(name="mark")(mark)
    return huey


class Producer(QueueProducer):
    """Enqueues on Huey."""

    def __init__(self, context: Context, *, bulk: bool) -> None:
        del bulk
        self._huey = RedisHuey("bench", url=context.peer_redis_url, results=False)
        self._task = self._huey.task(name="mark")(mark)

    def submit_all(self, numbers: Sequence[int]) -> None:
        """Enqueue a task for each number."""
        for number in numbers:
            self._task(number)

    def submit(self, number: int) -> None:
        """Enqueue one."""
        self._task(number)

    def close(self) -> None:
        """Close the connections."""
        self._huey.storage.close()


if __name__ == "__main__":
    logging.getLogger("huey").setLevel(logging.ERROR)
    _huey(here()).create_consumer(workers=2, worker_type="process", periodic=False).run()
