"""The metrics of one application, as Prometheus reads them:
a registry of its own, nothing global."""

from collections.abc import Callable, Iterable

import prometheus_client
from flask import Flask
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from flask_api.gate.state import gate_state
from flask_api.jobs.engine import JobEngine
from flask_api.metrics.installation import InstallationCollector, RedisCollector
from flask_api.metrics.process import ProcessCollector
from flask_api.metrics.requests import RequestMetrics
from flask_api.metrics.workers import WorkersCollector
from flask_api.streams.streams import Streams
from shared.redis import RedisGateway


class Metrics:
    """Collects for ``app``, which has the gate. Making one adds to its request hooks;
    it starts and connects nothing."""

    def __init__(
        self, app: Flask, *, engine: JobEngine, streams: Streams, jobs: RedisGateway
    ) -> None:
        of_process = CollectorRegistry()
        RequestMetrics(app, of_process)
        of_process.register(ProcessCollector(engine, streams))
        of_process.register(RedisCollector({"sessions": gate_state(app).store, "jobs": jobs}))
        # memory, processor time, open files
        prometheus_client.ProcessCollector(registry=of_process)
        self._registry = CollectorRegistry()
        self._registry.register(_OfInstance(of_process, lambda: engine.instance))
        self._registry.register(InstallationCollector(jobs))
        fleets = engine.fleets
        self._registry.register(WorkersCollector(jobs, lambda: [it.executor for it in fleets()]))

    def render(self) -> bytes:
        """Return all of them in Prometheus' text format. Blocks for the time-outs of Redis at most;
        raises nothing for it."""
        return generate_latest(self._registry)


class _OfInstance(Collector):
    """Gives every series the label ``instance``:
    behind one port, several processes answer in turn, each for itself."""

    def __init__(self, inner: Collector, instance: Callable[[], str]) -> None:
        self._inner = inner
        self._instance = instance

    def collect(self) -> Iterable[Metric]:
        own = {"instance": self._instance()}
        for family in self._inner.collect():
            # Without the times at which counters were made:
            # as many series again, which nobody reads.
            kept = [each for each in family.samples if not each.name.endswith("_created")]
            family.samples = [each._replace(labels={**own, **each.labels}) for each in kept]
            yield family
