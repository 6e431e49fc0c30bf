"""The command itself: its table of commands,
and how each failure becomes one line and an exit code."""

import errno
import os
import sys
import traceback
from collections.abc import Mapping
from io import TextIOWrapper
from typing import Any

import click
from click.exceptions import NoArgsIsHelpError

from gatehouse import errors
from gatehouse.cli.closed_streams import stand_in_for_closed
from gatehouse.cli.command import CliGroup, RunOptions
from gatehouse.cli.commands.completion import completion
from gatehouse.cli.commands.delete import delete, usage
from gatehouse.cli.commands.files import files
from gatehouse.cli.commands.jobs import cancel, jobs, result, retry, watch
from gatehouse.cli.commands.keys import keys
from gatehouse.cli.commands.log import log
from gatehouse.cli.commands.login import login, logout, whoami
from gatehouse.cli.commands.map import map_task
from gatehouse.cli.commands.new import new
from gatehouse.cli.commands.share import share, shares
from gatehouse.cli.commands.submit import submit
from gatehouse.cli.commands.tasks import tasks
from gatehouse.cli.commands.worker import worker
from gatehouse.cli.exit_codes import EPILOG, CommandFailed, ExitCode
from gatehouse.cli.output import put, say, say_lines
from gatehouse.installed import installed_version

# The first that fits counts. What is not here is a fault of ours.
_CODES: Mapping[type[errors.GatehouseError], ExitCode] = {
    errors.BadProxy: ExitCode.USAGE,
    errors.ConfigurationError: ExitCode.NOT_LOGGED_IN,
    errors.NotLoggedIn: ExitCode.NOT_LOGGED_IN,
    errors.Forbidden: ExitCode.NOT_LOGGED_IN,
    errors.InvalidRequest: ExitCode.USAGE,
    errors.TooManyRequests: ExitCode.UNAVAILABLE,
    errors.QuotaExceeded: ExitCode.UNAVAILABLE,
    errors.ServerError: ExitCode.UNAVAILABLE,
    errors.Unavailable: ExitCode.UNAVAILABLE,
    errors.BadAnswer: ExitCode.UNAVAILABLE,
    errors.WaitTimedOut: ExitCode.TIMED_OUT,
    errors.GatehouseError: ExitCode.FAILED,
}


# No room, a broken disk, or nothing open there.
_NOT_WRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})


class Root(CliGroup):
    """The group of all commands. click ends the process quietly with 1 when a pipe breaks:
    that would mean 'failed'."""

    def invoke(self, context: click.Context) -> Any:
        """Run the command; raises Piped when nobody reads its output any more."""
        try:
            outcome = super().invoke(context)
            sys.stdout.flush()
        except BrokenPipeError as error:
            raise Piped from error
        return outcome


class Piped(Exception):
    """The reader of our output has gone: ``gatehouse jobs | head -1``."""


def _show_version(context: click.Context, _parameter: click.Parameter, is_wanted: bool) -> None:
    if is_wanted and not context.resilient_parsing:
        put(f"gatehouse, version {installed_version()}")
        context.exit()


@click.group(
    cls=Root,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version.",
)
def cli() -> None:
    """Run tasks on a Gatehouse service and follow their jobs.

    Results go to stdout, everything else to stderr. Begin with: gatehouse login ADDRESS
    """


for _each in (
    login, logout, whoami, tasks, submit, map_task, jobs, watch, log, result, files, cancel, retry,
    delete, usage, share, shares, keys, new, worker, completion
):  # fmt: skip
    cli.add_command(_each)


def main() -> int:
    """Run the command of this process and return its exit code."""
    options = RunOptions()
    stand_in_for_closed()
    if isinstance(sys.stdout, TextIOWrapper):
        # a terminal that can't show é still gets the rest
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        outcome = cli.main(prog_name="gatehouse", standalone_mode=False, obj=options)
    except Piped:
        _drop_output()
        return ExitCode.BROKEN_PIPE
    except Exception as error:
        if options.is_debugging:
            traceback.print_exc()
        return _tell(error)
    return outcome if isinstance(outcome, int) else ExitCode.SUCCEEDED


def _drop_output() -> None:
    """Forget what is buffered: it would fail once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _tell(error: Exception) -> int:
    # commands that write files say so themselves
    if isinstance(error, OSError) and error.errno in _NOT_WRITABLE:
        _drop_output()
        say(f"gatehouse: stdout can't be written: {error.strerror}")
        return ExitCode.NOT_WRITTEN
    if isinstance(error, click.Abort):
        return ExitCode.INTERRUPTED
    # a group without a command: its message is the whole help
    if isinstance(error, NoArgsIsHelpError):
        say_lines(error.format_message())
        return ExitCode.USAGE
    if isinstance(error, click.UsageError):
        where = error.ctx.command_path if error.ctx else "gatehouse"
        say(f"gatehouse: {_one_line(error.format_message())} (see {where} --help)")
        return ExitCode.USAGE
    if isinstance(error, click.ClickException):
        say(f"gatehouse: {_one_line(error.format_message())}")
        return error.code if isinstance(error, CommandFailed) else ExitCode.USAGE
    if isinstance(error, errors.GatehouseError):
        say(f"gatehouse: {_one_line(error.message)}{_advice(error)}")
        return next(code for kind, code in _CODES.items() if isinstance(error, kind))
    say(
        f"gatehouse: unexpected {type(error).__name__}: {_one_line(str(error))} (--debug shows "
        "where)"
    )
    return ExitCode.FAILED


def _advice(error: errors.GatehouseError) -> str:
    if isinstance(error, errors.NotLoggedIn):
        return " The key may be wrong, expired or revoked: gatehouse login ADDRESS makes a new one."
    if isinstance(error, errors.QuotaExceeded):
        return " See: gatehouse usage, gatehouse delete --help"
    return (
        f" (error id {error.error_id})"
        if isinstance(error, errors.ServerError) and error.error_id
        else ""
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())
