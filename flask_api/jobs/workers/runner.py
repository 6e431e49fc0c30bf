"""Run one attempt: call its task with what it may use, in this thread."""

import logging
from collections.abc import Callable
from functools import partial

from flask_api.jobs.errors import JobCancelled, StopReason, TaskError
from flask_api.jobs.files.job_inputs import input_of_job
from flask_api.jobs.files.storage import FileStore
from flask_api.jobs.files.uploads import Uploads
from flask_api.jobs.records.job import Attempt, QueuedJob
from flask_api.jobs.records.job_writer import JobWriter
from flask_api.jobs.records.states import SavedStates
from flask_api.jobs.records.usage import quota_of
from flask_api.jobs.tasks.context import JobContext, current_job
from flask_api.jobs.tasks.registry import AnyTask, TaskRegistry
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
        """Run one attempt and return how it ended.

        ``stop_reason`` says why it must stop, None to go on; ``signal`` is told what Redis says
        about that when the attempt writes.
        """
        task = self._registry.get(attempt.job.task)
        reporter = AttemptReporter(attempt, self._writer, self._states, self._files, signal=signal)
        context = JobContext(
            job_id=attempt.job.job_id,
            attempt=attempt.number,
            settings=self._settings,
            reporter=reporter,
            must_stop=stop_reason,
            timeout_s=task.policy.timeout_s,
            inputs=partial(input_of_job, self._uploads, attempt.job.owner_id),
        )
        most = self._settings.job_result_max_bytes
        return call(task, attempt.job, context, result_max_bytes=most)


def call(
    task: AnyTask, queued: QueuedJob, context: JobContext, *, result_max_bytes: int
) -> Outcome:
    """Run the task in this thread. Whatever its code raises is the outcome;
    raises nothing itself."""
    token = current_job.set(context)
    try:
        context.checkpoint()
        result = task.run(queued.arguments, context)
        size = len(result.encode())
        if size > result_max_bytes:
            raise TaskError(
                f"The result has {size} bytes of JSON; it may have at most "
                f"{result_max_bytes}: save it as a file."
            )
        _check_once_more(context)
    except JobCancelled as stop:
        return stopped(stop.reason, task.policy)
    except BaseException as error:  # SystemExit too: it is the job's outcome, not ours
        return Outcome(error=describe(error), may_retry=task.policy.may_retry(error))
    finally:
        current_job.reset(token)
    return Outcome(result=result)


def _check_once_more(context: JobContext) -> None:
    """One that never checked may be past its time. But what is done is done:
    a process that stops has its outcome."""
    try:
        context.checkpoint()
    except JobCancelled as stop:
        if stop.reason in (StopReason.CANCELLED, StopReason.TIMED_OUT, StopReason.QUOTA):
            raise


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
