"""What every command of ``gatehouse`` shares:
``--debug`` wherever it stands, ``--json``, and the client."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from gatehouse import Client

PATIENCE_S = 2.0  # a person is waiting: they should learn soon that the service is away
LONG_PATIENCE_S = 60.0  # while waiting for a job a restart of the service is waited for, too


FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


class WholeNumber(click.IntRange):
    """A number from 1 on. click's own name for it, in its errors, is "integer range"."""

    name = "integer"

    def __init__(self) -> None:
        super().__init__(min=1)


def patience_for(timeout_s: float | None) -> float:
    """Return how long a service that is away is waited for, while waiting for a job."""
    return (
        LONG_PATIENCE_S if timeout_s is None else min(LONG_PATIENCE_S, max(PATIENCE_S, timeout_s))
    )


@dataclass
class RunOptions:
    """The options of this run that hold for every command."""

    is_debugging: bool = False


def _begin_debugging(context: click.Context, _parameter: click.Parameter, is_wanted: bool) -> None:
    if is_wanted and isinstance(context.obj, RunOptions):
        context.obj.is_debugging = True


def debug_option() -> click.Option:
    """Return the option that lets a failure show its traceback."""
    return click.Option(
        ["--debug"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_begin_debugging,
        help="Show tracebacks.",
    )


class CliCommand(click.Command):
    """A command that takes ``--debug``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(debug_option())


class CliGroup(click.Group):
    """A group of such commands."""

    command_class = CliCommand

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(debug_option())


def command(name: str) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a command of a function, as click does; what it returns is the exit code, None for 0."""
    return click.command(name, cls=CliCommand)


def json_option(function: FunctionT) -> FunctionT:
    """Add ``--json``: stdout holds JSON, one value on each line, and nothing else."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, one value a line.")(
        function
    )


def timeout_option(function: FunctionT) -> FunctionT:
    """Add ``--timeout``: how long to wait for a job, in seconds."""
    return click.option(
        "--timeout",
        "timeout_s",
        type=click.FloatRange(min=0),
        metavar="SECONDS",
        help="Wait at most this long, then exit with 6.",
    )(function)


def job_argument(function: FunctionT) -> FunctionT:
    """Add the argument ID, a job's; an invalid one is refused without asking the service."""
    decorate = click.argument(
        "job_id",
        metavar="ID",
        type=click.UUID,
        callback=lambda _context, _parameter, value: str(value),
    )
    return decorate(function)


def open_client(*, patience_s: float = PATIENCE_S) -> "Client":
    """Return a client for the service that this person is logged in at; close it.
    Raises ConfigurationError."""
    from gatehouse import Client

    return Client(patience_s=patience_s)
