"""What this process does with the jobs that it holds: queue, begin, end, take over, hand back."""

import logging
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from functools import partial
from itertools import groupby
from operator import attrgetter

from flask_api.jobs.errors import StopReason
from flask_api.jobs.records.holdings import Holdings
from flask_api.jobs.records.job import Attempt, Job, JobStatus, QueuedJob, queued_job_of
from flask_api.jobs.records.job_reader import JobReader
from flask_api.jobs.records.job_writer import NO_PLACE, Ending, JobWriter
from flask_api.jobs.records.outages import retry_until
from flask_api.jobs.records.usage import quota_of
from flask_api.jobs.tasks.registry import TaskRegistry
from flask_api.jobs.waiting import Waiting
from flask_api.jobs.workers.counts import JobCounts, Load, load_of
from flask_api.jobs.workers.executor import Ended, Executor
from flask_api.jobs.workers.executors import executors_of, make_executors
from flask_api.jobs.workers.held_jobs import HeldJobs
from flask_api.jobs.workers.interpreter_watch import InterpreterWatch
from flask_api.jobs.workers.outcome import (
    AFTER_DEATH,
    ending_of,
    log_failures,
    stopped,
    worker_lost,
)
from flask_api.jobs.workers.queue import FairQueue
from flask_api.jobs.workers.runner import AttemptRunner
from flask_api.jobs.workers.threads import ThreadsExecutor
from shared.clock import JOBS_CLOCK
from shared.errors import JobStoreUnavailable
from shared.redis import RedisGateway
from shared.settings import ApiSettings

log = logging.getLogger("gatehouse.jobs")

_AT_ONCE = 500
# How long a job waits until some process looks at it again whose task the last one did not have.
UNKNOWN_S = 10


class Worker:
    """Runs what the process holds, on its executors. Thread-safe. Making one starts nothing."""

    def __init__(
        self,
        store: RedisGateway,
        registry: TaskRegistry,
        settings: ApiSettings,
        waiting: Waiting,
        counts: JobCounts,
    ) -> None:
        self.held = HeldJobs()
        self.is_draining = False
        self.was_refused = False  # a job that waited here could not begin: others may be gone, too
        self.registry = registry
        self._job_ttl_s = settings.job_ttl_s
        self._waiting = waiting
        self.counts = counts
        self._reader = JobReader(store)
        self._limits = registry.running_limits
        self._writer = JobWriter(store, quota_of(settings), max_running=self._limits)
        self._holdings = Holdings(store)
        runner = AttemptRunner(store, registry, settings)
        self.executor_names = executors_of(registry, settings.executors)
        self._executors = make_executors(self.executor_names, self, registry, settings, runner)
        self._executor_of = {
            task: self._executors[name] for task, name in self.executor_names.items()
        }
        self._policies = {task.name: task.policy for task in registry}

    @property
    def room(self) -> int:
        """How many more jobs are worth claiming:
        what could begin soon, and always some, or a long queue holds up retries."""
        if self.is_draining:
            return 0
        return sum(
            max(each.slots, 2 * each.slots - len(each.queue)) for each in self._executors.values()
        )

    @property
    def places(self) -> int:
        """How many more jobs fit in the fullest queue."""
        return min(each.queue.places for each in self._executors.values())

    @property
    def executors(self) -> Collection[Executor]:
        """What runs the jobs, each with a queue."""
        return self._executors.values()

    @property
    def watch(self) -> InterpreterWatch:
        """What notices that jobs on threads hog the interpreter."""
        executors = self._executors.values()
        return next(each.watch for each in executors if isinstance(each, ThreadsExecutor))

    def loads(self) -> list[Load]:
        """Return how busy each executor is."""
        return [load_of(each.name, each.slots, each.queue) for each in self._executors.values()]

    def queue_of(self, task: str) -> FairQueue:
        """Return the queue that a task's jobs wait in."""
        return self._executor_of[task].queue

    def seize(self, queued: QueuedJob) -> bool:
        """Take a free slot for a job that is about to be accepted as running;
        False when it must wait in the queue."""
        if queued.task in self._limits or not self._executor_of[queued.task].seize(queued):
            return False
        # before it is durable, or an audit would take it for a stray
        self.held.add([queued])
        return True

    def begin(self, queued: QueuedJob) -> None:
        """Run the first attempt of a job that was accepted as running, in its seized slot."""
        attempt = Attempt(queued, 1, self.held.instance, JOBS_CLOCK.now())
        self._executor_of[queued.task].begin(attempt)

    def release_slot(self, queued: QueuedJob, *, may_be_durable: bool) -> None:
        """Give back the slot of a job that was not accepted, or may have been: a turn finds out."""
        self._forget([queued.job_id])
        self._executor_of[queued.task].release_slot(queued)
        if may_be_durable:
            self.put([queued])

    def put(self, queued_jobs: Sequence[QueuedJob]) -> None:
        """Take jobs that are durable and held by this instance; free slots begin them at once."""
        for task, alike in groupby(self.held.add(queued_jobs), key=attrgetter("task")):
            self._executor_of[task].put(list(alike))

    def take_over(
        self, job_ids: Sequence[str], *, go_on: Callable[[], bool] = lambda: True
    ) -> None:
        """Go on with jobs that came to this instance: queue what waited, spend an attempt of what
        was running. ``go_on`` is asked between pieces of five hundred: False leaves the rest."""
        strangers = self.held.strangers(job_ids)
        if len(strangers) < len(job_ids):
            # One that was taken from this queue, and came back: it may have run since.
            strangers += self.drop(frozenset(job_ids) - frozenset(strangers))
        for first in range(0, len(strangers), _AT_ONCE):
            if first and not go_on():
                return
            some = strangers[first : first + _AT_ONCE]
            jobs = self._reader.find_many(self._holdings.settle(some, instance=self.held.instance))
            self._rescue([job for job in jobs if job.status is JobStatus.RUNNING])
            waiting = [job for job in jobs if job.status is JobStatus.QUEUED]
            self._leave([job for job in waiting if job.task not in self.registry])
            self.put([queued_job_of(job) for job in waiting if job.task in self.registry])

    def drop(self, job_ids: Collection[str]) -> list[str]:
        """Forget those of these jobs that wait here; return their ids."""
        if not job_ids:
            return []
        dropped = [job for each in self.executors for job in each.queue.discard(job_ids)]
        self.held.forget(dropped)
        return dropped

    def abandon(self) -> None:
        """Forget everything: this process was taken for dead, and all it held is another's."""
        self.held.lose_all(self._clear())

    def drain(self, *, deadline_s: float, interrupt_s: float) -> bool:
        """Begin nothing more, wait for what runs, interrupt the rest.
        True when nothing runs any more."""
        self.is_draining = True
        for executor in self._executors.values():
            executor.pause()
        self._give_up_what_waits()
        idle = self._wait_until_idle(time.monotonic() + deadline_s)
        self.held.stopping.set()
        idle = idle or self._wait_until_idle(time.monotonic() + interrupt_s)
        for executor in self._executors.values():
            executor.close()
        return idle

    def turn(
        self, ended: Sequence[Ended], queued: Sequence[QueuedJob], *, slot: int | None = None
    ) -> list[Attempt]:
        """Write what ended and begin what is next, again while Redis is away; return what began."""
        instance = self.held.instance
        ttl_s = self.ttl_s(ended[0][0].job.task) if ended else 0
        try:
            endings = [
                ending_of(attempt, outcome, policy=self._policies[attempt.job.task])
                for attempt, outcome in ended
            ]
            write = partial(
                self._writer.turn_though_full, instance, endings, queued, ttl_s=ttl_s, slot=slot
            )
            answers = retry_until(self.held.stopping, write)
        except JobStoreUnavailable:
            log.exception("outcomes not written: Redis stayed away until shutdown")
            self._forget_all(ended, queued)
            return []
        except Exception:
            # The audit rescues what is held and not known; these it would take for running.
            self._forget_all(ended, queued)
            raise
        self._note(ended, endings, answers)
        numbers = list(zip(queued, answers[len(endings) :], strict=True))
        if cancelled := [job.job_id for job, number in numbers if NO_PLACE < number < 0]:
            self.held.stop(cancelled, StopReason.CANCELLED)
        for job in (job for job, number in numbers if number == NO_PLACE):
            self.queue_of(job.task).hold_back(job)
        if refused := [job.job_id for job, number in numbers if number == 0]:
            self._forget(refused)
            self.was_refused = True
        begun = [(job, abs(number)) for job, number in numbers if number not in (0, NO_PLACE)]
        return [Attempt(job, number, instance, JOBS_CLOCK.now()) for job, number in begun]

    def waiting_for(self, task: str) -> str | None:
        """Return why no job of a task can begin at all just now, None when one can."""
        return self._executor_of[task].waiting_for(task) if task in self._executor_of else None

    def note_end(self, attempt: Attempt, status: JobStatus | None, *, kept: bool) -> None:
        """Hear that an attempt that began here was ended elsewhere."""
        task = attempt.job.task
        self._settle([attempt.job.job_id], task)
        if status is not None:
            self.counts.end_attempt(task, status, kept=kept, attempt=attempt)

    def ttl_s(self, task: str) -> int:
        """Return for how many seconds a job of a task is kept after its end."""
        policy = self._policies.get(task)
        return (policy and policy.ttl_s) or self._job_ttl_s

    def _note(
        self, ended: Sequence[Ended], endings: Sequence[Ending], answers: Sequence[int]
    ) -> None:
        """Make known here what a turn wrote: to those who wait, the counts and the log."""
        if ended:
            self._settle([attempt.job.job_id for attempt, _ in ended], ended[0][0].job.task)
            self.counts.end_turn(ended[0][0].job.task, endings, answers)
        log_failures(ended, answers)

    def _settle(self, job_ids: Sequence[str], task: str) -> None:
        self._forget(job_ids)
        self._waiting.notify(job_ids)
        if task in self._limits:
            self._executor_of[task].let_go(task)

    def _forget_all(self, ended: Sequence[Ended], queued: Sequence[QueuedJob]) -> None:
        self._forget([attempt.job.job_id for attempt, _ in ended] + [job.job_id for job in queued])

    def _forget(self, job_ids: Sequence[str]) -> None:
        returned = self.held.forget(job_ids)
        if returned:
            try:
                self.take_over(returned)
            except JobStoreUnavailable:
                log.info("jobs that came back are left to the audit", extra={"jobs": len(returned)})

    def _leave(self, jobs: Sequence[Job]) -> None:
        """Leave jobs whose task this server does not have to one that has it."""
        if jobs:
            ids, tasks = [job.id for job in jobs], sorted({job.task for job in jobs})
            extra = {"tasks": tasks, "jobs": len(ids)}
            log.error("no such tasks here: others may have them", extra=extra)
            self._holdings.leave(ids, instance=self.held.instance, pause_s=UNKNOWN_S)

    def _rescue(self, jobs: Sequence[Job]) -> None:
        """End attempts whose process died: the job is queued again, or failed when its attempts
        are spent. A death is judged alike for all, whether its task is known here or not."""
        instance, died = self.held.instance, worker_lost("died")
        for job in jobs:
            attempt = Attempt(queued_job_of(job), job.attempt, instance)
            outcome = stopped(StopReason.CANCELLED, AFTER_DEATH) if job.cancel_requested else died
            extra = {"job_id": job.id, "attempt": job.attempt}
            log.warning("rescuing a job whose process died", extra=extra)
            ending = ending_of(attempt, outcome, policy=AFTER_DEATH)
            # By force, as what ends here while Redis is full: or no cancel would count there.
            (answer,) = self._writer.turn(
                instance, endings=[ending], ttl_s=self.ttl_s(job.task), force=True
            )
            self.counts.end_attempt(job.task, ending.status, kept=bool(answer))

    def _give_up_what_waits(self) -> None:
        waiting = self._clear()
        self._forget(waiting)
        with suppress(JobStoreUnavailable):  # they are handed over with the rest, at the end
            self._holdings.give_up(waiting, instance=self.held.instance)

    def _clear(self) -> list[str]:
        return [queued.job_id for each in self.executors for queued in each.queue.clear()]

    def _wait_until_idle(self, deadline: float) -> bool:
        are_idle = [
            each.wait_until_idle(deadline_s=max(0.0, deadline - time.monotonic()))
            for each in self._executors.values()
        ]
        return all(are_idle)  # each is asked, whichever is not
