"""Run a task here and now, with its arguments checked as the API checks them: for tests and for a look."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from flask_api.jobs.context import JobContext, Progress
from flask_api.jobs.errors import StopReason
from flask_api.jobs.task import Task
from shared.settings import ApiSettings


def _ignore(progress: Progress) -> None:
    """Nobody watches."""


def _never() -> StopReason | None:
    return None


class InlineReporter:
    """Hands progress to a function; keeps log lines and files in memory."""

    def __init__(self, report: Callable[[Progress], None]) -> None:
        self._report = report
        self.lines: list[str] = []
        self.files: dict[str, bytes] = {}

    def report(self, progress: Progress | None, lines: Sequence[str]) -> None:
        """Take progress and log lines."""
        self.lines += lines
        if progress is not None:
            self._report(progress)

    def save_file(self, name: str, source: bytes | str | Path) -> None:
        """Take a file."""
        if isinstance(source, Path):
            source = source.read_bytes()
        self.files[name] = source.encode() if isinstance(source, str) else source


def run_inline(
    task: Task[..., Any],
    arguments: Mapping[str, Any],
    *,
    settings: ApiSettings | None = None,
    report: Callable[[Progress], None] = _ignore,
    must_stop: Callable[[], StopReason | None] = _never,
) -> Any:
    """Check ``arguments``, run ``task`` in this thread, return its result as JSON-ready data; no Redis is needed.

    ``settings`` defaults to every setting's default. ``report`` receives what ``job.progress`` writes; once ``must_stop``
    returns a reason the next checkpoint raises JobCancelled. Raises InvalidArguments and whatever the task raises.
    """
    context = JobContext(
        job_id="inline",
        attempt=1,
        settings=settings or ApiSettings.model_construct(),
        reporter=InlineReporter(report),
        must_stop=must_stop,
    )
    return task.run(task.check(arguments), context)
