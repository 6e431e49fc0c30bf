"""The attempts that this process has sent to workers and of which it has not heard the end.

Usually a worker tells. What nobody told is found by looking: a notice that was lost, an entry that
never arrived, a worker that died.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from flask_api.jobs.errors import StopReason
from flask_api.jobs.records.job import Attempt, JobStatus
from flask_api.jobs.records.job_reader import Holder, JobReader
from flask_api.jobs.records.roster import EndNotice
from flask_api.jobs.tasks.registry import TaskRegistry
from flask_api.jobs.workers.executor import Host
from flask_api.jobs.workers.outcome import Outcome, stopped
from flask_api.jobs.workers.queue import FairQueue
from flask_api.jobs.workers.remote.worker import REFUSED
from shared.redis import RedisGateway

log = logging.getLogger("gatehouse.jobs")

_LOOK_AFTER_S = 2.0
_RESEND_AFTER_S = 5.0
_SETTLE_EVERY_S = 0.05
_STATUSES = frozenset(status.value for status in JobStatus)


@dataclass(slots=True)
class SentAttempt:
    """An attempt, the slot it was sent to, and when, on the monotonic clock."""

    attempt: Attempt
    slot: str
    at: float
    was_resent: bool = False
    has_place: bool = True  # among the queue's running

    @property
    def worker(self) -> str:
        """The worker whose slot it is."""
        return self.slot.partition("#")[0]


class SentAttempts:
    """Remembers what was sent, and ends it here once. Thread-safe."""

    def __init__(
        self,
        store: RedisGateway,
        host: Host,
        registry: TaskRegistry,
        queue: FairQueue,
        *,
        resend: Callable[[SentAttempt], bool],
    ) -> None:
        self._reader = JobReader(store)
        self._host = host
        self._registry = registry
        self._queue = queue
        self._resend = resend
        self._lock = threading.Lock()
        self._sent: dict[str, SentAttempt] = {}

    def add(self, attempt: Attempt, slot: str) -> SentAttempt:
        """Remember an attempt that is about to be sent."""
        sent = SentAttempt(attempt, slot, time.monotonic())
        with self._lock:
            self._sent[attempt.job.job_id] = sent
        return sent

    def end(self, notice: EndNotice) -> None:
        """End what a worker told of; what is not known here, and what makes no sense, is
        ignored."""
        sent = self._sent.get(notice.job_id)
        if sent is None or sent.attempt.number != notice.attempt:
            return
        if notice.status == REFUSED:
            message = f"The worker it was sent to does not have the task {sent.attempt.job.task}."
            error = {"type": "UnknownTask", "message": message}
            self._end_here(sent, Outcome(error=error, may_retry=True))
        elif notice.status in _STATUSES and self._remove(sent):
            status = JobStatus(notice.status)
            self._host.note_end(sent.attempt, status, kept=bool(notice.answer))

    def take_back(self, sent: SentAttempt) -> None:
        """Queue a job again whose attempt no worker took, or cancel it: it has not begun there, and
        can't any more."""
        job = sent.attempt.job
        reason = self._host.held.stop_reason(job.job_id) or StopReason.SHUTDOWN
        self._end_here(sent, stopped(reason, self._registry.get(job.task).policy))

    def check(self, live: Collection[str]) -> None:
        """Look at what nobody has told of for a while. ``live``: the workers that are not silent.
        Raises JobStoreUnavailable."""
        latest = time.monotonic() - _LOOK_AFTER_S
        for sent, holder in self._look(lambda each: each.at < latest):
            if not holder.holds(sent.attempt.number):
                self._lose(sent)
            elif holder.instance != sent.attempt.instance:  # a worker took it over
                if holder.instance not in live:
                    self._lose(sent)  # whoever adopts it ends it
            elif self._host.held.stop_reason(sent.attempt.job.job_id) or sent.worker not in live:
                self.take_back(sent)
            elif sent.at < time.monotonic() - _RESEND_AFTER_S:
                # Sent twice, its worker has no room for it: another one may.
                if sent.was_resent or not self._resend(sent):
                    self.take_back(sent)
                else:
                    sent.at, sent.was_resent = time.monotonic(), True

    def wait_until_taken(self, *, timeout_s: float) -> None:
        """Wait until workers have taken over what was sent. Raises JobStoreUnavailable."""
        deadline = time.monotonic() + timeout_s
        pause = threading.Event()
        while self._untaken() and time.monotonic() < deadline:
            pause.wait(_SETTLE_EVERY_S)

    def take_back_all(self) -> None:
        """Take back what no worker has taken over. Blocks as a turn does, while Redis takes no
        writes: call it when that tries once only. Raises JobStoreUnavailable."""
        for sent in self._untaken():
            self.take_back(sent)

    def _untaken(self) -> list[SentAttempt]:
        return [
            sent
            for sent, holder in self._look(lambda _: True)
            if holder.holds(sent.attempt.number) and holder.instance == sent.attempt.instance
        ]

    def _look(self, is_due: Callable[[SentAttempt], bool]) -> list[tuple[SentAttempt, Holder]]:
        with self._lock:
            due = [sent for sent in self._sent.values() if is_due(sent)]
        holders = self._reader.find_holders([sent.attempt.job.job_id for sent in due])
        return list(zip(due, holders, strict=True))

    def _end_here(self, sent: SentAttempt, outcome: Outcome) -> None:
        if self._remove(sent):
            self._host.turn([(sent.attempt, outcome)], [])
            self._keep_if_taken(sent)

    def _keep_if_taken(self, sent: SentAttempt) -> None:
        """Remember it again when a worker took it over in the moment before: its end is still to be
        heard. The job is held until then: a next try that comes here waits for that, and is not
        forgotten with it."""
        job = sent.attempt.job
        (holder,) = self._reader.find_holders([job.job_id])
        if not (holder.holds(sent.attempt.number) and holder.instance == sent.worker):
            return
        if self._host.held.add([job]):  # else the next try is here already
            sent.at, sent.has_place = time.monotonic(), False
            with self._lock:
                self._sent.setdefault(job.job_id, sent)

    def _lose(self, sent: SentAttempt) -> None:
        if self._remove(sent):
            self._host.note_end(sent.attempt, None, kept=True)

    def _remove(self, sent: SentAttempt) -> bool:
        """Forget it and free its place; False when that was done already."""
        with self._lock:
            if self._sent.get(sent.attempt.job.job_id) is not sent:
                return False
            del self._sent[sent.attempt.job.job_id]
        if sent.has_place:
            self._queue.done([sent.attempt.job])
        return True
