"""All that operators see and do, made once for an application."""

from flask_api.jobs.engine import JobEngine
from flask_api.jobs.operating.all_jobs import AllJobs
from flask_api.jobs.operating.audit import AuditLog
from flask_api.jobs.operating.failures import Failures, read_failures
from flask_api.jobs.operating.overview import Overview, read_overview
from flask_api.jobs.operating.timeline import RanLately, read_timeline
from flask_api.jobs.operating.times import TaskTimes, read_times
from flask_api.jobs.records.job_reader import JobReader
from flask_api.jobs.records.pauses import PauseStore
from flask_api.jobs.tasks.registry import TaskRegistry
from flask_api.jobs.tasks.signature import signature_of
from flask_api.jobs.workers.executors import executors_of
from shared.redis import RedisGateway
from shared.settings import ApiSettings


class Operators:
    """The parts, and what needs no part of its own. Thread-safe.

    Raises JobStoreUnavailable when Redis is away.
    """

    def __init__(self, store: RedisGateway, engine: JobEngine) -> None:
        self._store = store
        self._heartbeat_s = engine.settings.job_heartbeat_s
        self._signatures = _signatures(engine.registry, engine.settings)
        self._ttls = _ttls(engine.registry, engine.settings)
        self.audit = AuditLog(store)
        self.jobs = AllJobs(store, JobReader(store), engine.search)
        self.pauses = PauseStore(store)

    def overview(self) -> Overview:
        """Return what runs where."""
        return read_overview(
            self._store,
            self.pauses,
            heartbeat_s=self._heartbeat_s,
            signatures=self._signatures,
        )

    def failures(self, *, task: str | None = None) -> Failures:
        """Return what failed lately, grouped by error."""
        return read_failures(self._store, task=task)

    def times(self) -> tuple[int, list[TaskTimes]]:
        """Return the last 72 hours by task; see read_times."""
        return read_times(self._store)

    def timeline(self, *, minutes: int) -> RanLately:
        """Return what ran in the last minutes, and where."""
        return read_timeline(self._store, minutes=minutes, ttls=self._ttls)


def _signatures(registry: TaskRegistry, settings: ApiSettings) -> dict[str, dict[str, str]]:
    """Return the signatures of tasks by the executor that runs them here: no other's workers are
    sent them."""
    chosen = executors_of(registry, settings.executors)
    found: dict[str, dict[str, str]] = {name: {} for name in chosen.values()}
    for task in registry:
        found[chosen[task.name]][task.name] = signature_of(task)
    return found


def _ttls(registry: TaskRegistry, settings: ApiSettings) -> list[int]:
    """Return how long ended jobs are kept: the setting's first, then those of tasks."""
    own = {task.policy.ttl_s for task in registry if task.policy.ttl_s}
    return [settings.job_ttl_s, *sorted(own - {settings.job_ttl_s})]
