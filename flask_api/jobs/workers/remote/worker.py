"""A worker on any machine: takes attempts that were sent to it, runs each in a child process, and
writes how it ended.

It holds what it runs as a server process does: its beats keep it, and all that it writes is fenced
by it. So the process that sent an attempt may die meanwhile; and when the worker dies, a server
process takes over what it held, and runs it again.
"""

import logging
import threading
import time
from collections.abc import Collection
from contextlib import suppress
from functools import partial

from flask_api.jobs.errors import StopReason
from flask_api.jobs.records.holdings import Holdings
from flask_api.jobs.records.job import Attempt, QueuedJob
from flask_api.jobs.records.job_writer import JobWriter
from flask_api.jobs.records.outages import retry_until
from flask_api.jobs.records.roster import EndNotice, Roster, WorkerName
from flask_api.jobs.records.usage import quota_of
from flask_api.jobs.tasks.registry import TaskRegistry
from flask_api.jobs.workers.held_jobs import HeldJobs
from flask_api.jobs.workers.outcome import Outcome, describe, ending_of
from flask_api.jobs.workers.processes import Children
from flask_api.jobs.workers.remote.carrier import carrier_kind, kind_of
from flask_api.jobs.workers.remote.entry import (
    AttemptEntry,
    EntryPlace,
    TakenEntries,
    digest_of,
    read_or_refuse,
)
from shared.errors import JobStoreUnavailable
from shared.redis import RedisGateway
from shared.settings import WorkerSettings

log = logging.getLogger("gatehouse.jobs")

_LONGEST_BEAT_S = 1.0
_LONGEST_IDLE_BEAT_S = 2.0  # with nothing that could be cancelled
# A slot that has been free for so long is announced again: who took it may have died.
_ANNOUNCE_AFTER_S = 2.0
_AUDIT_EVERY_S = 5.0
REFUSED = "refused"  # a notice's status: the worker does not run the task


class RemoteWorker:
    """Runs what is sent to it, so many at once. Thread-safe. Making one starts nothing."""

    def __init__(
        self, store: RedisGateway, registry: TaskRegistry, settings: WorkerSettings, *, carrier: str
    ) -> None:
        how = carrier_kind(carrier, settings)
        self._secrets = [secret.get_secret_value() for secret in settings.worker_secrets]
        self.kind = kind_of(registry, how, labels=settings.worker_labels, secrets=self._secrets)
        self.name = WorkerName.new(self.kind, settings.worker_slots)
        self._registry = registry
        self._job_ttl_s = settings.job_ttl_s
        self._beat_s = min(_LONGEST_BEAT_S, settings.job_heartbeat_s / 4)
        self._idle_beat_s = min(_LONGEST_IDLE_BEAT_S, settings.job_heartbeat_s / 4)
        self._store = store
        self._roster = Roster(store)
        self._holdings = Holdings(store)
        self._strays: frozenset[str] = frozenset()
        self._next_audit_at = 0.0
        self._writer = JobWriter(store, quota_of(settings), max_running=registry.running_limits)
        self._children = Children(settings)
        self._held = HeldJobs()
        self._taken = TakenEntries()
        self._changed = threading.Condition()
        self._free_since = dict.fromkeys(self.name.all_slots, 0.0)
        self._absent: Collection[str] = ()  # missed at the last beat, too: nothing is on its way
        self._running = 0
        self._leaving = threading.Event()  # nothing more is taken
        self._is_registered = False
        self._serves = False  # registered, and listening to its broker too
        self._is_deaf = how != carrier  # a broker besides the jobs' Redis is to be reached first
        self._thread = threading.Thread(target=self._keep, name="gatehouse-worker", daemon=True)

    def start(self) -> None:
        """Register, and beat from now on. While Redis is away, the first beat that arrives
        registers."""
        try:
            self._beat(register=True)
        except JobStoreUnavailable:
            log.debug("not registered yet")  # which Redis is missed the seam has said
        self._thread.start()

    def read(self, signed: object) -> AttemptEntry | None:
        """Return the entry that a server signed; None for any other text."""
        return read_or_refuse(signed, self._secrets)

    def run(self, entry: AttemptEntry) -> None:
        """Run the attempt of an entry, if it is there to be taken. Blocks until its end is written;
        raises nothing."""
        with self._changed:
            self._running += 1
            # A copy of an entry, or one for another worker, occupies no slot and frees none.
            slot = entry.slot if self._free_since.pop(entry.slot, None) is not None else None
        place = EntryPlace(entry.sender, slot)
        try:
            self._take_and_run(entry, place)
        except JobStoreUnavailable:
            log.warning(
                "an attempt is left to be rescued: Redis is away", extra={"job_id": entry.job}
            )
        except Exception:
            log.exception("an attempt could not be run", extra={"job_id": entry.job})
        self._free(place)

    def listens(self, is_so: bool) -> None:
        """Say whether entries can reach this worker: while none can, no slot is offered, so that
        nothing is sent which would wait here for a broker."""
        was_deaf, self._is_deaf = self._is_deaf, not is_so
        if was_deaf and not self._is_deaf:
            self._absent = self.name.all_slots
        if self._is_deaf and not was_deaf:
            with suppress(JobStoreUnavailable):  # what is sent here all the same is taken back
                self._roster.withdraw(self.name)

    def wait_for_slot(self, timeout_s: float) -> bool:
        """Wait until fewer attempts run than there are slots; tell whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: self._running < self.name.slots, timeout_s)

    def stop(self, *, drain_s: float) -> None:
        """Take no more, let what runs end in this time, stop the rest, and leave. Idempotent."""
        self._leaving.set()
        with suppress(JobStoreUnavailable):  # what is sent here all the same is taken back
            self._roster.withdraw(self.name)
        if not self._wait_until_idle(drain_s):
            self._held.stopping.set()
            self._wait_until_idle(_LONGEST_BEAT_S * 5)
        self._children.close()
        if self._thread.is_alive():
            self._thread.join()
        try:
            left = self._roster.leave(self.name)
        except JobStoreUnavailable:
            log.warning("Redis is away; what this worker held is adopted when its beats are missed")
        else:
            log.info("the worker has left", extra={"jobs": len(left)})

    def _wait_until_idle(self, timeout_s: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: not self._running, timeout=timeout_s)

    def _take_and_run(self, entry: AttemptEntry, place: EntryPlace) -> None:
        if entry.slot not in self.name.all_slots:
            log.warning("refused an entry of the queue: it is another worker's")
            return
        if entry.task not in self.kind.tasks:
            log.error("sent a task that this worker does not have", extra={"task": entry.task})
            place.notice = EndNotice(entry.job, entry.attempt, REFUSED, 0)
            return
        if not self._taken.add(entry):
            log.warning("an attempt that runs here was sent again", extra={"job_id": entry.job})
            return
        stub = QueuedJob(job_id=entry.job, task=entry.task, arguments="", owner_id="")
        if not self._held.add([stub]):
            self._taken.remove(entry)
            log.warning("another attempt of a job still runs here", extra={"job_id": entry.job})
            return
        place.is_held = True
        try:
            self._run_taken(entry, place)
        finally:
            if place.is_held:
                self._held.forget([entry.job])

    def _run_taken(self, entry: AttemptEntry, place: EntryPlace) -> None:
        take = partial(
            self._roster.take,
            self.name,
            sender=entry.sender,
            job_id=entry.job,
            attempt=entry.attempt,
            slot=entry.slot,
        )
        taken = retry_until(self._held.stopping, take)  # a reply may be lost: it is taken then
        if taken is None:
            log.info(
                "an attempt that was sent is not there to be taken", extra={"job_id": entry.job}
            )
            self._taken.remove(entry)
            return
        job = taken.queued(entry.job, entry.task)
        attempt = Attempt(job, entry.attempt, self.name.text)
        if taken.is_cancelled:
            self._held.stop([entry.job], StopReason.CANCELLED)
        self._end(attempt, self._outcome(attempt, entry.digest), place)
        self._taken.remove(entry)

    def _outcome(self, attempt: Attempt, digest: str) -> Outcome:
        if digest_of(attempt.job.arguments) != digest:
            log.error("arguments were changed", extra={"job_id": attempt.job.job_id})
            message = "The arguments are not those that were accepted."
            return Outcome(error={"type": "ArgumentsChanged", "message": message})
        policy = self._registry.get(attempt.job.task).policy
        stop_reason = partial(self._held.stop_reason, attempt.job.job_id)
        try:
            return self._children.run(attempt, policy, stop_reason=stop_reason)
        except Exception as error:  # ours, not the task's: no child could be started, say
            log.exception("an attempt could not be run", extra={"job_id": attempt.job.job_id})
            return Outcome(error=describe(error), may_retry=True)

    def _end(self, attempt: Attempt, outcome: Outcome, place: EntryPlace) -> None:
        """Write the outcome, tell its sender and offer the slot, in one round trip. If that fails,
        nobody knows whether the slot was offered: a beat does it when nothing has come for it."""
        name, policy = self.name.text, self._registry.get(attempt.job.task).policy
        ending = ending_of(attempt, outcome, policy=policy)
        ttl_s = policy.ttl_s or self._job_ttl_s
        # Both before: as soon as it is told, the slot is filled anew, maybe with the same job.
        slot = self._give_up_slot(place)
        self._held.forget([attempt.job.job_id])
        place.is_held = False
        telling = self._roster.telling(place.sender, ending, kind_id=self.name.kind, slot=slot)
        try:
            self._writer.end_and_tell(name, ending, telling, ttl_s=ttl_s)
        except JobStoreUnavailable:
            place.is_held = bool(self._held.add([attempt.job]))
            write = partial(self._writer.turn_though_full, name, [ending], ttl_s=ttl_s)
            (answer,) = retry_until(self._held.stopping, write)
            status = ending.status_by(answer).value
            place.notice = EndNotice(attempt.job.job_id, attempt.number, status, answer)

    def _give_up_slot(self, place: EntryPlace) -> str | None:
        """Note that a slot is free from now on; return it if it may be offered."""
        slot, place.slot = place.slot, None
        with self._changed:
            if slot is not None:
                self._free_since[slot] = time.monotonic()
        return None if self._leaving.is_set() or self._is_deaf else slot

    def _free(self, place: EntryPlace) -> None:
        """Give the slot back and tell what is untold; what can't be told now, a beat tells."""
        slot = self._give_up_slot(place)
        with self._changed:
            self._running -= 1
            self._changed.notify_all()
        try:
            if place.notice is not None:
                self._roster.tell(place.sender, place.notice, kind_id=self.name.kind, slot=slot)
            elif slot is not None:
                self._roster.give_back(self.name.kind, slot)
        except JobStoreUnavailable:
            log.debug("not told: Redis is away")

    def _keep(self) -> None:
        """Beat until this worker has nothing more to keep."""
        while not (self._leaving.wait(self._pause_s) and not self._running):
            try:
                self._beat()
            except JobStoreUnavailable:
                log.debug("no beat: Redis is away")
            except Exception:
                log.exception("a beat failed; the next one tries again")
            if self._leaving.is_set():
                self._wait_until_idle(self._beat_s)

    @property
    def _pause_s(self) -> float:
        return self._beat_s if self._running else self._idle_beat_s

    def _beat(self, *, register: bool = False) -> None:
        absent, self._absent = None if register else self._absent, ()
        is_alive, cancels, self._absent = self._roster.beat(
            self.name, self.kind, free=self._forgotten(), absent=absent, register=register
        )
        if not is_alive:
            if self._is_registered:  # else Redis was away as it began
                log.warning("this worker was taken for dead; it stops what it ran and begins anew")
            self._held.lose_all(())
            self._beat(register=True)
            return
        self._is_registered = True
        if not self._serves and not self._is_deaf:
            self._serves = True
            told = {"slots": self.name.slots, "tasks": len(self.kind.tasks)}
            log.info("a worker serves", extra={"worker": self.name.text, **told})
        self._held.stop(cancels, StopReason.CANCELLED)
        if time.monotonic() >= self._next_audit_at:
            self._next_audit_at = time.monotonic() + _AUDIT_EVERY_S
            self._audit()

    def _audit(self) -> None:
        """Let others rescue what Redis says is held here and, at two looks, nothing here knows."""
        strays = self._holdings.all_of(self.name.text) - self._held.ids()
        self._holdings.give_up(sorted(strays & self._strays), instance=self.name.text)
        self._strays = strays

    def _forgotten(self) -> list[str]:
        """Return the slots that have been free for a while: all at first."""
        if self._leaving.is_set() or self._is_deaf:
            return []
        latest = time.monotonic() - _ANNOUNCE_AFTER_S
        with self._changed:
            return [slot for slot, since in self._free_since.items() if since <= latest]
