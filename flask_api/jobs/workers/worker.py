"""The jobs that this process holds: waiting, running, and what must still be written about them."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter

from flask_api.jobs.errors import StopReason
from flask_api.jobs.files.job_inputs import inputs_of_job
from flask_api.jobs.files.storage import FileStore
from flask_api.jobs.files.uploads import Uploads
from flask_api.jobs.records.job import Job, JobStatus, Launch, launch_of
from flask_api.jobs.records.reads import JobStore
from flask_api.jobs.records.states import Checkpoints
from flask_api.jobs.records.writes import Ending, Ledger
from flask_api.jobs.tasks.context import JobContext
from flask_api.jobs.tasks.registry import TaskRegistry
from flask_api.jobs.waiting import Waiting
from flask_api.jobs.workers.attempt import (
    Outcome,
    call,
    deadline_check,
    ending_of,
    stopped,
    worker_lost,
)
from flask_api.jobs.workers.counts import JobCounts, Load, load_of
from flask_api.jobs.workers.executor import Attempt, Ended, Executor, ThreadsExecutor
from flask_api.jobs.workers.interpreter_watch import InterpreterWatch
from flask_api.jobs.workers.processes import ProcessesExecutor
from flask_api.jobs.workers.queue import FairQueue, shared_slots
from flask_api.jobs.workers.reporter import LedgerReporter
from flask_api.jobs.workers.turns import status_of, write_turn
from shared.errors import ConfigurationError, JobStoreUnavailable
from shared.settings import ApiSettings

log = logging.getLogger("gatehouse.jobs")


class Crew:
    """Runs what the process holds, on its executors. Thread-safe. Making one starts nothing."""

    def __init__(
        self,
        ledger: Ledger,
        store: JobStore,
        registry: TaskRegistry,
        settings: ApiSettings,
        waiting: Waiting,
        checkpoints: Checkpoints,
        uploads: Uploads,
        counts: JobCounts,
    ) -> None:
        self.instance = ""
        self._ledger = ledger
        self._store = store
        self._registry = registry
        self._settings = settings
        self._waiting = waiting
        self._checkpoints = checkpoints
        self._uploads = uploads
        self._counts = counts
        self._files = FileStore(settings)
        self._lock = threading.Lock()
        self._known: set[str] = set()
        # Jobs that came to us again while we were still putting away their last attempt:
        # taken over right after.
        self._returned: set[str] = set()
        self._signals: dict[str, StopReason] = {}
        self._stopping = threading.Event()
        self.is_draining = False
        self.watch = InterpreterWatch()
        self._executors = self._make_executors()

    @property
    def known(self) -> frozenset[str]:
        """The ids of all jobs that wait or run here."""
        with self._lock:
            return frozenset(self._known)

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

    def loads(self) -> list[Load]:
        """Return how busy each executor is."""
        return [load_of(each.name, each.slots, each.queue) for each in self._executors.values()]

    def queue_of(self, task: str) -> FairQueue:
        """Return the queue that a task's jobs wait in."""
        return self._executor_of(task).queue

    def seize(self, launch: Launch) -> bool:
        """Take a free slot for a job that is about to be accepted as running;
        False when it must wait in the queue."""
        if not self._executor_of(launch.task).seize(launch):
            return False
        with self._lock:
            # before it is durable, or an audit would take it for a stray
            self._known.add(launch.job_id)
        return True

    def begin(self, launch: Launch) -> None:
        """Run the first attempt of a job that was accepted as running,
        in the slot that was seized for it."""
        self._executor_of(launch.task).begin(launch, 1)

    def let_go(self, launch: Launch, *, may_be_durable: bool) -> None:
        """Give back the slot of a job that was not accepted, or that nobody knows about:
        a turn finds out then."""
        self._forget([launch])
        self._executor_of(launch.task).let_go(launch)
        if may_be_durable:
            self.put([launch])

    def put(self, launches: Sequence[Launch]) -> None:
        """Take jobs that are durable and held by this instance; free slots begin them at once."""
        with self._lock:
            # Twice in the queue would be twice at once:
            # an audit may find what a submit is about to put.
            launches = [launch for launch in launches if launch.job_id not in self._known]
            self._known.update(launch.job_id for launch in launches)
        for task, alike in groupby(launches, key=attrgetter("task")):
            self._executor_of(task).queue.put(list(alike))
        for executor in self._executors.values():
            executor.wake()

    def signal(self, job_ids: Iterable[str], reason: StopReason) -> None:
        """Tell running attempts to stop; unknown ones are ignored."""
        with self._lock:
            for job_id in job_ids:
                if job_id in self._known:
                    self._signals.setdefault(job_id, reason)

    def take_over(self, job_ids: Sequence[str]) -> None:
        """Go on with jobs that came to this instance:
        queue what waited, spend an attempt of what was running."""
        with self._lock:
            strangers = [job_id for job_id in job_ids if job_id not in self._known]
            self._returned.update(job_id for job_id in job_ids if job_id in self._known)
        for first in range(0, len(strangers), 500):
            jobs = self._store.find_many(strangers[first : first + 500])
            self._rescue([job for job in jobs if job.status is JobStatus.RUNNING])
            self.put(
                [
                    launch_of(job)
                    for job in jobs
                    if job.status is JobStatus.QUEUED and self._can_run(job)
                ]
            )

    def abandon(self) -> None:
        """Forget everything: this process was taken for dead, and all it held is another's."""
        with self._lock:
            for executor in self._executors.values():
                self._known -= {launch.job_id for launch in executor.queue.clear()}
            self._signals = dict.fromkeys(self._known, StopReason.LOST)
            self._returned.clear()

    def drain(self, *, deadline_s: float, interrupt_s: float) -> bool:
        """Begin nothing more, wait for what runs, interrupt the rest.
        True when nothing runs any more."""
        self.is_draining = True
        for executor in self._executors.values():
            executor.pause()
        self._give_up_what_waits()
        deadline = time.monotonic() + deadline_s
        idle = self._wait_until_idle(deadline)
        self._stopping.set()
        idle = idle or self._wait_until_idle(time.monotonic() + interrupt_s)
        for executor in self._executors.values():
            executor.close()
        return idle

    def turn(self, ended: Sequence[Ended], launches: Sequence[Launch]) -> list[Attempt]:
        """Write what ended, begin what is next; return what has begun.
        Repeats itself while Redis is away."""
        instance = self.instance
        ttl_s = self._ttl_s(ended[0][0].task) if ended else 0
        try:
            endings = [self._ending(launch, attempt, outcome) for launch, attempt, outcome in ended]
            answers = write_turn(
                self._ledger, instance, endings, launches, ttl_s=ttl_s, stopping=self._stopping
            )
        except JobStoreUnavailable:
            log.exception(
                "outcomes not written: Redis stayed away until shutdown", extra={"jobs": len(ended)}
            )
            self._forget([launch for launch, _, _ in ended] + list(launches))
            return []
        except Exception:
            # The audit rescues what is held and not known;
            # it would take these for running, for ever.
            self._forget([launch for launch, _, _ in ended] + list(launches))
            raise
        self._note(ended, endings, answers)
        begun = list(zip(launches, answers[len(endings) :], strict=True))
        self.signal(
            [launch.job_id for launch, attempt in begun if attempt < 0], StopReason.CANCELLED
        )
        self._forget([launch for launch, attempt in begun if attempt == 0])
        return [(launch, attempt) for launch, attempt in begun if attempt]

    def _executor_of(self, task: str) -> Executor:
        return self._executors[self._registry.get(task).policy.executor]

    def _make_executors(self) -> dict[str, Executor]:
        settings = self._settings
        queue = self._queue(settings.job_running_limit, settings.job_threads)
        threads = ThreadsExecutor(
            queue, self.turn, slots=settings.job_threads, call=self._call, watch=self.watch
        )
        processes = ProcessesExecutor(
            self._queue(settings.job_processes, settings.job_processes),
            self.turn,
            settings=settings,
            registry=self._registry,
            stop_of=self._stop_of,
            instance_of=lambda: self.instance,
        )
        executors: dict[str, Executor] = {each.name: each for each in (threads, processes)}
        for task in self._registry:
            if task.policy.executor not in executors:
                accepted = ", ".join(executors)
                raise ConfigurationError(
                    f"task {task.name}: executor {task.policy.executor!r}; accepted: {accepted}"
                )
        return executors

    def _queue(self, per_person: int, slots: int) -> FairQueue:
        return FairQueue(
            limit=self._settings.job_queue_limit,
            per_person=per_person,
            while_shared=shared_slots(slots, self._settings.job_person_share),
            max_running=lambda name: self._registry.get(name).policy.max_running,
        )

    def _call(self, launch: Launch, attempt: int) -> Outcome:
        """Run one attempt in this thread."""
        task = self._registry.get(launch.task)
        context = JobContext(
            job_id=launch.job_id,
            attempt=attempt,
            settings=self._settings,
            reporter=LedgerReporter(
                self._ledger,
                launch,
                instance=self.instance,
                attempt=attempt,
                files=self._files,
                checkpoints=self._checkpoints,
                signal=lambda reason: self.signal([launch.job_id], reason),
            ),
            must_stop=deadline_check(task.policy, lambda: self._stop_of(launch.job_id)),
            inputs=inputs_of_job(self._uploads, launch.owner_id),
        )
        return call(task, launch, context, result_max_bytes=self._settings.job_result_max_bytes)

    def _stop_of(self, job_id: str) -> StopReason | None:
        return self._signals.get(job_id) or (
            StopReason.SHUTDOWN if self._stopping.is_set() else None
        )

    def _ending(self, launch: Launch, attempt: int, outcome: Outcome) -> Ending:
        return ending_of(launch, attempt, outcome, policy=self._registry.get(launch.task).policy)

    def _ttl_s(self, task: str) -> int:
        return self._registry.get(task).policy.ttl_s or self._settings.job_ttl_s

    def _note(
        self, ended: Sequence[Ended], endings: Sequence[Ending], answers: Sequence[int]
    ) -> None:
        self._forget([launch for launch, _, _ in ended])
        self._waiting.notify(launch.job_id for launch, _, _ in ended)
        tallies = Counter(
            (status_of(ending, kept), bool(kept))
            for ending, kept in zip(endings, answers, strict=False)
        )
        for (status, was_kept), count in tallies.items():
            self._counts.end_attempts(ended[0][0].task, status, count, kept=was_kept)
        for (launch, attempt, outcome), kept in zip(ended, answers, strict=False):
            if outcome.error is not None or not kept:
                details = {
                    "job_id": launch.job_id,
                    "task": launch.task,
                    "attempt": attempt,
                    "kept": bool(kept),
                }
                log.info("attempt failed" if kept else "outcome discarded", extra=details)

    def _forget(self, launches: Sequence[Launch]) -> None:
        with self._lock:
            forgotten = {launch.job_id for launch in launches}
            self._known -= forgotten
            for job_id in forgotten & self._signals.keys():
                del self._signals[job_id]
            returned = self._returned & forgotten
            self._returned -= returned
        if returned:
            try:
                self.take_over(sorted(returned))
            except JobStoreUnavailable:
                log.info("jobs that came back are left to the audit", extra={"jobs": len(returned)})

    def _can_run(self, job: Job) -> bool:
        if job.task in self._registry:
            return True
        log.error(
            "a job waits for a task that this server does not have",
            extra={"job_id": job.id, "task": job.task},
        )
        return False

    def _rescue(self, jobs: Sequence[Job]) -> None:
        """End attempts whose process died: the job is queued again,
        or failed when its attempts are spent."""
        for job in jobs:
            if job.task not in self._registry:
                continue
            outcome = worker_lost("died")
            if job.cancel_requested:
                outcome = stopped(StopReason.CANCELLED, self._registry.get(job.task).policy)
            log.warning(
                "rescuing a job whose process died",
                extra={"job_id": job.id, "attempt": job.attempt},
            )
            ending = self._ending(launch_of(job), job.attempt, outcome)
            (kept,) = self._ledger.turn(
                self.instance, endings=[ending], ttl_s=self._ttl_s(job.task)
            )
            self._counts.end_attempts(job.task, ending.status, kept=bool(kept))

    def _give_up_what_waits(self) -> None:
        waiting = [
            launch for executor in self._executors.values() for launch in executor.queue.clear()
        ]
        self._forget(waiting)
        for first in range(0, len(waiting), 500):
            try:
                self._ledger.give_up(
                    [launch.job_id for launch in waiting[first : first + 500]],
                    instance=self.instance,
                )
            except JobStoreUnavailable:
                return  # they are handed over with the rest, at the end

    def _wait_until_idle(self, deadline: float) -> bool:
        return all(
            each.wait_until_idle(deadline_s=max(0.0, deadline - time.monotonic()))
            for each in self._executors.values()
        )
