"""The job engine of one process: accept, run, look up, wait, shut down."""

import logging
import threading
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from flask_api.jobs.attempt import AttemptRunner, Launch
from flask_api.jobs.errors import EngineStopped, JobNotFound, QueueFull
from flask_api.jobs.executors import Executor, ThreadsExecutor
from flask_api.jobs.record import Job, JobStatus, Owner, new_job_id
from flask_api.jobs.registry import TaskRegistry
from flask_api.jobs.store import JobStore, Page
from flask_api.jobs.waiting import Waiting
from shared.errors import ConfigurationError
from shared.settings import ApiSettings

log = logging.getLogger("gatehouse.jobs")

# After the drain deadline, time for attempts to reach their next checkpoint and write that they were interrupted.
INTERRUPT_S = 2.0


class JobEngine:
    """Runs the jobs that this process accepts. Making one starts nothing; call :meth:`start` after any fork.

    Thread-safe. Methods that touch Redis raise JobStoreUnavailable while it is away.
    """

    def __init__(self, store: JobStore, registry: TaskRegistry, settings: ApiSettings) -> None:
        self.registry = registry
        self._store = store
        self._settings = settings
        self._lock = threading.Lock()
        self._unfinished = 0
        self._accepting = False
        self._stopping = threading.Event()
        self._waiting = Waiting(limit=settings.max_waiting)
        self._executors: dict[str, Executor] = {}

    def start(self) -> None:
        """Begin to accept jobs. Raises ConfigurationError when a task names an executor that there is not."""
        runner = AttemptRunner(
            self._store, self.registry, self._settings, holder=f"instance:{uuid.uuid4()}", stopping=self._stopping
        )
        threads = ThreadsExecutor(runner.run, slots=self._settings.job_threads)
        self._executors = {threads.name: threads}
        for task in self.registry:
            if task.executor not in self._executors:
                accepted = ", ".join(self._executors)
                raise ConfigurationError(f"task {task.name}: executor {task.executor!r}; accepted: {accepted}")
        self._accepting = True

    def submit(self, task_name: str, arguments: Mapping[str, Any], *, owner: Owner) -> Job:
        """Accept a job: it is in Redis when this returns, and starts at once if a slot is free.

        Raises UnknownTask, InvalidArguments, QueueFull or EngineStopped; then nothing was stored.
        """
        task = self.registry.get(task_name)
        job = Job(
            id=new_job_id(),
            task=task.name,
            arguments=task.check(arguments),
            executor=task.executor,
            owner=owner,
            submitted_at=datetime.now(UTC),
        )
        self._reserve()
        try:
            self._store.add(job)
            launch = Launch(job_id=job.id, task=job.task, arguments=job.arguments)
            self._executors[job.executor].submit(launch, done=self._done)
        except BaseException:
            self._release()
            raise
        return job

    def get(self, job_id: str, *, viewer: Owner, sees_all: bool = False) -> Job:
        """Return a job of the viewer's own, or anyone's if ``sees_all``; otherwise raise JobNotFound."""
        job = self._store.find(job_id)
        if job is None or not (sees_all or job.owner.id == viewer.id):
            raise JobNotFound("There is no such job.")
        return job

    def list_of(
        self, owner: Owner, *, limit: int, cursor: str | None = None, status: JobStatus | None = None, task: str | None = None
    ) -> Page:
        """Return one page of a person's jobs, newest first; see JobStore.list_of."""
        return self._store.list_of(owner.id, limit=limit, cursor=cursor, status=status, task=task)

    def wait(self, job_id: str, *, timeout_s: float) -> None:
        """Block until the job has ended, at most ``timeout_s``; returns early when this process is full of waiters."""
        self._waiting.wait(job_id, timeout_s=timeout_s, has_ended=lambda: self._has_ended(job_id))

    def release_waiters(self) -> None:
        """End all waits now, and later ones at once: their requests would hold up a graceful stop."""
        self._waiting.close()

    def shutdown(self, *, deadline_s: float) -> bool:
        """Take no more jobs, let accepted ones finish until the deadline, interrupt the rest. True when none is left.

        The order matters: refuse first, so that what is counted only falls; interrupt last, so that most need not be.
        """
        self._accepting = False
        self.release_waiters()
        drained = self._drain(deadline_s)
        self._stopping.set()
        drained = drained or self._drain(INTERRUPT_S)
        if not drained:
            log.error("jobs did not stop in time", extra={"unfinished": self._unfinished})
        return drained

    def _drain(self, deadline_s: float) -> bool:
        deadline = time.monotonic() + deadline_s  # one deadline shared by all
        results = [executor.shutdown(deadline_s=max(0.0, deadline - time.monotonic())) for executor in self._executors.values()]
        return all(results)

    def _has_ended(self, job_id: str) -> bool:
        status = self._store.find_status(job_id)
        return status is None or status.is_outcome

    def _reserve(self) -> None:
        if not self._accepting:
            raise EngineStopped("The server is shutting down; try again shortly.")
        with self._lock:
            if self._unfinished >= self._settings.job_queue_limit:
                raise QueueFull(f"{self._unfinished} jobs are unfinished here; try again when some have ended.")
            self._unfinished += 1

    def _release(self) -> None:
        with self._lock:
            self._unfinished -= 1

    def _done(self, launch: Launch) -> None:
        self._release()
        self._waiting.notify(launch.job_id)
