"""Run a task here and now, with its arguments checked as the API checks them: for tests and for a look."""

from collections.abc import Callable, Mapping
from typing import Any

from flask_api.jobs.context import JobContext, Progress
from flask_api.jobs.task import Task
from shared.settings import ApiSettings


def _ignore(progress: Progress) -> None:
    """Nobody watches."""


def run_inline(
    task: Task[..., Any],
    arguments: Mapping[str, Any],
    *,
    settings: ApiSettings | None = None,
    report: Callable[[Progress], None] = _ignore,
    must_stop: Callable[[], bool] = lambda: False,
) -> Any:
    """Check ``arguments``, run ``task`` in this thread, return its result as JSON-ready data; no Redis is needed.

    ``settings`` defaults to every setting's default. ``report`` receives what ``job.progress`` writes; once ``must_stop``
    returns true the next checkpoint raises JobCancelled. Raises InvalidArguments and whatever the task raises.
    """
    context = JobContext(
        job_id="inline",
        attempt=1,
        settings=settings or ApiSettings.model_construct(),
        report=report,
        must_stop=must_stop,
    )
    return task.run(task.check(arguments), context)
