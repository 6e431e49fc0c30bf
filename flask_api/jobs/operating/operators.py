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
from flask_api.jobs.tasks.signature import signatures_of
from shared.redis import RedisGateway


class Operators:
    """The parts, and what needs no part of its own. Thread-safe.

    Raises JobStoreUnavailable when Redis is away.
    """

    def __init__(self, store: RedisGateway, engine: JobEngine) -> None:
        self._store = store
        self._heartbeat_s = engine.settings.job_heartbeat_s
        self._signatures = signatures_of(engine.registry)
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
        return read_timeline(self._store, minutes=minutes)
