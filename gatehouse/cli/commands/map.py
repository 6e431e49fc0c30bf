"""``map``: a job for each line of a file, results as lines in the same order."""

import re
import sys
from codecs import BOM_UTF8
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gatehouse.cli.arguments import json_problem, load_json
from gatehouse.cli.command import LONG_PATIENCE_S, command, open_client
from gatehouse.cli.commands.completion import complete_task
from gatehouse.cli.commands.tasks import find_task
from gatehouse.cli.exit_codes import CommandFailed, ExitCode, code_of_record
from gatehouse.cli.output import is_conversation, put_json, say
from gatehouse.errors import InvalidRequest

if TYPE_CHECKING:
    from gatehouse import Batch, Client

BATCH = 1000
_LINE_MAX_BYTES = 1 << 20
_OF_ONE_SET = re.compile(r"^/arguments/(\d+)")


@command("map")
@click.argument("task", shell_complete=complete_task)
@click.argument("file", type=click.Path())
@click.option("--unordered", is_flag=True, help="Print results as they come.")
@click.option(
    "--json",
    "_as_json",
    is_flag=True,
    help="Accepted for uniformity: results are always JSON.",
    expose_value=False,
)
def map_task(task: str, file: str, unordered: bool) -> ExitCode:
    """Submit a job for each line of a file.

    Each line of FILE, or of stdin for -, is a JSON object of arguments for TASK. Prints a line of
    JSON for each: line, id, status, result, error. Submits a thousand lines at a time;
    exits with 1 if any failed.
    """
    outcomes = {ExitCode.SUCCEEDED}
    with open_client(patience_s=LONG_PATIENCE_S) as client:
        find_task(client, task)
        # a wrong line is found before anything is submitted; what is piped can be read once only
        if Path(file).is_file():
            for _ in _read(file):
                pass
        lines = _read(file)
        while chunk := list(islice(lines, BATCH)):
            numbers = [number for number, _ in chunk]
            try:
                batch = client.submit_batch(task, [arguments for _, arguments in chunk])
                outcomes |= _print_results(client, batch, numbers, unordered=unordered)
            except InvalidRequest as error:
                raise _named_by_line(error, numbers) from error
    return next(code for code in _WORST_FIRST if code in outcomes)


_WORST_FIRST = (ExitCode.FAILED, ExitCode.TIMED_OUT, ExitCode.CANCELLED, ExitCode.SUCCEEDED)


def _print_results(
    client: "Client", batch: "Batch", numbers: list[int], *, unordered: bool
) -> set[ExitCode]:
    """Print a line for each job, and return which outcomes there were. Ctrl-C may come while a
    reader lets us wait, too."""
    outcomes = set()
    try:
        for each in batch.results(order="completion" if unordered else "submission"):
            result = dict(each.raw)
            put_json({"line": numbers[result.pop("position")], **result})
            outcomes.add(code_of_record(result))
    except KeyboardInterrupt:
        _leave(client, batch)
    return outcomes


def _named_by_line(error: InvalidRequest, numbers: list[int]) -> InvalidRequest:
    """Return the error with lines of the file where it has numbers of this one request."""
    named = [
        replace(each, where=_OF_ONE_SET.sub(lambda m: f"line {numbers[int(m[1])]}, ", each.where))
        for each in error.problems
    ]
    if named == list(error.problems):
        return error
    message = f"Of lines {numbers[0]} to {numbers[-1]} nothing was submitted."
    return InvalidRequest(message, status=error.status, code=error.code, problems=named)


def _leave(client: "Client", batch: "Batch") -> None:
    """Ask whether to cancel what is left, where somebody can be asked;
    end the command in any case."""
    if is_conversation():
        say("")
        try:
            if click.confirm("Cancel the jobs that have not ended?", default=False, err=True):
                batch.cancel()
                raise CommandFailed("The jobs are cancelled", code=ExitCode.CANCELLED)
        except click.Abort:
            say("")
    results = f"{client.address}/api/batches/{batch.id}/results"
    raise CommandFailed(
        f"The jobs go on; their results will be at {results}", code=ExitCode.INTERRUPTED
    )


def _read(file: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield number and arguments of each line that is not empty.
    Raises click.UsageError naming the line."""
    with _opened(file) as stream:
        number = 0
        while line := stream.readline(_LINE_MAX_BYTES + 1):
            number += 1
            if not line.removeprefix(BOM_UTF8 if number == 1 else b"").strip():
                continue
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
                value = load_json(text) if len(line) <= _LINE_MAX_BYTES else None
            except ValueError as error:
                raise click.UsageError(
                    f"{file}, line {number} is not JSON: {json_problem(error)}"
                ) from error
            if not isinstance(value, dict):
                raise click.UsageError(
                    f"{file}, line {number} must be a JSON object of at most "
                    f"{_LINE_MAX_BYTES} bytes"
                )
            yield number, value


@contextmanager
def _opened(file: str) -> Iterator[Any]:
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        with Path(file).open("rb") as opened:
            yield opened
    except OSError as error:
        raise click.UsageError(f"{file} can't be read: {error.strerror}") from error
