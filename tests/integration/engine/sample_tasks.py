"""Tasks that behave well and badly, for tests of the job engine.
Each test process has its own events."""

import logging
import os
import threading
from pathlib import Path
from typing import Any

from flask_api.jobs.errors import TaskError
from flask_api.jobs.tasks.context import JobContext
from flask_api.jobs.tasks.task import task

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


@task("sample.fail_on_bytes")
def fail_on_bytes(count: int) -> None:
    """Raise an error that names a file whose name is no text, as Python reads it from a disk."""
    raise RuntimeError("caf\udce9" * count)


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


@task("sample.hidden_nan")
def hidden_nan() -> Any:
    """Return it where no annotation says that a number is there."""
    return {"mean": [float("nan"), None]}


@task("sample.long_number")
def long_number() -> int:
    """Return a number of more digits than Python reads."""
    return 10**5000


@task("sample.wrong_type")
def wrong_type() -> int:
    """Return something else than promised."""
    return "seven"  # type: ignore[return-value]  # that is the point


@task("sample.big")
def big(size: int) -> str:
    """Return a text of this length."""
    return "x" * size


@task("sample.leave")
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


@task("sample.spin")
def spin(*, job: JobContext) -> None:
    """Count until it must stop: it needs the interpreter all the time."""
    while True:
        sum(range(10_000))
        job.checkpoint()


@task("sample.steps")
def steps(count: int, step_s: float = 0.0, *, job: JobContext) -> int:
    """Make steps and tell of each."""
    pause = threading.Event()
    for number in range(1, count + 1):
        pause.wait(step_s)
        job.progress(number, count, message=f"step {number}")
    return count


@task("sample.note")
def note(path: str, word: str = "") -> str:
    """Add a word to a file: what ran, in which order."""
    _append(path, word)
    return word


@task("sample.hold", backoff_s=0.05)
def hold(path: str, *, job: JobContext) -> int:
    """Note the run beside the path, wait until there is a file, willing to stop;
    return the attempt."""
    _append(f"{path}.runs", str(job.attempt))
    while not Path(path).exists():
        job.checkpoint()
        _pause()
    return job.attempt


@task("sample.deaf", backoff_s=0.05)
def deaf(path: str) -> str:
    """Wait until there is a file, or for ten seconds, and never ask whether to stop."""
    _append(f"{path}.runs", "x")
    for _ in range(500):
        if Path(path).exists():
            break
        _pause()
    return "heard nothing"


@task("sample.deaf_fail", retry_on=(RuntimeError,), backoff_s=60)
def deaf_fail(path: str) -> None:
    """Be deaf, then fail in a way that is worth another attempt, a minute later or half of it."""
    deaf(path)
    raise RuntimeError("not yet")


@task("sample.slow", timeout_s=0.5)
def slow(path: str, *, job: JobContext) -> int:
    """Hold, but not for long."""
    return hold(path, job=job)


@task("sample.slow_deaf", timeout_s=0.5)
def slow_deaf(path: str) -> str:
    """Be deaf, but not for long."""
    return deaf(path)


@task("sample.slow_once", timeout_s=0.3, max_attempts=2, retry_on=(TimeoutError,), backoff_s=0.05)
def slow_once(*, job: JobContext) -> int:
    """Take too long the first time."""
    while job.attempt == 1:
        job.checkpoint()
        _pause()
    return job.attempt


@task(
    "sample.flaky",
    retry_on=(ConnectionError,),
    never_retry=(ConnectionRefusedError,),
    backoff_s=0.05,
    backoff_cap_s=0.1,
)
def flaky(failures: int, kind: str = "reset", *, job: JobContext) -> int:
    """Fail so many times, then return the attempt."""
    if job.attempt <= failures:
        kinds = {
            "reset": ConnectionResetError,
            "refused": ConnectionRefusedError,
            "value": ValueError,
        }
        raise kinds[kind](f"failure {job.attempt}")
    return job.attempt


@task("sample.crash", max_attempts=2, backoff_s=0.05)
def crash(path: str) -> None:
    """End the whole process, not before it has told who submitted this: a poison job."""
    _append(f"{path}.runs", "x")
    threading.Event().wait(0.3)
    os._exit(7)


@task("sample.words")
def words(folder: str, *, job: JobContext) -> str:
    """Use every way to tell something."""
    job.log("plain")
    job.log("bytes \udcff and \x00 and é", level="warning")
    logging.getLogger("sample").warning("by logging %s", b"\xff\x00".decode("latin-1"))
    job.progress(1, 2, message="half")
    job.save_file("text.txt", "text é")
    job.save_file("data.bin", b"\x00\xff")
    source = Path(folder) / "source.csv"
    source.write_text("a,b\n")
    job.save_file("table.csv", source)
    job.progress(2, 2, message="done")
    return "told"


@task("sample.save")
def save(name: str, size: int, count: int = 1, *, job: JobContext) -> None:
    """Save files of this size."""
    for number in range(count):
        job.save_file(name if count == 1 else f"{number}-{name}", b"x" * size)


class UnprintableError(Exception):
    """An error that can't even say what it is."""

    def __str__(self) -> str:
        raise ValueError("no words")


@task("sample.unprintable")
def unprintable() -> None:
    """Raise an error whose text can't be had."""
    raise UnprintableError


@task("sample.alone", max_running=1, backoff_s=0.05)
def alone(path: str, *, job: JobContext) -> int:
    """Hold, one at a time."""
    return hold(path, job=job)


@task("sample.week", ttl_s=604_800)
def week() -> None:
    """End at once, and be kept for a week."""


@task("sample.brief", ttl_s=1)
def brief(folder: str, *, job: JobContext) -> str:
    """Leave an outcome, a line and a file that are kept for a second only."""
    job.log("soon gone")
    job.save_file("brief.txt", "soon gone")
    return "soon gone"


def _append(path: str, word: str) -> None:
    with Path(path).open("a") as file:
        file.write(f"{word}\n")


def _pause() -> None:
    threading.Event().wait(_CHECK_EVERY_S)


@task("sample.talk")
def talk(lines: int, size: int, *, job: JobContext) -> int:
    """Write so many lines of this length to the log, each at once."""
    for _ in range(lines):
        job.log("x" * size)
        job.flush()
    return lines


@task("sample.save_twice")
def save_twice(size: int, *, job: JobContext) -> int:
    """Save a file, and save it again."""
    for byte in (b"a", b"b"):
        job.save_file("same", byte * size)
    return size


@task("sample.hold_and_fail", max_attempts=1)
def hold_and_fail(path: str, message: str, *, job: JobContext) -> None:
    """Note the run beside the path, wait until there is a file, then raise what nobody expected."""
    hold.run(f'{{"path":"{path}"}}', job)
    raise RuntimeError(message)
