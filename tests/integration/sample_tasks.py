"""Tasks that behave well and badly, for tests of the job engine. Each test process has its own events."""

import threading
from typing import Any

from flask_api.jobs.context import JobContext
from flask_api.jobs.errors import TaskError
from flask_api.jobs.task import task

# Set by a test to let every hanging task return.
RELEASE = threading.Event()
# Set by a hanging task that was let go.
RELEASED = threading.Event()
_CHECK_EVERY_S = 0.02


@task("sample.echo")
def echo(value: Any = None, count: int = 1) -> list[Any]:
    """Return the value so many times."""
    return [value] * count


@task("sample.fail")
def fail(message: str) -> None:
    """Raise what nobody expected."""
    raise RuntimeError(message)


@task("sample.refuse")
def refuse(message: str) -> None:
    """Raise what the owner should read."""
    raise TaskError(message)


@task("sample.not_json")
def not_json() -> Any:
    """Return what JSON can't hold."""
    return object()


@task("sample.not_finite")
def not_finite() -> float:
    """Return what JSON has no word for."""
    return float("nan")


@task("sample.wrong_type")
def wrong_type() -> int:
    """Return something else than promised."""
    return "seven"  # type: ignore[return-value]  # that is the point


@task("sample.big")
def big(size: int) -> str:
    """Return a text of this length."""
    return "x" * size


@task("sample.exit")
def leave() -> None:
    """Try to end the process that runs it."""
    raise SystemExit(3)


@task("sample.hang")
def hang(*, job: JobContext) -> str:
    """Wait for the event, willing to stop."""
    while not RELEASE.wait(_CHECK_EVERY_S):
        job.checkpoint()
    RELEASED.set()
    return "released"


@task("sample.steps")
def steps(count: int, step_s: float = 0.0, *, job: JobContext) -> int:
    """Make steps and tell of each."""
    pause = threading.Event()
    for number in range(1, count + 1):
        pause.wait(step_s)
        job.progress(number, count, message=f"step {number}")
    return count
