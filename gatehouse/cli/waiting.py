"""Waiting for a job: a progress bar on a terminal, Ctrl-C that asks, and how to come back."""

import sys
from typing import TYPE_CHECKING

import click

from gatehouse.cli.exit_codes import CommandFailed, ExitCode, code_of_record
from gatehouse.cli.output import (
    TERMINAL_MAX_CHARACTERS,
    clean,
    is_conversation,
    is_terminal,
    put,
    put_json,
    say,
)
from gatehouse.cli.output import as_json as json_text
from gatehouse.errors import Conflict, WaitTimedOut

if TYPE_CHECKING:
    from gatehouse import Job, JobRecord

_LOOK_EVERY_S = 1.0


def wait_for_end(job: "Job", *, timeout_s: float | None) -> "JobRecord":
    """Return the job's record when it has ended.

    Ctrl-C asks a person whether to cancel the job; a second one, or the first where nobody can be
    asked, leaves it running. Raises CommandFailed when that happens, or after ``timeout_s``:
    it says how to come back.
    """
    is_cancelling = False
    while True:
        try:
            return _watch(job, timeout_s) if sys.stderr.isatty() else job.wait(timeout_s=timeout_s)
        except WaitTimedOut as error:
            raise CommandFailed(
                f"{error} Come back with: gatehouse watch {job.id}", code=ExitCode.TIMED_OUT
            ) from error
        except KeyboardInterrupt:
            if is_cancelling or not is_conversation():
                raise _left(job) from None
            if _wants_to_cancel(job):
                is_cancelling = True
                _cancel(job)


def show_end(record: "JobRecord", *, as_json: bool) -> ExitCode:
    """Print how a job ended, its result on stdout, and return the exit code."""
    code = code_of_record(record.raw)
    if as_json:
        put_json(record.raw)
    elif code is ExitCode.SUCCEEDED:
        _put_result(record)
    else:
        say(f"gatehouse: {describe_end(record)}")
    return code


def describe_end(record: "JobRecord") -> str:
    """Say in one line how a job ended without a result."""
    error = record.raw.get("error") or {}
    if record.status == "cancelled":
        return f"The job {record.id} was cancelled."
    return (
        f"The job {record.id} failed: {error.get('type', 'error')}: "
        f"{' '.join(str(error.get('message', '')).split())}"
    )


def _put_result(record: "JobRecord") -> None:
    result = record.result()
    text = json_text(result, indent=2 if is_terminal() else None)
    if is_terminal() and len(text) > TERMINAL_MAX_CHARACTERS:
        say(
            f"The result has {len(text):,} characters, too many for a terminal: gatehouse result "
            f"{record.id} -o FILE"
        )
    else:
        put(text)


def _watch(job: "Job", timeout_s: float | None) -> "JobRecord":
    """Show the job's progress until it ends."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.fields[status]}", markup=False), BarColumn(), TimeElapsedColumn())
    words = TextColumn("{task.fields[message]}", markup=False)
    with Progress(*columns, words, console=Console(stderr=True), transient=True) as bar:
        line = bar.add_task("", total=None, status="queued", message="")
        ends_at_s = None if timeout_s is None else bar.get_time() + timeout_s
        while True:
            record = job.refresh()
            progress = record.progress or {}
            message = clean(progress.get("message") or "")
            bar.update(
                line,
                total=progress.get("total"),
                completed=progress.get("done", 0),
                status=record.status,
                message=message,
            )
            if record.has_ended:
                return record
            left_s = _LOOK_EVERY_S if ends_at_s is None else ends_at_s - bar.get_time()
            if left_s <= 0:
                raise WaitTimedOut(
                    f"The job {record.id} is still {record.status} after "
                    f"{timeout_s:g} s; it goes on."
                )
            try:
                job.wait(timeout_s=min(left_s, _LOOK_EVERY_S))
            except WaitTimedOut:
                continue


def _wants_to_cancel(job: "Job") -> bool:
    try:
        say("")
        return click.confirm(
            "Cancel the job? (n: go on waiting, Ctrl-C: leave it running)", default=False, err=True
        )
    except click.Abort:
        say("")
        raise _left(job) from None


def _left(job: "Job") -> CommandFailed:
    return CommandFailed(
        f"The job goes on. Come back with: gatehouse watch {job.id}", code=ExitCode.INTERRUPTED
    )


def _cancel(job: "Job") -> None:
    try:
        job.cancel()
    except Conflict:  # it has just ended: its outcome is shown
        return
    say("Cancelling; Ctrl-C leaves without waiting for it to stop.")
