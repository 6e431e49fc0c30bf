"""Tasks that keep a state, on threads and as ``child.x`` on processes:
they go on where an earlier attempt stopped."""

import os
import threading
from pathlib import Path
from typing import Any, BinaryIO

from flask_api.jobs.files import storage
from flask_api.jobs.tasks.context import JobContext
from flask_api.jobs.tasks.task import task
from flask_api.tasks.github import languages as github


@task("sample.count", retry_on=(ConnectionError,), backoff_s=0.05)
def count(path: str, to: int, stop_at: int, how: str, *, job: JobContext) -> list[int]:
    """Note each number up to ``to`` once, and stop at one of them, once:
    by waiting, by an error, by a crash."""
    numbers: list[int] = job.load_state() or []
    while len(numbers) < to:
        number = len(numbers) + 1
        if number == stop_at and not Path(f"{path}.stopped").exists():
            Path(f"{path}.stopped").touch()
            _stop(how, job)
        with Path(f"{path}.runs").open("a") as runs:
            runs.write(f"{number}\n")
        job.save_file(f"{number}.txt", str(number))
        numbers.append(number)
        job.save_state(numbers)
    return numbers


@task("sample.read_back")
def read_back(name: str, text: str, *, job: JobContext) -> list[str | None]:
    """Return a file as it is before and after it is saved."""
    before = _text_of(name, job)
    job.save_file(name, text)
    return [before, _text_of(name, job)]


@task("sample.save_slowly")
def save_slowly(path: str, *, job: JobContext) -> int:
    """Save what says which attempt it is; the first one waits for a file before it is stored."""
    if job.attempt == 1:
        _wait_before_storing(path)
    try:
        job.save_file("a.txt", f"attempt {job.attempt}" * job.attempt)
    finally:
        Path(f"{path}.saved{job.attempt}").touch()
    return job.attempt


@task("sample.keep")
def keep(size: int, *, job: JobContext) -> int:
    """Save a state of so many bytes of JSON; return how many come back."""
    job.save_state("x" * (size - 2))
    return len(job.load_state()) + 2


@task("sample.keep_late")
def keep_late(path: str, *, job: JobContext) -> str:
    """Wait until there is a file, then save a state and return it."""
    Path(f"{path}.stopped").touch()
    while not Path(path).exists():
        job.checkpoint()
        threading.Event().wait(0.02)
    job.save_state("kept")
    return str(job.load_state())


def _stop(how: str, job: JobContext) -> None:
    if how == "crash":
        os._exit(7)
    if how == "error":
        raise ConnectionResetError("the other side has gone")
    if how == "fail":
        raise ValueError("not worth another attempt")
    while True:
        job.checkpoint()
        threading.Event().wait(0.02)


def _wait_before_storing(go: str) -> None:
    """Stop this process's next save at the worst moment: it was told that it may store the file,
    and nothing of it is there."""
    open_new = storage._open_new

    def wait_and_open(system: Any, path: str) -> BinaryIO:
        Path(f"{go}.stopped").touch()
        while not Path(go).exists():
            threading.Event().wait(0.02)
        return open_new(system, path)

    storage._open_new = wait_and_open


def _text_of(name: str, job: JobContext) -> str | None:
    stream = job.find_file(name)
    if stream is None:
        return None
    with stream:
        return stream.read().decode()


# As it is, with shorter pauses between attempts.
_RETRY_ON = github.languages.policy.retry_on
languages = task("sample.languages", max_attempts=12, retry_on=_RETRY_ON, backoff_s=0.2)(
    github.languages.function
)
child_languages = task(
    "child.languages", executor="processes", max_attempts=12, retry_on=_RETRY_ON, backoff_s=0.2
)(github.languages.function)
child_count = task(
    "child.count", executor="processes", retry_on=(ConnectionError,), backoff_s=0.05
)(count.function)
child_read_back = task("child.read_back", executor="processes")(read_back.function)
child_keep = task("child.keep", executor="processes")(keep.function)
child_save_slowly = task("child.save_slowly", executor="processes")(save_slowly.function)
