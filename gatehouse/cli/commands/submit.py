"""``submit``: a command for each task, with options made from its schema."""

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gatehouse.cli.arguments import Parameters, load_json
from gatehouse.cli.command import CliCommand, CliGroup, open_client, patience_for
from gatehouse.cli.commands.completion import known_tasks
from gatehouse.cli.commands.tasks import find_task
from gatehouse.cli.exit_codes import EPILOG, ExitCode
from gatehouse.cli.output import as_json as json_text
from gatehouse.cli.output import clean, is_conversation, put, put_json, say
from gatehouse.cli.waiting import show_end, wait_for_end

if TYPE_CHECKING:
    from gatehouse import Client

_HELP = """Submit a job, and wait for it with --wait.

    Prints the job's id, or with --wait or --timeout its result.

    \b
    gatehouse submit primes.sum limit=1000000 --wait
    gatehouse submit primes.sum --limit 1000000 --wait
    gatehouse submit primes.check numbers=91 numbers=97
    gatehouse submit text.word_count file=@book.txt
    gatehouse submit primes.sum @arguments.json

    gatehouse tasks lists the tasks; gatehouse submit TASK --help shows one's parameters.
    """
# With or without hyphens, as the service reads it.
_UUID = re.compile(r"\s*(urn:uuid:)?\{?[0-9a-fA-F-]{32,36}\}?\s*")
_FILE_MAX_BYTES = 16 << 20
_PREFIX = "argument_"  # keeps a parameter called wait apart from --wait


def _own_options() -> list[click.Parameter]:
    return [
        click.Option(
            ["-w", "--wait", "wants_to_wait"],
            is_flag=True,
            help="Wait for the end; the exit code is the outcome.",
        ),
        click.Option(
            ["--timeout", "timeout_s"],
            type=click.FloatRange(min=0),
            metavar="SECONDS",
            help="Wait for the end, at most this long.",
        ),
        click.Option(["--priority"], type=click.Choice(["low", "normal", "high"])),
        click.Option(
            ["--delay", "delay_s"],
            type=click.FloatRange(min=0),
            metavar="SECONDS",
            help="Start the job this much later.",
        ),
        click.Option(["--json", "as_json"], is_flag=True, help="Print the job's record as JSON."),
    ]


_OWN = frozenset(option.name for option in _own_options())


class TaskGroup(CliGroup):
    """Has a command for each task of the service;
    its own options may stand before the task's name too."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the tasks, as far as they are known without waiting."""
        del ctx
        return [task["name"] for task in known_tasks()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Make the command of a task. Raises what asking the service raises,
        or click.UsageError for an unknown task."""
        if ctx.resilient_parsing:  # a shell completes the line
            found = next((task for task in known_tasks() if task["name"] == cmd_name), None)
            return None if found is None else _command_of(None, found)
        client = ctx.find_root().with_resource(open_client())
        return _command_of(client, find_task(client, cmd_name).raw)


submit = TaskGroup(
    "submit",
    params=_own_options(),
    help=_HELP,
    epilog=EPILOG,
    subcommand_metavar="TASK [NAME=VALUE]...",
)


def _command_of(client: "Client | None", task: Mapping[str, Any]) -> click.Command:
    parameters = Parameters(task["arguments_schema"])
    own = _own_options()
    taken = {flag for option in own for flag in option.opts} | {"--help", "--debug"}
    options: list[click.Parameter] = []
    for name in parameters.schemas:
        flag = f"--{name.replace('_', '-')}"
        if name.isidentifier() and flag not in taken:  # the others are given as name=value
            options.append(_option(parameters, name, flag))
    words = click.Argument(["words"], nargs=-1, metavar="[NAME=VALUE]...")

    def submit_job(**given: Any) -> ExitCode:
        if client is None:  # a shell completes the line: nothing is submitted
            return ExitCode.SUCCEEDED
        return _submit(client, task["name"], parameters, given)

    help_text = clean(task["summary"])
    return CliCommand(
        task["name"],
        params=[words, *options, *own],
        callback=submit_job,
        help=help_text,
        epilog=EPILOG,
    )


def _option(parameters: Parameters, name: str, flag: str) -> click.Option:
    """Make the option of a parameter. The service requires what is required:
    it may come from a file."""
    schema = parameters.schemas[name]
    described = clean(parameters.explain(schema))
    need = parameters.need(name) or f"default: {json_text(schema.get('default'))}"
    words = f"{described}  [{need}]".strip()
    if parameters.types(schema) == ["boolean"]:
        return click.Option(
            [f"{flag}/--no-{flag[2:]}", f"{_PREFIX}{name}"], default=None, help=words
        )
    metavar = clean(parameters.describe(schema))
    return click.Option([flag, f"{_PREFIX}{name}"], multiple=True, metavar=metavar, help=words)


def _submit(
    client: "Client", task: str, parameters: Parameters, given: Mapping[str, Any]
) -> ExitCode:
    before = click.get_current_context().parent
    own = {
        name: _first_given(given[name], before.params[name] if before else None)
        for name in given
        if name in _OWN
    }
    arguments = _arguments(client, parameters, given)
    job = client.submit(task, arguments, priority=own["priority"], delay_s=own["delay_s"])
    if own["wants_to_wait"] or own["timeout_s"] is not None:
        client.patience_s = patience_for(own["timeout_s"])
        return show_end(wait_for_end(job, timeout_s=own["timeout_s"]), as_json=bool(own["as_json"]))
    if own["as_json"]:
        put_json(job.record.raw)
    else:
        put(job.id)
    if is_conversation():
        say(f"Follow it with: gatehouse watch {job.id}")
    return ExitCode.SUCCEEDED


def _first_given(after: Any, before: Any) -> Any:
    """Return the value of an option that may stand behind the task's name and before it: 0 is one
    that was given, a flag's False is not."""
    return before if after is None or after is False else after


def _arguments(
    client: "Client", parameters: Parameters, given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments that the words and options give; a later word stands over the file's."""
    from_file: dict[str, Any] = {}
    pairs = list(_pairs_of_options(given))
    for word in given["words"]:
        if word.startswith("@"):
            from_file |= read_arguments(word[1:])
            continue
        name, is_there, value = word.partition("=")
        if not is_there:
            raise click.UsageError(f"{word[:100]!r} must be NAME=VALUE, --NAME VALUE or @FILE")
        pairs.append((name, value))
    for name in from_file:
        parameters.check_name(name)
    arguments = from_file | parameters.read(pairs)
    missing = [
        name for name in parameters.schemas if name in parameters.required and name not in arguments
    ]
    if missing:
        raise click.UsageError(f"The task needs {', '.join(missing)}")
    if parameters.alternatives and arguments.keys().isdisjoint(parameters.alternatives):
        raise click.UsageError(f"The task needs {' or '.join(parameters.alternatives)}")
    files = {name for name, _ in pairs if parameters.is_file(name)}
    _require_uploads(parameters, {name: arguments[name] for name in files})
    return {
        name: _uploaded(client, name, value) if name in files else value
        for name, value in arguments.items()
    }


def _pairs_of_options(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for identifier, value in given.items():
        if identifier.startswith(_PREFIX) and value is not None:
            for each in [json_text(value)] if isinstance(value, bool) else value:
                yield identifier.removeprefix(_PREFIX), each


def _require_uploads(parameters: Parameters, files: Mapping[str, Any]) -> None:
    """Raise click.UsageError for a path without its ``@``:
    where only a file is accepted, other words are ids of uploads."""
    for name, value in files.items():
        if parameters.describe(parameters.schemas[name]).removesuffix("...") != "@file":
            continue
        for word in value if isinstance(value, list) else [value]:
            if isinstance(word, str) and not word.startswith("@") and not _UUID.fullmatch(word):
                short = word[:100]
                raise click.UsageError(
                    f"{name}: {short!r} is not the id of an upload; to upload a "
                    f"file: {name}=@{short}"
                )


def _uploaded(client: "Client", name: str, value: Any) -> Any:
    """Send the files that ``@path`` names and put their ids there."""
    if isinstance(value, list):
        return [_uploaded(client, name, each) for each in value]
    if not isinstance(value, str) or not value.startswith("@"):
        return value
    path = value[1:]
    try:
        return client.upload(sys.stdin.buffer if path == "-" else path).id
    except OSError as error:
        raise click.UsageError(
            f"{name}: {path} can't be read: {error.strerror or error}"
        ) from error


def read_arguments(path: str) -> dict[str, Any]:
    """Return the JSON object that a file, or stdin for ``-``, holds. Raises click.UsageError."""
    try:
        if path == "-":
            text = sys.stdin.buffer.read(_FILE_MAX_BYTES + 1)
        else:
            with Path(path).open("rb") as opened:
                text = opened.read(_FILE_MAX_BYTES + 1)
        value = load_json(text.decode("utf-8-sig")) if len(text) <= _FILE_MAX_BYTES else None
    except OSError as error:
        raise click.UsageError(f"{path} can't be read: {error.strerror}") from error
    except ValueError as error:
        raise click.UsageError(f"{path} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise click.UsageError(
            f"{path} must hold one JSON object of at most {_FILE_MAX_BYTES} bytes"
        )
    return value
