"""One try at a job: begin it, call the task, write the outcome. The executor decides where this runs."""

import logging
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from flask_api.jobs.context import JobContext, Progress
from flask_api.jobs.errors import JobCancelled, TaskError
from flask_api.jobs.record import JobStatus, encode_field
from flask_api.jobs.registry import TaskRegistry
from flask_api.jobs.store import Hold, JobStore
from shared.errors import JobStoreUnavailable
from shared.settings import ApiSettings

log = logging.getLogger("gatehouse.jobs")

T = TypeVar("T")
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What an executor is handed: plain data, so that it can cross to another process."""

    job_id: str
    task: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an attempt ended: a final status with a result or an error."""

    status: JobStatus
    result: Any = None
    error: dict[str, Any] | None = None


class AttemptRunner:
    """Run attempts for one process. Thread-safe; ``run`` blocks until the outcome is written or lost.

    While Redis is away, an attempt waits with its outcome in hand instead of dropping it.
    """

    def __init__(
        self, store: JobStore, registry: TaskRegistry, settings: ApiSettings, *, holder: str, stopping: threading.Event
    ) -> None:
        self._store = store
        self._registry = registry
        self._settings = settings
        self._holder = holder
        self._stopping = stopping

    def run(self, launch: Launch) -> None:
        """Begin the job, call its task, write the outcome. Raises nothing but what ends the process."""
        try:
            hold = self._persist(lambda: self._store.start(launch.job_id, holder=self._holder))
            if hold is None:
                return  # another process has it, or it was cancelled while queued
            started = time.monotonic()
            outcome = self._call(launch, hold)
            kept = self._finish(hold, outcome)
        except JobStoreUnavailable:
            log.exception("job abandoned: Redis stayed away until shutdown", extra={"job_id": launch.job_id})
            return
        details = {"job_id": launch.job_id, "task": launch.task, "attempt": hold.attempt, "status": outcome.status.value}
        seconds = round(time.monotonic() - started, 3)
        log.info("attempt finished" if kept else "outcome discarded", extra={**details, "duration_s": seconds})

    def _call(self, launch: Launch, hold: Hold) -> Outcome:
        context = JobContext(
            job_id=launch.job_id,
            attempt=hold.attempt,
            settings=self._settings,
            report=lambda progress: self._report(hold, progress),
            must_stop=self._stopping.is_set,
        )
        try:
            context.checkpoint()
            result = self._registry.get(launch.task).run(launch.arguments, context)
            size = len(encode_field("result", result))
            if size > self._settings.job_result_max_bytes:
                accepted = self._settings.job_result_max_bytes
                raise TaskError(f"The result has {size} bytes of JSON; accepted are at most {accepted}.")
        except JobCancelled:
            return Outcome(status=JobStatus.FAILED, error=_interrupted())
        except BaseException as error:  # task code may raise anything, SystemExit too: it is the job's outcome, not ours
            return Outcome(status=JobStatus.FAILED, error=_describe(error))
        return Outcome(status=JobStatus.SUCCEEDED, result=result)

    def _report(self, hold: Hold, progress: Progress) -> None:
        try:
            self._store.update(hold, progress=asdict(progress))
        except JobStoreUnavailable:
            log.debug("progress not written", extra={"job_id": hold.job_id})

    def _finish(self, hold: Hold, outcome: Outcome) -> bool:
        ttl_s = self._settings.job_ttl_s
        now = datetime.now(UTC)
        changes: dict[str, Any] = {"status": outcome.status, "finished_at": now}
        changes["expires_at"] = now + timedelta(seconds=ttl_s)
        if outcome.status is JobStatus.SUCCEEDED:
            changes["result"] = outcome.result
        else:
            changes["error"] = outcome.error
        return self._persist(lambda: self._store.update(hold, ttl_s=ttl_s, **changes))

    def _persist(self, action: Callable[[], T]) -> T:
        """Repeat an idempotent write until Redis takes it; give up only when the process must end."""
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                return action()
            except JobStoreUnavailable:
                if self._stopping.wait(pause_s):
                    return action()
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def _describe(error: BaseException) -> dict[str, Any]:
    described = {"type": type(error).__name__, "message": str(error)[:2000]}
    if not isinstance(error, TaskError):
        described["traceback"] = "".join(traceback.format_exception(error))[-20_000:]
    return described


def _interrupted() -> dict[str, Any]:
    return {"type": "Interrupted", "message": "The server shut down before the job could finish. Submit it again."}
