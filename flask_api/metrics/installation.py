"""How the whole installation does: read from Redis at each scrape.
What can't be read is left out, not called zero."""

from collections.abc import Iterable
from typing import cast

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from flask_api.jobs.records import keyspace
from shared.errors import StoreUnavailable
from shared.redis import RedisClient, RedisGateway

_SETS = (
    (
        "gatehouse_instances",
        "Server processes that take part; a dead one until it is adopted.",
        keyspace.INSTANCES,
    ),
    ("gatehouse_jobs_orphaned", "Jobs that wait for any process to take them.", keyspace.ORPHANS),
)
_SORTED_SETS = (
    (
        "gatehouse_jobs_delayed",
        "Jobs that wait for their time: delayed ones and retries.",
        keyspace.DELAYED,
    ),
    ("gatehouse_jobs_expiring", "Ended jobs and batches that are kept.", keyspace.EXPIRING),
    (
        "gatehouse_batches_staged",
        "Batches that are being accepted, or never were.",
        keyspace.STAGED,
    ),
    (
        "gatehouse_uploads_kept",
        "Uploaded files, those being received too.",
        keyspace.EXPIRING_UPLOADS,
    ),
)


class RedisCollector(Collector):
    """Does Redis answer this process? Asks each store once, within its time-outs."""

    def __init__(self, stores: dict[str, RedisGateway]) -> None:
        self._stores = stores

    def collect(self) -> Iterable[Metric]:
        """Yield what each store says; the breaker is read first,
        for the question itself may close or open it."""
        is_open = GaugeMetricFamily(
            "gatehouse_redis_breaker_open", "1: the last call failed.", labels=("store",)
        )
        is_up = GaugeMetricFamily(
            "gatehouse_redis_up", "1: Redis answers this process.", labels=("store",)
        )
        for name, store in self._stores.items():
            is_open.add_metric((name,), store.is_broken)
            is_up.add_metric((name,), _answers(store))
        yield is_open
        yield is_up


class InstallationCollector(Collector):
    """Sizes of what all processes share, in one round trip; nothing at all while Redis is away."""

    def __init__(self, store: RedisGateway) -> None:
        self._store = store

    def collect(self) -> Iterable[Metric]:
        """Yield the sizes."""
        try:
            sizes = self._store.read(_sizes)
        except StoreUnavailable:
            return
        for (name, meaning, _), size in zip((*_SETS, *_SORTED_SETS), sizes, strict=True):
            yield GaugeMetricFamily(name, meaning, value=size)


def _sizes(client: RedisClient) -> list[int]:
    with client.pipeline(transaction=False) as pipeline:
        for _, _, entry in _SETS:
            pipeline.scard(entry)
        for _, _, entry in _SORTED_SETS:
            pipeline.zcard(entry)
        return cast(list[int], pipeline.execute())


def _answers(store: RedisGateway) -> bool:
    try:
        store.read(lambda client: client.ping())
    except StoreUnavailable:
        return False
    return True
