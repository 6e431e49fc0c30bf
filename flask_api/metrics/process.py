"""How this process does just now: read at each scrape, from memory only."""

from collections.abc import Callable, Iterable, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from flask_api.jobs.engine import JobEngine
from flask_api.jobs.workers.counts import Load
from flask_api.streams.streams import Streams

_OF_EXECUTORS: tuple[tuple[str, str, Callable[[Load], int]], ...] = (
    (
        "gatehouse_executor_slots",
        "Jobs that an executor runs at once at most.",
        lambda load: load.slots,
    ),
    (
        "gatehouse_jobs_queued",
        "Jobs that wait in this process for a slot.",
        lambda load: load.queued,
    ),
    ("gatehouse_jobs_running", "Jobs that hold a slot of this process.", lambda load: load.running),
)


class ProcessCollector(Collector):
    """The jobs, waits and streams of this process."""

    def __init__(self, engine: JobEngine, streams: Streams) -> None:
        self._engine = engine
        self._streams = streams

    def collect(self) -> Iterable[Metric]:
        """Yield what is read now."""
        yield from self._executors()
        yield from self._totals()
        yield _gauge(
            "gatehouse_long_polls", "Requests that wait for a job or batch.", self._streams.waits
        )
        yield _gauge("gatehouse_streams", "Event streams that are open.", self._streams.taken)
        yield _gauge(
            "gatehouse_accepting_jobs",
            "1 from this process's start until it stops.",
            self._engine.is_accepting,
        )

    def _executors(self) -> Iterable[Metric]:
        loads = self._engine.loads()
        for name, meaning, read in _OF_EXECUTORS:
            family = GaugeMetricFamily(name, meaning, labels=("executor",))
            for load in loads:
                family.add_metric((load.executor,), read(load))
            yield family

    def _totals(self) -> Iterable[Metric]:
        counts = self._engine.counts
        accepted = {(task,): count for task, count in counts.accepted().items()}
        yield _counter(
            "gatehouse_jobs_accepted", "Jobs that were accepted.", ("task",), accepted.items()
        )
        yield _counter(
            "gatehouse_jobs_ended",
            "Jobs that have their outcome.",
            ("task", "outcome"),
            counts.ended().items(),
        )
        yield _counter(
            "gatehouse_attempts",
            "Attempts by how they ended.",
            ("task", "end"),
            counts.attempts().items(),
        )


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(name, meaning, value=value)


def _counter(
    name: str, meaning: str, labels: tuple[str, ...], counts: Iterable[tuple[Sequence[str], int]]
) -> Metric:
    family = CounterMetricFamily(name, meaning, labels=labels)
    for values, count in counts:
        family.add_metric(values, count)
    return family
