"""Cancel jobs: one, all of a batch, or those of a batch that have not begun."""

from collections.abc import Sequence
from contextlib import suppress

from flask_api.jobs.errors import IllegalTransition, StopReason
from flask_api.jobs.records.job import Job, JobStatus
from flask_api.jobs.records.job_reader import JobReader
from flask_api.jobs.records.job_writer import CancelAnswer, JobWriter
from flask_api.jobs.waiting import Waiting
from flask_api.jobs.workers.worker import Worker
from shared.errors import JobStoreUnavailable
from shared.redis import RedisGateway

_TRIES = 3  # a job that moves between processes meanwhile is asked for again
_AT_ONCE = 500


class Cancellations:
    """Cancels, whichever process holds a job.
    Thread-safe; raises JobStoreUnavailable while Redis is away."""

    def __init__(self, store: RedisGateway, worker: Worker, waiting: Waiting) -> None:
        self._reader = JobReader(store)
        self._writer = JobWriter(store)
        self._worker = worker
        self._waiting = waiting

    def cancel(self, job: Job) -> None:
        """Cancel a job: at once while it waits, by request while it runs.
        Raises IllegalTransition when it has ended."""
        self._cancel(job, self._reader.find_instance(job.id))

    def cancel_all(self, job_ids: Sequence[str]) -> None:
        """Cancel those that have not ended."""
        for first in range(0, len(job_ids), _AT_ONCE):
            ids = job_ids[first : first + _AT_ONCE]
            self._cancel_each(
                [job for job in self._reader.find_heads(ids) if not job.status.is_outcome]
            )

    def withdraw(self, job_ids: Sequence[str]) -> list[str]:
        """Cancel those that have not begun; return which are cancelled now."""
        cancelled = []
        for first in range(0, len(job_ids), _AT_ONCE):
            ids = job_ids[first : first + _AT_ONCE]
            self._cancel_each(
                [job for job in self._reader.find_heads(ids) if job.status is JobStatus.QUEUED]
            )
            now = self._reader.find_heads(ids)
            cancelled += [job.id for job in now if job.status is JobStatus.CANCELLED]
        return cancelled

    def _cancel_each(self, jobs: Sequence[Job]) -> None:
        holders = self._reader.find_instances([job.id for job in jobs])
        for job, holder in zip(jobs, holders, strict=True):
            with suppress(IllegalTransition):  # it ended meanwhile
                self._cancel(job, holder)

    def _cancel(self, job: Job, holder: str) -> None:
        ttl_s = self._worker.ttl_s(job.task)
        for _ in range(_TRIES):
            answer = self._writer.cancel(job, instance=holder, ttl_s=ttl_s)
            if answer is not CancelAnswer.MOVED:
                break
            holder = self._reader.find_instance(job.id)
        if answer is CancelAnswer.MOVED:
            raise JobStoreUnavailable("The job moves between servers; try again shortly.")
        if answer is CancelAnswer.ENDED:
            raise IllegalTransition("The job has ended already.")
        if answer is CancelAnswer.CANCELLED:
            self._worker.counts.end(job.task, JobStatus.CANCELLED)
        if answer is CancelAnswer.REQUESTED:
            # at once if it runs here; else its process hears of it by its beat
            self._worker.held.stop([job.id], StopReason.CANCELLED)
        self._waiting.notify([job.id])
