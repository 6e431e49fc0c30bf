"""Dramatiq: its command line with two processes and its eight threads each, no result backend."""

from collections.abc import Sequence

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from benchmarks.children.producer import QueueProducer
from benchmarks.measuring.context import Context
from benchmarks.measuring.marks import here, mark

WORKERS = (
    (
        "-m",
        "dramatiq",
        "benchmarks.peers.queues.dramatiq:worker_broker",
        "--processes=2",
        "--threads=8",
    ),
)


def _broker(context: Context) -> RedisBroker:
    broker = RedisBroker(url=context.peer_redis_url)
    dramatiq.set_broker(broker)
    return broker


class Producer(QueueProducer):
    """Sends to Dramatiq."""

    def __init__(self, context: Context, *, bulk: bool) -> None:
        del bulk
        self._broker = _broker(context)
        self._actor = dramatiq.actor(
            mark, broker=self._broker, actor_name="mark", queue_name="bench"
        )

    def submit_all(self, numbers: Sequence[int]) -> None:
        """Send a message for each number."""
        for number in numbers:
            self._actor.send(number)

    def submit(self, number: int) -> None:
        """Send one."""
        self._actor.send(number)

    def close(self) -> None:
        """Close the connections."""
        self._broker.close()


def __getattr__(name: str) -> RedisBroker:
    """Make the worker's broker when Dramatiq's command line asks for it,
    not when the producer imports this."""
    if name != "worker_broker":
        raise AttributeError(name)
    broker = _broker(here())
    dramatiq.actor(mark, broker=broker, actor_name="mark", queue_name="bench")
    return broker
