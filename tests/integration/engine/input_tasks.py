"""Tasks that take files, for tests: on threads, and the same on processes."""

from typing import Any

from flask_api.jobs.tasks.context import JobContext
from flask_api.jobs.tasks.input_file import InputFile
from flask_api.jobs.tasks.task import task
from tests.integration.engine.sample_tasks import hold


def _look_at(file: InputFile) -> dict[str, Any]:
    with file.open() as stream:
        content = stream.read()
    with file.local_path() as path:
        assert path.read_bytes() == content
    return {
        "name": file.name,
        "size": file.size,
        "media_type": file.media_type,
        "text": content.decode(),
    }


@task("inputs.read")
def read(file: InputFile) -> dict[str, Any]:
    """Read one file."""
    return _look_at(file)


@task("inputs.read_apart", executor="processes")
def read_apart(file: InputFile) -> dict[str, Any]:
    """Read one file in a child process."""
    return _look_at(file)


@task("inputs.read_all")
def read_all(files: list[InputFile], more: InputFile | None = None) -> list[str]:
    """Read several files."""
    return [_look_at(file)["text"] for file in [*files, *([more] if more else [])]]


@task("inputs.hold")
def hold_file(file: InputFile, path: str, *, job: JobContext) -> str:
    """Wait until there is a file at the path, then read the input."""
    hold(path, job=job)
    return str(_look_at(file)["text"])


@task("inputs.fail")
def fail(file: InputFile) -> None:
    """Fail."""
    raise RuntimeError(file.name)
