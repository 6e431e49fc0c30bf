"""Ours: the engine accepts and runs in one process, as a server does.
Batches, or one submit for each job."""

import time
from collections.abc import Sequence
from functools import partial

import redis

from benchmarks.children.producer import QueueProducer
from benchmarks.measuring.context import Context
from benchmarks.measuring.engines import OWNER, insist, open_engine
from flask_api.jobs.records import keyspace

WORKERS: tuple[tuple[str, ...], ...] = ()
_BATCH = 1_000
_LOOK_EVERY_S = 0.002


class Producer(QueueProducer):
    """Submits to an engine of this process."""

    knows_outcomes = True

    def __init__(self, context: Context, *, bulk: bool) -> None:
        self._running = open_engine(context)
        self._engine = self._running.__enter__()
        self._bulk = bulk
        self._admin = redis.Redis.from_url(context.peer_redis_url)

    def submit_all(self, numbers: Sequence[int]) -> None:
        """Submit a job for each number."""
        if not self._bulk:
            for number in numbers:
                self.submit(number)
            return
        for first in range(0, len(numbers), _BATCH):
            sets = [{"number": number} for number in numbers[first : first + _BATCH]]
            insist(
                partial(self._engine.submit_batch, "bench.mark", sets, owner=OWNER),
                on_refusal=self._note_refusal,
            )

    def submit(self, number: int) -> None:
        """Submit one job."""
        insist(
            partial(self._engine.submit, "bench.mark", {"number": number}, owner=OWNER),
            on_refusal=self._note_refusal,
        )

    def settle(self) -> None:
        """Return when the outcome of every job is stored."""
        while self._admin.scard(keyspace.opened(OWNER.id)):
            time.sleep(_LOOK_EVERY_S)

    def _note_refusal(self) -> None:
        self.refused += 1

    def close(self) -> None:
        """Stop the engine."""
        self._running.__exit__(None, None, None)
