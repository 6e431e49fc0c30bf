"""``files``: what a job's task kept, listed or written here."""

from pathlib import Path

import click

from gatehouse.cli.command import command, job_argument, json_option, open_client
from gatehouse.cli.exit_codes import CommandFailed, ExitCode
from gatehouse.cli.output import put_json, put_table, say


@command("files")
@job_argument
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--all", "wants_all", is_flag=True, help="Write all of them.")
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    default=".",
    show_default=True,
    help="The folder, or for one file its path.",
)
@json_option
def files(job_id: str, names: tuple[str, ...], wants_all: bool, output: str, as_json: bool) -> None:
    """List a job's files, or write them here.

    Writes those called NAME, or --all; a file of the same name is replaced.
    """
    if names and wants_all:
        raise click.UsageError("give names or --all, not both")
    with open_client() as client:
        job = client.job(job_id)
        kept = {file.name: file for file in job.record.files}
        if not (names or wants_all):
            if as_json:
                for file in kept.values():
                    put_json({"name": file.name, "size": file.size, "media_type": file.media_type})
            else:
                put_table(
                    ("name", "bytes", "type"),
                    ((file.name, file.size, file.media_type) for file in kept.values()),
                )
            return
        wanted = list(kept) if wants_all else list(names)
        target = _folder(output) if wants_all or len(wanted) > 1 else Path(output)
        for name in wanted:
            if name not in kept:
                raise CommandFailed(
                    f"The job has no file {name!r}; it has: {', '.join(kept) or 'none'}",
                    code=ExitCode.FAILED,
                )
        for name in wanted:
            try:
                path = job.download(name, target)
            except (OSError, ValueError) as error:
                raise CommandFailed(
                    f"{name} can't be written to {target}: {error}", code=ExitCode.NOT_WRITTEN
                ) from error
            if as_json:
                put_json({"name": name, "path": str(path)})
            say(f"Written to {path}.")


def _folder(path: str) -> Path:
    """Return the folder, made if need be."""
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandFailed(
            f"{path} can't be made a folder: {error.strerror}", code=ExitCode.NOT_WRITTEN
        ) from error
    return folder
