"""Run a task here and now, with its arguments checked as the API checks them:
for tests and for a look."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from flask_api.jobs.errors import StopReason
from flask_api.jobs.tasks.context import JobContext, Progress
from flask_api.jobs.tasks.input_file import InputFile
from flask_api.jobs.tasks.task import Task
from shared.settings import ApiSettings


def _ignore(progress: Progress) -> None:
    """Nobody watches."""


def _never() -> StopReason | None:
    return None


class InlineReporter:
    """Hands progress to a function; keeps log lines, files and state in memory,
    for a second run as for a second attempt."""

    def __init__(self, report: Callable[[Progress], None] = _ignore) -> None:
        self._report = report
        self.lines: list[str] = []
        self.files: dict[str, bytes] = {}
        self.state: str | None = None

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

    def find_file(self, name: str) -> BinaryIO | None:
        """Open a file that was taken."""
        return BytesIO(self.files[name]) if name in self.files else None

    def save_state(self, state: str) -> None:
        """Take the state."""
        self.state = state

    def load_state(self) -> str | None:
        """Return the state that was taken last."""
        return self.state


def run_inline(
    task: Task[..., Any],
    arguments: Mapping[str, Any],
    *,
    settings: ApiSettings | None = None,
    report: Callable[[Progress], None] = _ignore,
    must_stop: Callable[[], StopReason | None] = _never,
    reporter: InlineReporter | None = None,
    attempt: int = 1,
    clock: Callable[[], float] = time.monotonic,
) -> Any:
    """Check ``arguments``, run ``task`` in this thread, return its result as the API gives it;
    no Redis is needed.

    ``settings`` defaults to every setting's default. ``report`` receives what ``job.progress``
    writes; once ``must_stop`` returns a reason the next checkpoint raises JobCancelled.
    ``reporter``, in place of ``report``, shows what the task left; given to another run it lets
    that go on from there. ``attempt`` and ``clock`` are the job's. A file is given as a Path.
    Raises InvalidArguments and whatever the task raises.
    """
    files: dict[str, InputFile] = {}
    # nothing but what a client can send
    named = json.loads(json.dumps(_name_files(arguments, files)))
    context = JobContext(
        job_id="inline",
        attempt=attempt,
        settings=settings or ApiSettings.model_construct(),
        reporter=reporter or InlineReporter(report),
        must_stop=must_stop,
        inputs=files.__getitem__,
        clock=clock,
    )
    return json.loads(task.run(task.check(named, inputs=context.inputs), context))


def _name_files(value: Any, files: dict[str, InputFile]) -> Any:
    """Return the arguments as JSON has them: in the place of each path the id of a file,
    which is added to ``files``."""
    if isinstance(value, Mapping):
        return {name: _name_files(each, files) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_name_files(each, files) for each in value]
    if not isinstance(value, Path):
        return value
    file = InputFile.of_path(value)
    files[file.id] = file
    return file.id
