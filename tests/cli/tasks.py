"""Tasks for tests of the command: every kind of parameter,
and words that a terminal should not obey."""

from typing import Annotated, Any, Literal

from pydantic import Field

from flask_api.jobs.tasks.context import JobContext
from flask_api.jobs.tasks.input_file import InputFile
from flask_api.jobs.tasks.task import task

EVIL = "\x1b]0;owned\x07\x1b[31mred\x9b2J\u202egnp"


@task("cli.kinds")
def kinds(
    count: Annotated[int, Field(ge=0, description="How many.")],
    share: float = 0.5,
    is_loud: bool = False,
    colour: Literal["red", "green"] = "red",
    names: list[str] | None = None,
    sizes: list[int] = [],  # noqa: B006  # pydantic copies it
    options: dict[str, int] = {},  # noqa: B006
    wait: str = "",
    anything: Any = None,
) -> dict[str, Any]:
    """Return what was given."""
    return dict(locals())


@task("cli.either", at_least_one_of=("names", "leader"))
def either(names: tuple[str, ...] = (), leader: str | None = None) -> int:
    """Count who was named."""
    return len(names) + (leader is not None)


@task("cli.evil")
def evil(*, job: JobContext) -> str:
    """Say what would take a terminal over, in every way."""
    job.log(EVIL)
    job.progress(1, 2, message=EVIL)
    job.save_file("plain.txt", "plain")
    return EVIL


@task("cli.read")
def read(file: InputFile) -> str:
    """Return what a file says."""
    with file.open() as stream:
        return f"{file.name}: {stream.read().decode()}"


@task("cli.late", timeout_s=0.2, max_attempts=1)
def late(*, job: JobContext) -> None:
    """Take longer than allowed."""
    while True:
        job.checkpoint()
