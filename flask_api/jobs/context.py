"""What a running task may ask and tell: the ``job`` parameter."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from flask_api.jobs.errors import JobCancelled
from shared.settings import ApiSettings

PROGRESS_INTERVAL_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an attempt is: ``done`` of ``total`` steps, and a word on what it does."""

    done: int
    total: int | None = None
    message: str = ""


class JobContext:
    """Given to a task that has a parameter annotated ``JobContext``. For the thread that runs the task and its helpers."""

    def __init__(
        self,
        *,
        job_id: str,
        attempt: int,
        settings: ApiSettings,
        report: Callable[[Progress], None],
        must_stop: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.job_id = job_id
        self.attempt = attempt
        self.settings = settings
        self._report = report
        self._must_stop = must_stop
        self._clock = clock
        self._latest: Progress | None = None
        self._reported: Progress | None = None
        self._next_report_at = clock()

    def progress(self, done: int, total: int | None = None, *, message: str = "") -> None:
        """Say how far the job is. Cheap: written at most every 100 ms, the last word always. Also a checkpoint."""
        self.checkpoint()
        self._latest = Progress(done=done, total=total, message=message[:500])
        now = self._clock()
        if now >= self._next_report_at:
            self._next_report_at = now + PROGRESS_INTERVAL_S
            self.flush()

    def checkpoint(self) -> None:
        """End the attempt here if it must stop. Raises JobCancelled; call it in every long loop."""
        if self._must_stop():
            raise JobCancelled

    def flush(self) -> None:
        """Write progress that was held back. The engine calls it when the task returns."""
        if self._latest is not None and self._latest is not self._reported:
            self._reported = self._latest
            self._report(self._latest)
