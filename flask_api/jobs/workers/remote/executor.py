"""Attempts on other machines, whatever carries them there.

Jobs wait here, where people take turns. Only when a worker says that a slot is free, the job whose
turn it is begins, and is sent to that slot: a carrier never holds more than what begins at once, so
order, priorities and limits stay ours. From when the worker takes the attempt over it is the
worker's alone (.worker); here it counts as running until its end is told.
"""

import logging
import sys
import threading
import time
from abc import abstractmethod
from contextlib import suppress
from typing import Self

from flask_api.jobs.records.job import Attempt, QueuedJob
from flask_api.jobs.records.job_reader import open_job_connections
from flask_api.jobs.records.roster import Roster, WorkerName
from flask_api.jobs.tasks.registry import TaskRegistry
from flask_api.jobs.tasks.signature import signature_of
from flask_api.jobs.workers.executor import Executor, Host, queue_for
from flask_api.jobs.workers.executors import executors_of
from flask_api.jobs.workers.queue import shared_slots
from flask_api.jobs.workers.remote.carrier import Carrier, WatchedCarrier, carrier_kind
from flask_api.jobs.workers.remote.entry import AttemptEntry, digest_of, key_id, sign
from flask_api.jobs.workers.remote.fleet import FleetLook, LiveWorkers
from flask_api.jobs.workers.remote.sent import SentAttempt, SentAttempts
from flask_api.jobs.workers.runner import AttemptRunner
from shared.errors import ConfigurationError, JobStoreUnavailable
from shared.redis import RedisGateway
from shared.settings import ApiSettings

log = logging.getLogger("gatehouse.jobs")

_BLOCK_S = 0.5  # how long one read waits for a slot, or for notices
_TICK_S = 0.25
_REFRESH_S = 1.0
_AWAY_S = 0.2
_HAND_OVER_S = 2.0  # what is on its way when this process stops is waited for so long


class RemoteExecutor(Executor):
    """Sends attempts to workers' free slots: one thread sends, another hears how they ended."""

    def __init__(
        self, host: Host, registry: TaskRegistry, settings: ApiSettings, carrier: Carrier
    ) -> None:
        queue = queue_for(registry, settings, slots=1, per_person=sys.maxsize)
        super().__init__(queue, host, slots=0)
        self._registry = registry
        self._settings = settings
        self._carrier = WatchedCarrier(carrier)
        self._secret = settings.worker_secrets[0].get_secret_value()
        self._store = _blocking_store(settings)
        self._roster = Roster(self._store)
        self._sent = SentAttempts(self._store, host, registry, queue, resend=self._send)
        self._look = FleetLook(
            self._roster,
            executor=self.name,
            carrier=carrier_kind(self.name, settings),
            key=key_id(self._secret),
            signatures=_signatures_for(self.name, registry, settings),
            heartbeat_s=settings.job_heartbeat_s,
        )
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._news = threading.Event()
        self._closing = threading.Event()
        self._paused = False

    @classmethod
    def make(
        cls, host: Host, registry: TaskRegistry, settings: ApiSettings, _: AttemptRunner
    ) -> Self:
        """Return one; workers bring its slots. Raises ConfigurationError without a secret to sign
        with."""
        if not settings.worker_secrets:
            raise ConfigurationError(
                f"GATEHOUSE_WORKER_SECRETS: it is required by the executor {cls.name}: "
                "what signs attempts for workers, which have it too"
            )
        return cls(host, registry, settings, cls.carrier_of(settings))

    @classmethod
    @abstractmethod
    def carrier_of(cls, settings: ApiSettings) -> Carrier:
        """Return what brings entries to workers. Connects on first use."""

    @property
    def is_idle(self) -> bool:
        """False: all processes have the same slots, so none needs what waits in another."""
        return False

    def waiting_for(self, task: str) -> str | None:
        """Return why no job of the task can begin now; None when a worker can run it."""
        workers = self._look.workers
        if self._carrier.refuses:
            return f"the broker of {self.name} refuses this server"
        if self._carrier.is_away:
            return f"the broker of {self.name} is away"
        if workers is None or any(task in tasks for _, tasks in workers.kinds):
            return None
        if self.fleet is not None and task in self.fleet.differing:
            return f"only workers with other arguments or another version of {task} are alive"
        if task in workers.beyond:
            return f"only workers with another GATEHOUSE_WORKER_SECRETS run {task}"
        needs = self._registry.get(task).policy.needs
        return f"no worker{f' with the label {needs}' if needs else ''} runs {task}"

    def wake(self) -> None:
        """Say that the queue has jobs. Starts the threads when that is first said."""
        with self._lock:
            if not self._threads and not self._paused:
                self._threads = [
                    threading.Thread(target=work, name=f"gatehouse-{self.name}", daemon=True)
                    for work in (self._send_on, self._listen)
                ]
                for thread in self._threads:
                    thread.start()
        self._news.set()

    def seize(self, queued: QueuedJob) -> bool:  # noqa: ARG002  # whatever it is
        """False: which slot is free is known only when one is asked for."""
        return False

    def begin(self, attempt: Attempt) -> None:
        """Refuse: no slot is ever seized."""
        raise NotImplementedError

    def release_slot(self, queued: QueuedJob) -> None:
        """Refuse: no slot is ever seized."""
        raise NotImplementedError

    def pause(self) -> None:
        """Send nothing more; what runs goes on."""
        with self._lock:
            self._paused = True

    def wait_until_idle(self, *, deadline_s: float) -> bool:
        """Wait for what is on its way to be taken over: workers go on without this process."""
        with suppress(JobStoreUnavailable):
            self._sent.wait_until_taken(timeout_s=min(deadline_s, _HAND_OVER_S))
        return True

    def close(self) -> None:
        """End the threads, take back what no worker has taken, and close connections. Idempotent.
        Not before the host's jobs must stop: until then it repeats what Redis refuses."""
        self._closing.set()
        self._carrier.interrupt()
        self._news.set()
        for thread in self._threads:
            thread.join()
        try:
            self._sent.take_back_all()
        except JobStoreUnavailable:
            log.info("what was sent is left to be adopted: Redis is away")
        self._carrier.close()
        self._store.close()

    def _send_on(self) -> None:
        while not self._closing.is_set():
            try:
                self._send_next()
            except JobStoreUnavailable:
                self._closing.wait(_AWAY_S)
            except Exception:
                log.exception("nothing could be sent; the next try follows")
                self._closing.wait(_REFRESH_S)

    def _send_next(self) -> None:
        """Wait for a slot that something waits for, and fill it; or for news."""
        self._news.clear()
        is_open = self._carrier.look()
        workers = self._refreshed()
        if not is_open:
            self._news.wait(_TICK_S)
            return
        wanted = [
            kind_id
            for kind_id, tasks in workers.kinds
            if not self._paused and self.queue.has_next(tasks.__contains__)
        ]
        if not wanted:
            self._news.wait(_TICK_S)
            return
        slot = self._roster.wait_for_slot(wanted, timeout_s=_BLOCK_S)
        if slot is not None:
            self._fill(slot)

    def _fill(self, slot: str) -> None:
        """Begin the next job that the slot can run, and send it there."""
        worker = WorkerName.parse(slot.partition("#")[0])
        if worker is None:
            return  # nobody's: somebody wrote it to Redis
        workers = self._refreshed()
        if worker.text not in workers.names:
            workers = self._refreshed(now=True)
        if worker.text not in workers.names:
            return  # it has died, or stops
        tasks = dict(workers.kinds)[worker.kind]
        queued = [] if self._paused else self.queue.take(fits=tasks.__contains__)
        attempts: list[Attempt] = []
        try:
            attempts = self._host.turn([], queued) if queued else []
        finally:
            if not attempts:
                self.queue.done(queued)
        if not attempts:
            self._roster.give_back(worker.kind, slot)
        for attempt in attempts:
            sent = self._sent.add(attempt, slot)
            if not self._send(sent) and not self._carrier.is_away:
                self._sent.take_back(sent)  # and the slot with it: a beat offers it again

    def _send(self, sent: SentAttempt) -> bool:
        """Send an attempt; False when the carrier's broker is away, or refuses this worker's
        queue."""
        attempt = sent.attempt
        job = attempt.job
        entry = AttemptEntry(
            job=job.job_id,
            attempt=attempt.number,
            task=job.task,
            sender=attempt.instance,
            slot=sent.slot,
            digest=digest_of(job.arguments),
        )
        return self._carrier.send(sent.worker, entry.id, sign(entry, self._secret))

    def _listen(self) -> None:
        checked_at = 0.0
        while not self._closing.is_set():
            try:
                if instance := self._host.held.instance:
                    notices = self._roster.wait_for_notices(instance, timeout_s=_BLOCK_S)
                    for notice in notices:
                        self._sent.end(notice)
                    if notices:
                        self._news.set()
                else:
                    self._closing.wait(_TICK_S)
                if time.monotonic() > checked_at + _REFRESH_S:
                    checked_at = time.monotonic()
                    workers = self._look.workers
                    self._sent.check(workers.names if workers else frozenset())
                    self._news.set()
            except JobStoreUnavailable:
                self._closing.wait(_AWAY_S)
            except Exception:
                log.exception("notices could not be read; the next try follows")
                self._closing.wait(_REFRESH_S)

    def _refreshed(self, *, now: bool = False) -> LiveWorkers:
        """Return the live workers, not older than a second."""
        before = self._look.report
        workers = self._look.latest(carrier=self._carrier, now=now)
        if self._look.report is not before:
            self.slots, self.fleet = workers.slots, self._look.report
            self.queue.share(shared_slots(max(1, workers.slots), self._settings.job_person_share))
        return workers


def _signatures_for(name: str, registry: TaskRegistry, settings: ApiSettings) -> dict[str, str]:
    """Return the signatures of the tasks that an executor runs here."""
    chosen = executors_of(registry, settings.executors)
    return {task.name: signature_of(task) for task in registry if chosen[task.name] == name}


def _blocking_store(settings: ApiSettings) -> RedisGateway:
    """Return connections on which a read may wait for ``_BLOCK_S``."""
    patience_ms = settings.redis_timeout_ms + int(_BLOCK_S * 1000)
    return open_job_connections(settings, connections=8, timeout_ms=patience_ms)
