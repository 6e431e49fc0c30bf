"""The job engine of one process: submit, look up, wait, cancel, start, shut down."""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import BinaryIO

from flask_api.jobs.batches import Batch, Batches
from flask_api.jobs.cancellation import Cancellations
from flask_api.jobs.deleted_owners import DeletedOwners
from flask_api.jobs.errors import IllegalTransition, JobExpired, JobNotFound
from flask_api.jobs.expiry import Sweeper
from flask_api.jobs.files.job_files import JobFiles
from flask_api.jobs.files.storage import FileStore
from flask_api.jobs.files.uploads import Uploads
from flask_api.jobs.history.hours import write_hours
from flask_api.jobs.job_search import JobSearch
from flask_api.jobs.membership import Membership
from flask_api.jobs.records.acceptance import Acceptances
from flask_api.jobs.records.job import Job, Owner
from flask_api.jobs.records.job_reader import JobReader
from flask_api.jobs.records.pauses import WorkPause
from flask_api.jobs.records.reading.under_way import JobsUnderWay
from flask_api.jobs.records.usage import Usage, quota_of, usage_of
from flask_api.jobs.removal import Removal
from flask_api.jobs.submission import Submissions
from flask_api.jobs.tasks.registry import TaskRegistry
from flask_api.jobs.waiting import Waiting
from flask_api.jobs.waiting_reasons import WaitingReasons
from flask_api.jobs.workers.counts import JobCounts, Load
from flask_api.jobs.workers.remote.fleet import fleets_of
from flask_api.jobs.workers.runner import JobLogHandler
from flask_api.jobs.workers.worker import Worker
from shared.clock import JOBS_CLOCK
from shared.contract.gone import GonePeople
from shared.errors import JobStoreUnavailable
from shared.redis import RedisGateway
from shared.settings import ApiSettings

log = logging.getLogger("gatehouse.jobs")

# After the drain deadline, time for attempts to reach their next checkpoint and go back to the
# queue.
INTERRUPT_S = 2.0


class JobEngine:
    """Runs the jobs that this process accepts or takes over. Making one starts nothing;
    ``start`` after any fork.

    ``gone`` says whose jobs end because their owner was deleted or deactivated; without it nobody's
    do. Thread-safe. Methods that touch Redis raise JobStoreUnavailable while it is away.
    """

    def __init__(
        self,
        store: RedisGateway,
        registry: TaskRegistry,
        settings: ApiSettings,
        *,
        gone: GonePeople | None = None,
    ) -> None:
        self.registry, self.settings = registry, settings
        self.counts = JobCounts(registry)
        self._store = store
        self.jobs = JobReader(store)
        self.files = FileStore(settings)  # what jobs keep
        self.job_files = JobFiles(store, self.files)
        self.uploads = Uploads(store, self.files, settings)
        self._waiting = Waiting()
        self._removal = Removal(store, self.files)
        self.batches = Batches(store, _acceptances(store, settings), self._removal)
        self._worker = Worker(store, registry, settings, self._waiting, self.counts)
        self._cancellations = Cancellations(store, self._worker, self._waiting)
        cancel, tally = self._cancellations.cancel, self.counts.tally
        owners = None if gone is None else DeletedOwners(store, gone, cancel)
        self._membership = Membership(
            store,
            self._worker,
            Sweeper(store, self.files, self.uploads, deleted_owners=owners, tally=tally),
            heartbeat_s=settings.job_heartbeat_s,
            allow_volatile=settings.allow_volatile_redis,
        )
        self._submissions = Submissions(
            registry, settings, self._membership, self.batches, self.uploads
        )
        # What the engine does by these is theirs to describe.
        self.search, self.under_way = JobSearch(store, self.jobs), JobsUnderWay(store, self.jobs)
        self.waits = WaitingReasons(store, registry, self.pause_of)
        self.submit = self._submissions.submit
        self.submit_batch = self._submissions.submit_batch
        self.check, self.retry = self._submissions.check, self._submissions.retry
        self.cancel, self.fleets = cancel, partial(fleets_of, self._worker.executors)
        self._log_handler = JobLogHandler()

    def check_redis(self) -> None:
        """Raise ConfigurationError when Redis may lose accepted jobs;
        being away is no reason not to start."""
        with suppress(JobStoreUnavailable):
            self._membership.require_durable_redis()

    def start(self) -> None:
        """Take part: register, adopt, accept. Raises ConfigurationError on a Redis that may lose
        accepted jobs."""
        logging.getLogger().addHandler(self._log_handler)
        self._membership.start()
        self._submissions.is_open = True

    @property
    def is_accepting(self) -> bool:
        """Tell whether this process takes jobs: it has started and does not stop."""
        return self._submissions.is_open

    @property
    def instance(self) -> str:
        """This process's name among the others just now, empty while it has none. Doesn't block."""
        return self._worker.held.instance

    def loads(self) -> list[Load]:
        """Return how busy each executor of this process is."""
        return self._worker.loads()

    def waiting_for(self, task: str) -> str | None:
        """Return why no queued job of a task can begin at all just now. Doesn't block."""
        if self.pause_of(task) is not None:
            return "an operator has paused it"
        return self._worker.waiting_for(task)

    def pause_of(self, task: str) -> WorkPause | None:
        """Return why nothing of a task begins, as this process heard at its last beat; None when
        it may. Doesn't block."""
        executor = self._worker.executor_names.get(task, "")
        return self._membership.pauses.find(task, executor)

    def executor_of(self, task: str) -> str:
        """Return the name of the executor that runs a task's attempts here."""
        return self._worker.executor_names[task]

    def get(self, job_id: str, *, viewer: Owner, sees_all: bool = False) -> Job:
        """Return a job of the viewer's own, or anyone's if ``sees_all``;
        else raise JobNotFound or JobExpired."""
        job = self.jobs.find(job_id)
        if job is None or not (sees_all or job.owner.id == viewer.id):
            raise JobNotFound("There is no such job.")
        if job.expires_at is not None and JOBS_CLOCK.moment() >= job.expires_at:
            raise JobExpired(
                f"The job expired at {job.expires_at:%Y-%m-%d %H:%M:%SZ}; its result is gone."
            )
        return job

    def get_batch(self, batch_id: str, *, viewer: Owner, sees_all: bool = False) -> Batch:
        """Return a batch of the viewer's own, or anyone's if ``sees_all``;
        else raise JobNotFound or JobExpired."""
        batch = self.batches.find(batch_id)
        if batch is None or not (sees_all or batch.owner.id == viewer.id):
            raise JobNotFound("There is no such batch.")
        if batch.expires_at is not None and JOBS_CLOCK.moment() >= batch.expires_at:
            raise JobExpired(
                f"The batch expired at {batch.expires_at:%Y-%m-%d %H:%M:%SZ}; its results are gone."
            )
        return batch

    def open_file(self, job: Job, name: str) -> BinaryIO:
        """Open one of a job's files; raises JobNotFound when it has none of this name."""
        try:
            if name in {str(file["name"]) for file in job.files}:
                return self.job_files.open(job.id, name)
        except FileNotFoundError:
            log.warning("a listed file is missing", extra={"job_id": job.id})
        raise JobNotFound("The job has no such file.")

    def watch_end(self, job_id: str, tell: Callable[[], None]) -> Callable[[], None]:
        """Have ``tell``, which must not block, called when the job ends in this process;
        return what undoes that."""
        self._waiting.watch(job_id, tell)
        return partial(self._waiting.unwatch, job_id, tell)

    def wait(self, job_id: str, *, timeout_s: float) -> None:
        """Block until the job has ended, at most ``timeout_s``."""
        self._waiting.wait(job_id, timeout_s=timeout_s, has_ended=lambda: self._has_ended(job_id))

    def cancel_batch(self, batch: Batch) -> None:
        """Cancel all of a batch's jobs that have not ended. Idempotent."""
        self._cancellations.cancel_all(self.batches.members(batch.id))

    def delete(self, job: Job) -> None:
        """Delete an ended job and all that it keeps.
        Raises IllegalTransition for any other, and for one of a batch."""
        if job.batch:
            raise IllegalTransition(
                f"A job of a batch is deleted with it: DELETE .../batches/{job.batch}"
            )
        if not self._removal.delete(job.id):
            raise IllegalTransition("The job has not ended: cancel it first, or wait for its end.")

    def delete_batch(self, batch: Batch) -> None:
        """Delete a batch whose jobs have all ended, and all that they keep.
        Raises IllegalTransition for any other."""
        if not self._removal.delete_batch(batch.id):
            raise IllegalTransition(
                "The batch has jobs that have not ended: cancel it first, or wait for its end."
            )

    def usage(self, owner: Owner) -> Usage:
        """Return how much a person keeps."""
        return usage_of(self._store, owner.id)

    def withdraw(self, batch: Batch, positions: Sequence[int]) -> list[int]:
        """Cancel those of these jobs of a batch that have not begun;
        return which are cancelled now. Idempotent."""
        members = self.batches.members(batch.id)
        # it may expire just now
        asked = {members[position]: position for position in positions if position < len(members)}
        return [asked[job_id] for job_id in self._cancellations.withdraw(list(asked))]

    def release_waiters(self) -> None:
        """End all waits now, and later ones at once:
        their requests would hold up a graceful stop."""
        self._waiting.close()

    def shutdown(self, *, deadline_s: float) -> bool:
        """Take no more jobs, let running ones finish until the deadline, hand over the rest.
        True when none runs here.

        The order matters: refuse first, so that what is counted only falls;
        hand over last, when nothing runs any more.
        """
        self._submissions.is_open = False
        self.release_waiters()
        idle = self._worker.drain(deadline_s=deadline_s, interrupt_s=INTERRUPT_S)
        self._membership.stop()
        with suppress(JobStoreUnavailable):  # it is for looking only
            write_hours(self._store, self.counts.tally)
        logging.getLogger().removeHandler(self._log_handler)
        if not idle:
            log.error("jobs did not stop in time; they run again elsewhere")
        return idle

    def _has_ended(self, job_id: str) -> bool:
        status = self.jobs.find_status(job_id)
        return status is None or status.is_outcome


def _acceptances(store: RedisGateway, settings: ApiSettings) -> Acceptances:
    patience_s = settings.redis_timeout_ms / 1000
    return Acceptances(store, quota_of(settings), patience_s=patience_s)
