"""The command's exit codes, which are the outcome; every failure is also one line on stderr.

0 succeeded · 1 failed · 2 usage · 3 cancelled · 4 not logged in · 5 unavailable · 6 timed out ·
7 not written · 130 Ctrl-C · 141 broken pipe
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

import click

from gatehouse.protocol.rebuilding import is_time_out

EPILOG = (
    "Exit codes are the outcome: 0 succeeded, 1 failed (or not found, or expired), 2 usage or "
    "refused arguments, 3 cancelled, "
    "4 not logged in or not allowed, 5 service unavailable, 6 timed out: the job's own time was "
    "over, or --timeout was "
    "(the job goes on then), 7 stdout or a file can't be written."
)


class ExitCode(IntEnum):
    """The outcome of a command, for scripts."""

    SUCCEEDED = 0
    FAILED = 1
    USAGE = 2
    CANCELLED = 3
    NOT_LOGGED_IN = 4
    UNAVAILABLE = 5
    TIMED_OUT = 6
    NOT_WRITTEN = 7  # stdout or a file could not be written: the disk is full, say
    INTERRUPTED = 130  # 128 + SIGINT, as shells say it
    BROKEN_PIPE = 141  # 128 + SIGPIPE: the reader of the pipe has ended


class CommandFailed(click.ClickException):
    """Ends the command with one line on stderr and this code."""

    def __init__(self, message: str, *, code: ExitCode) -> None:
        super().__init__(message)
        self.code = code


def code_of_record(record: Mapping[str, Any]) -> ExitCode:
    """Return the exit code of a job that has ended,
    from its record or its line in a batch's results."""
    if record["status"] == "succeeded":
        return ExitCode.SUCCEEDED
    if record["status"] == "cancelled":
        return ExitCode.CANCELLED
    return ExitCode.TIMED_OUT if is_time_out(record.get("error") or {}) else ExitCode.FAILED
