"""Which jobs this process holds, under which name, and which of them must stop."""

import threading
from collections.abc import Collection, Iterable, Sequence

from flask_api.jobs.errors import StopReason
from flask_api.jobs.records.job import QueuedJob


class HeldJobs:
    """The ids of all jobs that wait or run here. Thread-safe; asks nobody.

    ``instance`` is the name under which Redis knows that they are this process's; empty while it
    may hold none. Only flask_api.jobs.membership sets it. Once ``stopping`` is set all must stop.
    """

    def __init__(self) -> None:
        self.instance = ""
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._ids: set[str] = set()
        # Jobs that came to us again while we were still putting away their last attempt:
        # taken over right after.
        self._returned: set[str] = set()
        self._stop_reasons: dict[str, StopReason] = {}

    def __bool__(self) -> bool:
        return bool(self._ids)

    def __len__(self) -> int:
        return len(self._ids)

    def ids(self) -> frozenset[str]:
        """Return the ids of all jobs that wait or run here."""
        with self._lock:
            return frozenset(self._ids)

    def add(self, queued_jobs: Sequence[QueuedJob]) -> list[QueuedJob]:
        """Hold these jobs; return those that were not held yet.

        Twice in the queue would be twice at once: an audit may find what a submit is about to put.
        """
        with self._lock:
            new = [queued for queued in queued_jobs if queued.job_id not in self._ids]
            self._ids.update(queued.job_id for queued in new)
            return new

    def strangers(self, job_ids: Sequence[str]) -> list[str]:
        """Return which of the jobs that came here are not held; remember those that are."""
        with self._lock:
            self._returned.update(job_id for job_id in job_ids if job_id in self._ids)
            return [job_id for job_id in job_ids if job_id not in self._ids]

    def forget(self, job_ids: Collection[str]) -> list[str]:
        """Hold these no longer; return those that came here again meanwhile."""
        with self._lock:
            self._ids.difference_update(job_ids)
            for job_id in self._stop_reasons.keys() & job_ids:
                del self._stop_reasons[job_id]
            returned = self._returned.intersection(job_ids)
            self._returned -= returned
        return sorted(returned)

    def stop(self, job_ids: Iterable[str], reason: StopReason) -> None:
        """Let these stop, for the first reason that was given; unknown ones are ignored."""
        with self._lock:
            for job_id in job_ids:
                if job_id in self._ids:
                    self._stop_reasons.setdefault(job_id, reason)

    def stop_reason(self, job_id: str) -> StopReason | None:
        """Return why an attempt must stop now, None to go on."""
        reason = self._stop_reasons.get(job_id)
        return StopReason.SHUTDOWN if reason is None and self.stopping.is_set() else reason

    def lose_all(self, waiting: Iterable[str]) -> None:
        """Forget those that wait; let the others stop, for they are another process's."""
        with self._lock:
            self._ids.difference_update(waiting)
            self._stop_reasons = dict.fromkeys(self._ids, StopReason.LOST)
            self._returned.clear()
