"""Run one attempt: call its task with what it may use, in this thread."""

import logging
from collections.abc import Callable
from functools import partial

from flask_api.jobs.errors import JobCancelled, StopReason, TaskError
from flask_api.jobs.files.job_inputs import input_of_job
from flask_api.jobs.files.storage import FileStore
from flask_api.jobs.files.uploads import Uploads
from flask_api.jobs.records.job import Attempt
from flask_api.jobs.records.job_writer import JobWriter
from flask_api.jobs.records.states import SavedStates
from flask_api.jobs.records.usage import quota_of
from flask_api.jobs.tasks.context import JobContext, current_job
from flask_api.jobs.tasks.policy import Policy
from flask_api.jobs.tasks.registry import TaskRegistry
from flask_api.jobs.workers.outcome import Outcome, describe, stopped
from flask_api.jobs.workers.reporter import AttemptReporter
from shared.redis import RedisGateway
from shared.settings import ApiSettings


class AttemptRunner:
    """Runs attempts in the thread that calls it: in a server's slot as in a child process.
    Thread-safe."""

    def __init__(
        self,
        store: RedisGateway,
        registry: TaskRegistry,
        settings: ApiSettings,
        *,
        storage: str = "",
    ) -> None:
        """``storage``: whose is read here, where that is not surely the servers'."""
        self._registry = registry
        self._settings = settings
        self._writer = JobWriter(store, quota_of(settings))
        self._states = SavedStates(store)
        self._files = FileStore(settings)
        self._uploads = Uploads(store, self._files, settings, storage=storage)

    def run(
        self,
        attempt: Attempt,
        *,
        stop_reason: Callable[[], StopReason | None],
        signal: Callable[[StopReason], None],
    ) -> Outcome:
        """Run one attempt in this thread and return how it ended: whatever its task's code raises
        is the outcome.

        ``stop_reason`` says why it must stop, None to go on; ``signal`` is told what Redis says
        about that when the attempt writes.
        """
        task, most = self._registry.get(attempt.job.task), self._settings.job_result_max_bytes
        context = self._context_of(attempt, task.policy, stop_reason, signal)
        token = current_job.set(context)
        try:
            context.checkpoint()
            result = task.run(attempt.job.arguments, context)
            size = len(result.encode())
            if size > most:
                raise TaskError(
                    f"The result has {size} bytes of JSON; it may have at most "
                    f"{most}: save it as a file."
                )
            context.check_when_done()
        except JobCancelled as stop:
            return stopped(stop.reason, task.policy)
        except BaseException as error:  # SystemExit too: it is the job's outcome, not ours
            may_retry = task.policy.may_retry(error)
            if may_retry and stop_reason() is StopReason.CANCELLED:
                return stopped(StopReason.CANCELLED, task.policy)  # no other attempt is waited for
            return Outcome(error=describe(error), may_retry=may_retry)
        finally:
            current_job.reset(token)
        return Outcome(result=result)

    def _context_of(
        self,
        attempt: Attempt,
        policy: Policy,
        stop_reason: Callable[[], StopReason | None],
        signal: Callable[[StopReason], None],
    ) -> JobContext:
        return JobContext(
            job_id=attempt.job.job_id,
            attempt=attempt.number,
            settings=self._settings,
            reporter=AttemptReporter(
                attempt, self._writer, self._states, self._files, signal=signal
            ),
            must_stop=stop_reason,
            timeout_s=policy.timeout_s,
            inputs=partial(input_of_job, self._uploads, attempt.job.owner_id),
        )


class JobLogHandler(logging.Handler):
    """Gives the log records of a task's own code to its job, besides where logs go anyway."""

    def emit(self, record: logging.LogRecord) -> None:
        """Add the record to the current job's log, if this thread works for one."""
        job = current_job.get()
        if job is None or record.name.startswith("gatehouse."):
            return
        try:
            job.log(self.format(record), level=record.levelname.lower())
        except Exception:
            self.handleError(record)
