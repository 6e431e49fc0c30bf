"""Accept jobs: check, make durable, hand to the worker. A refused one leaves nothing behind."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from flask_api.jobs.batches import Batches, new_batch
from flask_api.jobs.errors import (
    EngineStopped,
    IdempotencyConflict,
    IllegalTransition,
    InvalidArguments,
    QueueFull,
    UnknownTask,
)
from flask_api.jobs.files.job_inputs import SubmittedInputs
from flask_api.jobs.files.uploads import Uploads
from flask_api.jobs.membership import Membership
from flask_api.jobs.records.acceptance import Acceptance, IdempotencyKey, SubmitAnswer
from flask_api.jobs.records.job import Job, JobStatus, Owner, QueuedJob, queued_jobs_of
from flask_api.jobs.records.usage import quota_of
from flask_api.jobs.tasks.arguments import check_all
from flask_api.jobs.tasks.registry import AnyTask, TaskRegistry
from shared.clock import JOBS_CLOCK
from shared.errors import JobStoreUnavailable
from shared.job_ids import new_job_id
from shared.settings import ApiSettings

_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """An accepted job or batch, and how many unfinished jobs its person has now (0 when it was
    known before)."""

    id: str
    unfinished: int
    job: Job | None = None  # as it was accepted; None for a batch and for what was known


class Submissions:
    """The way in, while it ``is_open``. Thread-safe. Raises JobStoreUnavailable without Redis."""

    def __init__(
        self,
        registry: TaskRegistry,
        settings: ApiSettings,
        membership: Membership,
        batches: Batches,
        uploads: Uploads,
    ) -> None:
        self.is_open = False
        self._registry = registry
        self._quota = quota_of(settings)
        self._limit = settings.job_person_limit
        self._membership = membership
        self._worker = membership.worker
        self._batches = batches
        self._acceptances = batches.acceptances
        self._uploads = uploads

    def submit(
        self,
        task_name: str,
        arguments: Mapping[str, Any],
        *,
        owner: Owner,
        priority: int = 0,
        start_at: datetime | None = None,
        idempotency: IdempotencyKey | None = None,
        job_id: str = "",
    ) -> Submitted:
        """Accept a job: it is durable when this returns, and begins at once if a slot is free.

        ``job_id`` names it, if who submits it did: a job of this id is never accepted twice.
        Raises UnknownTask, InvalidArguments, IdempotencyConflict, QueueFull or EngineStopped.
        """
        if job_id and self._acceptances.is_accepted(job_id, owner_id=owner.id):
            return Submitted(id=job_id, unfinished=0)
        submit = partial(self._submit, owner=owner, priority=priority, start_at=start_at)
        try:
            return submit(task_name, arguments, idempotency=idempotency, job_id=job_id)
        except (UnknownTask, InvalidArguments, QueueFull, EngineStopped):
            # A repeated one was right once; its file may be gone since, or its place.
            if known := self._find_known(owner, idempotency):
                return known
            raise

    def _submit(
        self,
        task_name: str,
        arguments: Mapping[str, Any],
        *,
        owner: Owner,
        priority: int,
        start_at: datetime | None,
        idempotency: IdempotencyKey | None,
        job_id: str,
    ) -> Submitted:
        task = self._registry.get(task_name)
        inputs = SubmittedInputs(self._uploads, owner.id)
        checked = task.check(arguments, inputs=inputs.find)
        at = JOBS_CLOCK.now()
        job_id = job_id or new_job_id(at)
        queued = _queued_job(task, checked, owner=owner, priority=priority, job_id=job_id)
        self._require_open()
        inputs.hold(f"job:{job_id}")
        begins = start_at is None and self._worker.seize(queued)
        executor = self._worker.executor_names[task.name]
        job = _job(executor, queued, owner=owner, at=at, start_at=start_at, begins=begins)
        if begins:
            return self._submit_running(job, queued, idempotency)
        queue = self._worker.queue_of(task.name)
        queue.reserve()
        try:
            answer = self._accept_one(job, idempotency)
            if answer.acceptance is Acceptance.KNOWN:
                return Submitted(id=answer.known, unfinished=0)
            if start_at is None:
                self._worker.put([queued])
        finally:
            queue.release()
        return Submitted(id=job.id, unfinished=answer.unfinished, job=job)

    def _submit_running(
        self, job: Job, queued: QueuedJob, idempotency: IdempotencyKey | None
    ) -> Submitted:
        """Accept a job that has a slot already: one write makes it durable and begins it."""
        try:
            answer = self._accept_one(job, idempotency)
        except JobStoreUnavailable as error:
            # With a cause, Redis was asked, and its answer may be what was lost.
            self._worker.release_slot(queued, may_be_durable=error.__cause__ is not None)
            raise
        except BaseException:
            self._worker.release_slot(queued, may_be_durable=False)
            raise
        if answer.acceptance is Acceptance.KNOWN:
            self._worker.release_slot(queued, may_be_durable=False)
            return Submitted(id=answer.known, unfinished=0)
        self._worker.begin(queued)
        return Submitted(id=job.id, unfinished=answer.unfinished, job=job)

    def submit_batch(
        self,
        task_name: str,
        arguments: Sequence[Mapping[str, Any]],
        *,
        owner: Owner,
        priority: int = 0,
        idempotency: IdempotencyKey | None = None,
    ) -> Submitted:
        """Accept many jobs of one task, all or none; else as submit. Problems name the set:
        /arguments/17/limit."""
        if known := self._find_known(owner, idempotency):
            return known
        task = self._registry.get(task_name)
        batch = new_batch(new_job_id(), task=task.name, owner=owner, total=len(arguments))
        inputs = SubmittedInputs(self._uploads, owner.id)
        checked = check_all(task, arguments, inputs=inputs.find)
        queued = _queued_job(task, "{}", owner=owner, priority=priority, batch=batch.id)
        executor = self._worker.executor_names[task.name]
        pattern = _job(executor, queued, owner=owner, at=JOBS_CLOCK.now())
        members = [(new_job_id(), each) for each in checked]
        self._acceptances.require_room(owner.id, members, limit=self._limit)
        self._require_open()
        queue = self._worker.queue_of(task.name)
        queue.reserve(len(members))
        try:
            inputs.hold(f"batch:{batch.id}")
            answer = self._accept(
                partial(self._batches.accept, batch, pattern, members, idempotency=idempotency),
                task.name,
                len(members),
            )
            if answer.acceptance is Acceptance.KNOWN:
                return Submitted(id=answer.known, unfinished=0)
            self._worker.put(queued_jobs_of(pattern, members))
        finally:
            queue.release(len(members))
        return Submitted(id=batch.id, unfinished=answer.unfinished)

    def check(
        self, task_name: str, arguments: Sequence[Mapping[str, Any]], *, owner: Owner
    ) -> None:
        """Raise what submit_batch would raise of these arguments; nothing is accepted."""
        task = self._registry.get(task_name)
        check_all(task, arguments, inputs=SubmittedInputs(self._uploads, owner.id).find)

    def retry(self, job: Job) -> None:
        """Queue a failed or cancelled job again.
        Raises IllegalTransition for any other, and for one of a batch."""
        if job.batch:
            raise IllegalTransition("A job of a batch can't be retried alone: submit it again.")
        task = self._registry.get(job.task)
        self._require_open()
        queue = self._worker.queue_of(task.name)
        inputs = SubmittedInputs(self._uploads, job.owner.id)
        # its files may have expired since
        task.check(json.loads(job.arguments), inputs=inputs.find)
        queue.reserve()
        try:
            inputs.hold(f"job:{job.id}")
            self._accept(
                partial(self._acceptances.retry, job, attempts=task.policy.max_attempts),
                task.name,
            )
            self._worker.take_over([job.id])
        except IdempotencyConflict:
            raise IllegalTransition(
                "Only a job that failed or was cancelled can be retried, and only as long as it is "
                "kept."
            ) from None
        finally:
            queue.release()

    def _find_known(self, owner: Owner, idempotency: IdempotencyKey | None) -> Submitted | None:
        """Return what an earlier submit with this key became; asks nobody without a key."""
        answer = self._acceptances.find_known(owner.id, idempotency)
        if answer is None:
            return None
        self._acceptances.check(answer, limit=self._limit)
        return Submitted(id=answer.known, unfinished=0)

    def _require_open(self) -> None:
        if not self.is_open:
            raise EngineStopped("The server is shutting down; try again shortly.")

    def _accept_one(self, job: Job, idempotency: IdempotencyKey | None) -> SubmitAnswer:
        due = None if job.start_at is None else job.start_at.timestamp()
        return self._accept(
            partial(self._acceptances.accept, job, idempotency=idempotency, start_at=due),
            job.task,
        )

    def _accept(
        self, accept: Callable[..., SubmitAnswer], task: str, count: int = 1
    ) -> SubmitAnswer:
        for _ in range(_TRIES):
            instance = self._membership.name
            if not instance:
                raise JobStoreUnavailable("This server is not ready for jobs; try again shortly.")
            answer = accept(instance=instance, limit=self._limit)
            if answer.acceptance is not Acceptance.LOST:
                break
            self._membership.renew(instance)
        if answer.acceptance in (Acceptance.LOST, Acceptance.SWEPT):
            raise JobStoreUnavailable("This server was away for too long; submit it again.")
        self._acceptances.check(answer, limit=self._limit, count=count)
        if answer.acceptance is Acceptance.ACCEPTED:
            self._worker.counts.accept(task, count)
        return answer


def _queued_job(
    task: AnyTask, arguments: str, *, owner: Owner, priority: int, batch: str = "", job_id: str = ""
) -> QueuedJob:
    return QueuedJob(
        job_id=job_id,
        task=task.name,
        arguments=arguments,
        owner_id=owner.id,
        batch=batch,
        priority=priority,
        max_attempts=task.policy.max_attempts,
    )


def _job(
    executor: str,
    queued: QueuedJob,
    *,
    owner: Owner,
    at: float,
    start_at: datetime | None = None,
    begins: bool = False,
) -> Job:
    now = datetime.fromtimestamp(at, UTC)
    return Job(
        id=queued.job_id,
        task=queued.task,
        arguments=queued.arguments,
        executor=executor,
        owner=owner,
        submitted_at=now,
        status=JobStatus.RUNNING if begins else JobStatus.QUEUED,
        batch=queued.batch or None,
        priority=queued.priority,
        attempt=int(begins),
        max_attempts=queued.max_attempts,
        start_at=start_at,
        started_at=now if begins else None,
    )
