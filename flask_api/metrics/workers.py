"""How the workers on other machines do: read from Redis at each scrape, of the whole installation.

By executor and labels, never by worker: their names change with each start. Who can write to
workers' entries can't make series without end: twenty sets of labels are told apart.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from flask_api.jobs.operating.overview import LiveWorker, read_workers
from flask_api.jobs.workers.executors import REMOTE_EXECUTORS
from shared.errors import StoreUnavailable
from shared.redis import RedisGateway

_MOST_WORKERS = 10_000
_MOST_SERIES = 20
_LONGEST_LABELS = 100
_OTHER = "other"

Series = tuple[str, str]  # an executor, and labels with commas

_GAUGES: tuple[tuple[str, str, Callable[[Sequence[LiveWorker]], float]], ...] = (
    ("gatehouse_workers", "Workers elsewhere; a dead one until its jobs are taken over.", len),
    (
        "gatehouse_worker_slots",
        "Attempts that they run at once at most.",
        lambda workers: sum(each.slots for each in workers),
    ),
    (
        "gatehouse_worker_slots_busy",
        "Of these slots, those in which an attempt runs.",
        lambda workers: sum(min(each.running, each.slots) for each in workers),
    ),
    (
        "gatehouse_worker_beat_age_seconds",
        "Since the last beat of the one that has been silent longest.",
        lambda workers: max((each.beat_age_s for each in workers), default=0.0),
    ),
)


class WorkersCollector(Collector):
    """The workers elsewhere, in two round trips; nothing at all while Redis is away.

    ``executors``: those of this process that use such workers; they are told with a zero, too.
    """

    def __init__(self, store: RedisGateway, executors: Callable[[], Iterable[str]]) -> None:
        self._store = store
        self._executors = executors

    def collect(self) -> Iterable[Metric]:
        """Yield how many there are, how busy, and since when one is silent."""
        try:
            workers = read_workers(self._store, most=_MOST_WORKERS)
        except StoreUnavailable:
            return
        found = by_series(workers)
        executors = {executor for executor, _ in found}
        found.update({(each, ""): [] for each in self._executors() if each not in executors})
        for name, meaning, read in _GAUGES:
            family = GaugeMetricFamily(name, meaning, labels=("executor", "labels"))
            for series, some in sorted(found.items()):
                family.add_metric(series, read(some))
            yield family


def by_series(workers: Iterable[LiveWorker]) -> dict[Series, list[LiveWorker]]:
    """Return workers by executor and labels; beyond twenty, the rest together by executor."""
    found: defaultdict[Series, list[LiveWorker]] = defaultdict(list)
    for each in workers:
        executor = each.executor if each.executor in REMOTE_EXECUTORS else _OTHER
        labels = ",".join(each.labels)
        found[executor, labels if len(labels) <= _LONGEST_LABELS else _OTHER].append(each)
    largest = sorted(found, key=lambda series: (-len(found[series]), series))
    for series in largest[_MOST_SERIES:]:
        some = found.pop(series)
        found[series[0], _OTHER].extend(some)
    return dict(found)
