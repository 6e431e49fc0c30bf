"""What a running task may ask and tell: the ``job`` parameter."""

import json
import math
import threading
import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import repeat, takewhile
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeVar

from flask_api.jobs.errors import JobCancelled, StopReason, TaskError
from flask_api.jobs.records.job import format_time
from flask_api.jobs.records.outages import retry_while_away
from flask_api.jobs.tasks.charts import BINS, Values, make_chart
from flask_api.jobs.tasks.input_file import Resolver
from shared.chart import Kind
from shared.clock import JOBS_CLOCK
from shared.markdown import mark_markdown
from shared.settings import ApiSettings

T = TypeVar("T")
PROGRESS_INTERVAL_S = 0.1
_LINE_LENGTH = 8_000
_LINES_HELD = 200
STATE_MAX_BYTES = 256 * 1024
# So long a task waits for a Redis that is away before its state counts as not saved.
STATE_WAIT_S = 60.0
_STATE_PAUSE_S = 0.1
_ANY_REASON = frozenset(StopReason)
# What is done is done: a process that stops has its outcome.
_REASONS_WHEN_DONE = frozenset({StopReason.CANCELLED, StopReason.TIMED_OUT, StopReason.QUOTA})


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an attempt is: ``done`` of ``total`` steps, and a word on what it does."""

    done: int
    total: int | None = None
    message: str = ""


def possible(done: int, total: int | None) -> tuple[int, int | None]:
    """Return the progress nearest to this that can be: 0 <= done <= total, both finite."""
    total = None if total is None or not math.isfinite(total) else max(0, total)
    if total is not None and done > total:
        return total, total
    return (done if math.isfinite(done) and done >= 0 else 0), total


def _of(done: int, total: int | None) -> str:
    return str(done) if total is None else f"{done} of {total}"


class Reporter(Protocol):
    """Where an attempt's words go. Thread-safe; never fails the attempt for an outage."""

    def report(self, progress: Progress | None, lines: Sequence[str]) -> None:
        """Take progress and log lines (each a JSON object)."""

    def save_file(self, name: str, source: bytes | str | Path) -> None:
        """Keep a file of the job. Raises TaskError when it is too large or its name is not
        acceptable."""

    def find_file(self, name: str) -> BinaryIO | None:
        """Open a file that the job keeps; None when there is none."""

    def save_state(self, state: str) -> None:
        """Keep JSON text for later attempts. Raises JobStoreUnavailable."""

    def load_state(self) -> str | None:
        """Return the text that was kept last, by any attempt; None when none was.
        Raises JobStoreUnavailable."""


class JobContext:
    """Given to a task that has a parameter annotated ``JobContext``.
    For the thread that runs the task and its helpers."""

    def __init__(
        self,
        *,
        job_id: str,
        attempt: int,
        settings: ApiSettings,
        reporter: Reporter,
        must_stop: Callable[[], StopReason | None],
        timeout_s: float | None = None,
        inputs: Resolver | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``timeout_s``: from now on, until the attempt must stop if ``must_stop`` names no reason
        before."""
        self.job_id = job_id
        self.attempt = attempt
        self.settings = settings
        self.inputs = inputs  # finds the files that the job's arguments name
        self._reporter = reporter
        self._must_stop = must_stop
        self._clock = clock
        self._deadline = math.inf if timeout_s is None else clock() + timeout_s
        self._lock = threading.Lock()
        self._progress: Progress | None = None
        self._is_clamped = False
        self._lines: list[str] = []
        self._next_report_at = clock()

    def progress(self, done: int, total: int | None = None, *, message: str = "") -> None:
        """Say how far the job is. Cheap: written at most every 100 ms, the last word always.
        Also a checkpoint.

        What can't be (below zero, above ``total``, not finite) is shown as the nearest that can;
        the log says so, once.
        """
        self._stop_if_asked()
        shown = possible(done, total)
        with self._lock:
            self._progress = Progress(done=shown[0], total=shown[1], message=message[:500])
            is_first = shown != (done, total) and not self._is_clamped
            self._is_clamped = self._is_clamped or is_first
        if is_first:
            was, now = _of(done, total), _of(*shown)
            self.log(
                f"progress {was} can't be and is shown as {now}; later ones like it, too",
                level="warning",
            )
        self._report_if_due()

    def log(self, message: str, *, level: str = "info") -> None:
        """Add a line to the job's log, which its owner can read.
        Bytes that are no text are shown escaped."""
        text = str(message)[:_LINE_LENGTH].encode("utf-8", "backslashreplace").decode()
        line = json.dumps({"at": format_time(JOBS_CLOCK.moment()), "level": level, "message": text})
        with self._lock:
            self._lines.append(line)
            is_full = len(self._lines) >= _LINES_HELD
        self._report_if_due(at_once=is_full)

    def save_file(self, name: str, source: bytes | str | Path) -> None:
        """Keep a file for the owner: bytes, text, or the file at a path. It expires with the job.

        ``name``: letters, digits, ``.``, ``_`` and ``-``.
        Raises TaskError when it is too large or too many.
        """
        self.checkpoint()
        self._reporter.save_file(name, source)

    def find_file(self, name: str) -> BinaryIO | None:
        """Open a file that this job keeps, an earlier attempt's too; None when there is none.
        Close it after use."""
        return self._insist(lambda: self._reporter.find_file(name))

    def chart(
        self,
        kind: Kind,
        values: Values,
        *,
        title: str = "",
        x: str = "",
        y: str = "",
        bins: int = BINS,
    ) -> dict[str, Any]:
        """Return a chart, to be put into the result: the job's page draws it.

        ``bars``: numbers by label. ``lines``, ``scatter``: pairs of numbers, or such by name for up
        to six series. ``histogram``: numbers, put into ``bins``, or (from, to, count) for each bin.
        ``x`` and ``y`` name the axes. Raises ValueError beyond 60 bars or 2,000 points, and for
        what is not finite: nothing is left out without a word, but the end of a long name.
        """
        return make_chart(kind, values, title=title, x=x, y=y, bins=bins)

    def markdown(self, text: str) -> dict[str, str]:
        """Return a text as Markdown, to be put into the result: the job's page lays it out.

        CommonMark and tables; HTML in it is text, and pictures are links. Raises ValueError for
        more than 100,000 characters.
        """
        return mark_markdown(text)

    def save_state(self, value: Any) -> None:
        """Keep a small JSON value for the attempts after this one:
        a retry, a rescue, the next start of the server.

        It replaces the one before and is durable on return; nobody else sees it. One round trip to
        Redis, and a checkpoint. While Redis is away it waits up to 60 s, then raises
        JobStoreUnavailable: list that in ``retry_on`` if the job may go on later. Raises TaskError
        for more than 256 kB of JSON, ValueError or TypeError for what JSON can't hold.
        """
        text = json.dumps(value, separators=(",", ":"), allow_nan=False)
        if len(text) > STATE_MAX_BYTES:
            raise TaskError(
                f"The state has {len(text)} bytes of JSON; it may have at most {STATE_MAX_BYTES}."
            )
        self._insist(lambda: self._reporter.save_state(text))
        self.checkpoint()  # the job may be another process's by now: then nothing was written

    def load_state(self) -> Any:
        """Return what this job saved last, None when nothing was. Read from Redis each time;
        raises JobStoreUnavailable as above."""
        text = self._insist(self._reporter.load_state)
        return None if text is None else json.loads(text)

    def checkpoint(self) -> None:
        """End the attempt here if it must stop. Raises JobCancelled; call it in every long loop.

        Writes progress and log lines that were held back, when it is time.
        """
        self._stop_if_asked()
        if self._progress is not None or self._lines:
            self._report_if_due()

    def check_when_done(self) -> None:
        """End the attempt though its task has returned: one that never checked may be past its
        time. The engine calls it; raises JobCancelled."""
        self._stop_if_asked(_REASONS_WHEN_DONE)

    def flush(self) -> None:
        """Write what was held back. The engine calls it when the task returns or raises."""
        with self._lock:
            progress, lines = self._progress, self._lines
            self._progress, self._lines = None, []
        if progress is not None or lines:
            self._reporter.report(progress, lines)

    def _stop_if_asked(self, reasons: frozenset[StopReason] = _ANY_REASON) -> None:
        reason = self._must_stop()
        if reason is None and self._clock() > self._deadline:
            reason = StopReason.TIMED_OUT
        if reason is not None and reason in reasons:
            raise JobCancelled(reason)

    def _insist(self, action: Callable[[], T]) -> T:
        """Repeat an idempotent action while Redis is away, willing to stop.
        Raises JobStoreUnavailable in the end."""
        deadline = self._clock() + STATE_WAIT_S
        pauses = takewhile(lambda _: self._clock() < deadline, repeat(_STATE_PAUSE_S))

        def willing() -> T:
            self._stop_if_asked()
            return action()

        return retry_while_away(willing, pauses)

    def _report_if_due(self, *, at_once: bool = False) -> None:
        now = self._clock()
        if at_once or now >= self._next_report_at:
            self._next_report_at = now + PROGRESS_INTERVAL_S
            self.flush()


# The job that this thread works for: what its log records belong to.
current_job: ContextVar[JobContext | None] = ContextVar("gatehouse_current_job", default=None)
