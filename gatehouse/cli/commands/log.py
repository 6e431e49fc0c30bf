"""``log``: what a job's task said, and with ``-f`` what it goes on to say."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from gatehouse.cli.command import LONG_PATIENCE_S, command, job_argument, json_option, open_client
from gatehouse.cli.exit_codes import CommandFailed, ExitCode, code_of_record
from gatehouse.cli.output import clean, put, put_json
from gatehouse.errors import WaitTimedOut

if TYPE_CHECKING:
    from gatehouse import Job

Line = Mapping[str, Any]

_LOOK_EVERY_S = 1.0


@command("log")
@job_argument
@click.option(
    "-f",
    "--follow",
    is_flag=True,
    help="Follow the log until the job ends; the exit code is its outcome then.",
)
@json_option
def log(job_id: str, follow: bool, as_json: bool) -> ExitCode:
    """Print a job's log, and follow it with -f."""
    with open_client(patience_s=LONG_PATIENCE_S) as client:
        job = client.job(job_id)
        try:
            for line in _lines(job) if follow else job.log():
                _put(line, as_json=as_json)
        except KeyboardInterrupt:
            message = f"The job goes on. Come back with: gatehouse log -f {job.id}"
            raise CommandFailed(message, code=ExitCode.INTERRUPTED) from None
    return code_of_record(job.record.raw) if follow else ExitCode.SUCCEEDED


def _put(line: Line, *, as_json: bool) -> None:
    if as_json:
        put_json(line)
    else:
        put(clean(f"{line.get('at', '')} {line.get('level', '')} {line.get('message', '')}"))


def _lines(job: "Job") -> Iterator[Line]:
    """Yield the lines as they come, until the job has ended."""
    seen: Sequence[Line] = []
    while True:
        has_ended = job.record.has_ended  # asked before the lines: none comes after the end
        lines = job.log()
        yield from lines[overlap(seen, lines) :]
        if has_ended:
            return
        seen = lines
        try:
            job.wait(timeout_s=_LOOK_EVERY_S)
        except WaitTimedOut:
            continue


def overlap(before: Sequence[Line], now: Sequence[Line]) -> int:
    """Return how many lines of ``now`` were there before:
    the service keeps the last ones only, so the first may be gone."""
    for gone in range(len(before) + 1):
        if list(before[gone:]) == list(now[: len(before) - gone]):
            return len(before) - gone
    return 0
