"""Tasks whose effects are counted from outside:
each attempt appends lines to one file that every process shares."""

import os
import threading
import time
from typing import Annotated

from pydantic import Field

from flask_api.jobs.tasks.context import JobContext
from flask_api.jobs.tasks.task import task
from shared.settings import var_dir

EFFECTS = "effects"
# A kill spends an attempt of all that runs in the process;
# a long run would end some as failed with fewer.
_MANY = 50

Milliseconds = Annotated[int, Field(ge=0, le=60_000)]


def note(job: JobContext, word: str) -> None:
    """Append one line: what, job, attempt, process, time.
    Atomic between processes, and there after a kill -9."""
    line = f"{word} {job.job_id} {job.attempt} {os.getpid()} {time.time():.3f}\n".encode()
    file = os.open(var_dir() / EFFECTS, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(file, line)
    finally:
        os.close(file)


def _work(job: JobContext, pause_ms: int) -> int:
    note(job, "began")
    threading.Event().wait(pause_ms / 1000)
    note(job, "did")
    return os.getpid()


@task("chaos.thread", max_attempts=_MANY)
def on_thread(pause_ms: Milliseconds, *, job: JobContext) -> int:
    """Take so long on a thread, ignoring every wish to stop."""
    return _work(job, pause_ms)


@task("chaos.process", executor="processes", max_attempts=_MANY)
def on_process(pause_ms: Milliseconds, *, job: JobContext) -> int:
    """Take so long in a child process."""
    return _work(job, pause_ms)


@task("chaos.patient", max_attempts=_MANY)
def patient(pause_ms: Milliseconds, *, job: JobContext) -> int:
    """Take so long on a thread, willing to stop."""
    note(job, "began")
    deadline = time.monotonic() + pause_ms / 1000
    while time.monotonic() < deadline:
        job.checkpoint()
        threading.Event().wait(0.02)
    note(job, "did")
    return os.getpid()


@task("chaos.poison", max_attempts=2, backoff_s=0.1)
def poison(*, job: JobContext) -> None:
    """Kill the server, not before it has answered who submitted this."""
    note(job, "began")
    threading.Event().wait(0.3)
    os._exit(1)


@task("chaos.poison_child", executor="processes", max_attempts=2, backoff_s=0.1)
def poison_child(*, job: JobContext) -> None:
    """Kill the child process."""
    note(job, "began")
    os._exit(1)
