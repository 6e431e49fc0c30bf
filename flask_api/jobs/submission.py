"""Accept jobs: check, make durable, hand to the crew.
What is not accepted leaves nothing behind."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask_api.jobs.batches import Batches, new_batch
from flask_api.jobs.errors import (
    ArgumentProblem,
    EngineStopped,
    IdempotencyConflict,
    IllegalTransition,
    InvalidArguments,
    PersonQuotaExceeded,
    QuotaReached,
    TooManyUnfinished,
)
from flask_api.jobs.files.job_inputs import SubmittedInputs
from flask_api.jobs.files.uploads import Uploads
from flask_api.jobs.membership import Instance
from flask_api.jobs.records.acceptance import Acceptance, Answer, IdempotencyKey
from flask_api.jobs.records.job import Job, JobStatus, Launch, Owner, launches_of, new_job_id
from flask_api.jobs.records.usage import Quota, quota_of
from flask_api.jobs.records.writes import Ledger
from flask_api.jobs.tasks.input_file import Resolver
from flask_api.jobs.tasks.registry import AnyTask, TaskRegistry
from flask_api.jobs.tasks.task import MAX_PROBLEMS
from flask_api.jobs.workers.queue import FairQueue
from flask_api.jobs.workers.worker import Crew
from shared.errors import JobStoreUnavailable
from shared.settings import ApiSettings

_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """An accepted job or batch, and how many unfinished jobs its person has now (0 when it was
    known before)."""

    id: str
    unfinished: int
    job: Job | None = None  # as it was accepted; None for a batch and for what was known


class Intake:
    """The way in. Thread-safe; raises JobStoreUnavailable while Redis is away."""

    def __init__(
        self,
        registry: TaskRegistry,
        settings: ApiSettings,
        ledger: Ledger,
        batches: Batches,
        crew: Crew,
        instance: Instance,
        uploads: Uploads,
    ) -> None:
        self.registry = registry
        self.settings = settings
        self.uploads = uploads
        self._ledger = ledger
        self._batches = batches
        self._crew = crew
        self._instance = instance
        self._accepting = False

    def submit(
        self,
        task_name: str,
        arguments: Mapping[str, Any],
        *,
        owner: Owner,
        priority: int = 0,
        start_at: datetime | None = None,
        idempotency: IdempotencyKey | None = None,
    ) -> Submitted:
        """Accept a job: it is durable when this returns, and begins at once if a slot is free.

        Raises UnknownTask, InvalidArguments, IdempotencyConflict, QueueFull or EngineStopped;
        then nothing was stored.
        """
        task = self.registry.get(task_name)
        inputs = SubmittedInputs(self.uploads, owner.id)
        checked = task.check(arguments, inputs=inputs.find)
        launch = _launch(task, checked, owner=owner, priority=priority)
        queue = self._open_queue(task)
        inputs.hold(f"job:{launch.job_id}")
        begins = start_at is None and self._crew.seize(launch)
        job = _job(task, launch, owner=owner, start_at=start_at, begins=begins)
        if begins:
            return self._submit_running(job, launch, idempotency)
        queue.reserve()
        try:
            answer = self._accept_one(job, idempotency)
            if answer.acceptance is Acceptance.KNOWN:
                return Submitted(id=answer.known, unfinished=0)
            if start_at is None:
                self._crew.put([launch])
        finally:
            queue.release()
        return Submitted(id=job.id, unfinished=answer.unfinished, job=job)

    def _submit_running(
        self, job: Job, launch: Launch, idempotency: IdempotencyKey | None
    ) -> Submitted:
        """Accept a job that has a slot already: one write makes it durable and begins it."""
        try:
            answer = self._accept_one(job, idempotency)
        except JobStoreUnavailable as error:
            # With a cause, Redis was asked, and its answer may be what was lost.
            self._crew.let_go(launch, may_be_durable=error.__cause__ is not None)
            raise
        except BaseException:
            self._crew.let_go(launch, may_be_durable=False)
            raise
        if answer.acceptance is Acceptance.KNOWN:
            self._crew.let_go(launch, may_be_durable=False)
            return Submitted(id=answer.known, unfinished=0)
        self._crew.begin(launch)
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
        task = self.registry.get(task_name)
        batch = new_batch(new_job_id(), task=task.name, owner=owner, total=len(arguments))
        inputs = SubmittedInputs(self.uploads, owner.id)
        checked = _check_all(task, arguments, inputs.find)
        pattern = _job(
            task, _launch(task, "{}", owner=owner, priority=priority, batch=batch.id), owner=owner
        )
        members = [(new_job_id(), each) for each in checked]
        queue = self._open_queue(task)
        queue.reserve(len(members))
        try:
            inputs.hold(f"batch:{batch.id}")
            answer = self._accept(
                lambda instance: self._batches.accept(
                    batch,
                    pattern,
                    members,
                    instance=instance,
                    limit=self.settings.job_person_limit,
                    idempotency=idempotency,
                )
            )
            if answer.acceptance is Acceptance.KNOWN:
                return Submitted(id=answer.known, unfinished=0)
            self._crew.put(launches_of(pattern, members))
        finally:
            queue.release(len(members))
        return Submitted(id=batch.id, unfinished=answer.unfinished)

    def retry(self, job: Job) -> None:
        """Queue a failed or cancelled job again.
        Raises IllegalTransition for any other, and for one of a batch."""
        if job.batch:
            raise IllegalTransition("A job of a batch can't be retried alone: submit it again.")
        task = self.registry.get(job.task)
        queue = self._open_queue(task)
        inputs = SubmittedInputs(self.uploads, job.owner.id)
        # its files may have expired since
        task.check(json.loads(job.arguments), inputs=inputs.find)
        queue.reserve()
        try:
            inputs.hold(f"job:{job.id}")
            self._accept(
                lambda instance: self._ledger.retry(
                    job,
                    instance=instance,
                    attempts=task.policy.max_attempts,
                    limit=self.settings.job_person_limit,
                )
            )
            self._crew.take_over([job.id])
        except IdempotencyConflict:
            raise IllegalTransition(
                "Only a job that failed or was cancelled can be retried, and only as long as it is "
                "kept."
            ) from None
        finally:
            queue.release()

    def _open_queue(self, task: AnyTask) -> FairQueue:
        if not self._accepting:
            raise EngineStopped("The server is shutting down; try again shortly.")
        return self._crew.queue_of(task.name)

    def _accept_one(self, job: Job, idempotency: IdempotencyKey | None) -> Answer:
        limit, due = (
            self.settings.job_person_limit,
            None if job.start_at is None else job.start_at.timestamp(),
        )
        return self._accept(
            lambda instance: self._ledger.accept(
                job, instance=instance, limit=limit, idempotency=idempotency, start_at=due
            )
        )

    def _accept(self, accept: Callable[[str], Answer]) -> Answer:
        for _ in range(_TRIES):
            instance = self._instance.name
            if not instance:
                raise JobStoreUnavailable("This server is not ready for jobs; try again shortly.")
            answer = accept(instance)
            if answer.acceptance is not Acceptance.LOST:
                break
            self._instance.renew(instance)
        if answer.acceptance is Acceptance.CONFLICT:
            raise IdempotencyConflict("The Idempotency-Key was used before, with another body.")
        if answer.acceptance is Acceptance.FULL:
            limit = self.settings.job_person_limit
            message = f"You have {answer.unfinished} unfinished jobs; at most {limit} are accepted."
            raise TooManyUnfinished(message, limit=limit, unfinished=answer.unfinished)
        if answer.acceptance in (Acceptance.ENDED, Acceptance.BYTES):
            raise _over_quota(answer, quota_of(self.settings))
        return answer


def _over_quota(answer: Answer, quota: Quota) -> PersonQuotaExceeded:
    if answer.acceptance is Acceptance.ENDED:
        message = (
            f"You keep {answer.kept} ended jobs; accepted are at most {quota.ended}: delete some."
        )
        reached = QuotaReached(kind="ended_jobs", used=answer.kept, limit=quota.ended)
    else:
        message = (
            f"Your jobs keep {answer.kept} bytes of at most {quota.bytes}, and this does not fit: "
            "delete ended jobs."
        )
        reached = QuotaReached(kind="bytes", used=answer.kept, limit=quota.bytes)
    return PersonQuotaExceeded(message, quota=reached)


def _launch(
    task: AnyTask, arguments: str, *, owner: Owner, priority: int, batch: str = ""
) -> Launch:
    return Launch(
        job_id=new_job_id(),
        task=task.name,
        arguments=arguments,
        owner_id=owner.id,
        batch=batch,
        priority=priority,
        max_attempts=task.policy.max_attempts,
    )


def _job(
    task: AnyTask,
    launch: Launch,
    *,
    owner: Owner,
    start_at: datetime | None = None,
    begins: bool = False,
) -> Job:
    now = datetime.now(UTC)
    return Job(
        id=launch.job_id,
        task=launch.task,
        arguments=launch.arguments,
        executor=task.policy.executor,
        owner=owner,
        submitted_at=now,
        status=JobStatus.RUNNING if begins else JobStatus.QUEUED,
        batch=launch.batch or None,
        priority=launch.priority,
        attempt=int(begins),
        max_attempts=launch.max_attempts,
        start_at=start_at,
        started_at=now if begins else None,
    )


def _check_all(
    task: AnyTask, arguments: Sequence[Mapping[str, Any]], inputs: Resolver
) -> list[str]:
    checked, problems = [], []
    for number, each in enumerate(arguments):
        try:
            checked.append(task.check(each, inputs=inputs))
        except InvalidArguments as error:
            for problem in error.problems:
                pointer = problem.pointer.replace("/arguments", f"/arguments/{number}", 1)
                problems.append(ArgumentProblem(pointer=pointer, detail=problem.detail))
            if len(problems) >= MAX_PROBLEMS:
                break
    if problems:
        message = f"Some arguments of {task.name} are wrong; nothing was accepted."
        raise InvalidArguments(message, problems=problems[:MAX_PROBLEMS])
    return checked
