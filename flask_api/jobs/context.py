"""What a running task may ask and tell: the ``job`` parameter."""

import json
import threading
import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from flask_api.jobs.errors import JobCancelled, StopReason
from flask_api.jobs.record import format_time
from shared.settings import ApiSettings

PROGRESS_INTERVAL_S = 0.1
_LINE_LENGTH = 8_000
_LINES_HELD = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an attempt is: ``done`` of ``total`` steps, and a word on what it does."""

    done: int
    total: int | None = None
    message: str = ""


class Reporter(Protocol):
    """Where an attempt's words go. Thread-safe; never fails the attempt for an outage."""

    def report(self, progress: Progress | None, lines: Sequence[str]) -> None:
        """Take progress and log lines (each a JSON object)."""

    def save_file(self, name: str, source: bytes | str | Path) -> None:
        """Keep a file of the job. Raises TaskError when it is too large or its name is not acceptable."""


class JobContext:
    """Given to a task that has a parameter annotated ``JobContext``. For the thread that runs the task and its helpers."""

    def __init__(
        self,
        *,
        job_id: str,
        attempt: int,
        settings: ApiSettings,
        reporter: Reporter,
        must_stop: Callable[[], StopReason | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.job_id = job_id
        self.attempt = attempt
        self.settings = settings
        self._reporter = reporter
        self._must_stop = must_stop
        self._clock = clock
        self._lock = threading.Lock()
        self._progress: Progress | None = None
        self._lines: list[str] = []
        self._next_report_at = clock()

    def progress(self, done: int, total: int | None = None, *, message: str = "") -> None:
        """Say how far the job is. Cheap: written at most every 100 ms, the last word always. Also a checkpoint."""
        self.checkpoint()
        with self._lock:
            self._progress = Progress(done=done, total=total, message=message[:500])
        self._report_if_due()

    def log(self, message: str, *, level: str = "info") -> None:
        """Add a line to the job's log, which its owner can read. Bytes that are no text are shown escaped."""
        text = str(message)[:_LINE_LENGTH].encode("utf-8", "backslashreplace").decode()
        line = json.dumps({"at": format_time(datetime.now(UTC)), "level": level, "message": text})
        with self._lock:
            self._lines.append(line)
            is_full = len(self._lines) >= _LINES_HELD
        self._report_if_due(at_once=is_full)

    def save_file(self, name: str, source: bytes | str | Path) -> None:
        """Keep a file for the owner: bytes, text, or the file at a path. It expires with the job.

        ``name``: letters, digits, ``.``, ``_`` and ``-``. Raises TaskError when it is too large or too many.
        """
        self.checkpoint()
        self._reporter.save_file(name, source)

    def checkpoint(self) -> None:
        """End the attempt here if it must stop. Raises JobCancelled; call it in every long loop."""
        reason = self._must_stop()
        if reason is not None:
            raise JobCancelled(reason)

    def flush(self) -> None:
        """Write what was held back. The engine calls it when the task returns or raises."""
        with self._lock:
            progress, lines = self._progress, self._lines
            self._progress, self._lines = None, []
        if progress is not None or lines:
            self._reporter.report(progress, lines)

    def _report_if_due(self, *, at_once: bool = False) -> None:
        now = self._clock()
        if at_once or now >= self._next_report_at:
            self._next_report_at = now + PROGRESS_INTERVAL_S
            self.flush()


# The job that this thread works for: what its log records belong to.
current_job: ContextVar[JobContext | None] = ContextVar("gatehouse_current_job", default=None)
