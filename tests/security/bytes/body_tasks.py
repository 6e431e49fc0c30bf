"""Tasks whose arguments can be large, for tests of what a wrong body costs. None is ever run."""

from pydantic import BaseModel, ConfigDict

from flask_api.jobs.tasks.task import task


class Part(BaseModel):
    """A nested object that refuses unknown members."""

    model_config = ConfigDict(extra="forbid")

    size: int = 1


@task("body.large")
def large(
    numbers: list[int] | None = None,
    grid: list[list[int]] | None = None,
    named: dict[str, int] | None = None,
    part: Part | None = None,
    either: list[int] | list[bool] | None = None,
) -> int:
    """Take what can be large."""
    return sum(map(bool, (numbers, grid, named, part, either)))
