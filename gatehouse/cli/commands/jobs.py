"""Commands about jobs that there are: ``jobs``, ``watch``, ``result``, ``cancel``, ``retry``."""

from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import click

from gatehouse.cli.command import (
    WholeNumber,
    command,
    job_argument,
    json_option,
    open_client,
    patience_for,
    timeout_option,
)
from gatehouse.cli.commands.completion import complete_task
from gatehouse.cli.exit_codes import CommandFailed, ExitCode
from gatehouse.cli.output import as_json as json_text
from gatehouse.cli.output import put, put_json, put_table, say
from gatehouse.cli.waiting import show_end, wait_for_end
from gatehouse.transport.downloads import Target

_STATUSES = ["queued", "running", "succeeded", "failed", "cancelled", "ended"]


@command("jobs")
@click.option("--status", type=click.Choice(_STATUSES))
@click.option("--task", metavar="NAME", shell_complete=complete_task)
@click.option(
    "--limit",
    type=WholeNumber(),
    default=20,
    show_default=True,
    metavar="N",
    help="The most jobs to list.",
)
@json_option
def jobs(status: str | None, task: str | None, limit: int, as_json: bool) -> None:
    """List your jobs, newest first."""
    with open_client() as client:
        records = (job.record for job in islice(client.jobs(status=status, task=task), limit))
        if as_json:
            for record in records:
                put_json(record.raw)
            return
        rows = [
            (each.id, each.task, each.status, _how_far(each.progress), each.raw["submitted_at"])
            for each in records
        ]
    put_table(("id", "task", "status", "progress", "submitted"), rows)


@command("watch")
@job_argument
@timeout_option
@json_option
def watch(job_id: str, timeout_s: float | None, as_json: bool) -> ExitCode:
    """Follow a job to its end and print its result."""
    with open_client(patience_s=patience_for(timeout_s)) as client:
        return show_end(wait_for_end(client.job(job_id), timeout_s=timeout_s), as_json=as_json)


@command("result")
@job_argument
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Write the result into this file.",
)
@timeout_option
@json_option
def result(job_id: str, output: str | None, timeout_s: float | None, as_json: bool) -> ExitCode:
    """Print a job's result as JSON, once it has ended."""
    with open_client(patience_s=patience_for(timeout_s)) as client:
        record = wait_for_end(client.job(job_id), timeout_s=timeout_s)
    is_there = record.status == "succeeded"
    if output is None or not is_there:
        return show_end(record, as_json=as_json and not is_there)
    _write(output, f"{json_text(record.result())}\n")
    say(f"Written to {output}.")
    return ExitCode.SUCCEEDED


@command("cancel")
@job_argument
@json_option
def cancel(job_id: str, as_json: bool) -> None:
    """Cancel a job.

    One that runs stops as soon as its task lets it.
    """
    with open_client() as client:
        record = client.job(job_id).cancel()
    if as_json:
        put_json(record.raw)
    else:
        put("cancelled" if record.status == "cancelled" else "cancel requested")


@command("retry")
@job_argument
@json_option
def retry(job_id: str, as_json: bool) -> None:
    """Queue a failed or cancelled job again."""
    with open_client() as client:
        record = client.job(job_id).retry()
    if as_json:
        put_json(record.raw)
    else:
        put(record.status)
    say(f"Follow it with: gatehouse watch {record.id}")


def _how_far(progress: Mapping[str, Any] | None) -> str:
    if not progress or not progress.get("total"):
        return ""
    return f"{progress.get('done', 0)}/{progress['total']}"


def _write(path: str, text: str) -> None:
    """Write the file, whole or not at all."""
    try:
        with Target(path, name=Path(path).name).open() as opened:
            opened.write(text.encode())
    except OSError as error:
        raise CommandFailed(
            f"{path} can't be written: {error.strerror or error}", code=ExitCode.NOT_WRITTEN
        ) from error
