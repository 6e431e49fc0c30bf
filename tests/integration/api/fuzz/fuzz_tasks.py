"""Tasks for fuzzing the API: quick, harmless, and with arguments of many shapes."""

import threading
import time
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from flask_api.jobs.errors import TaskError
from flask_api.jobs.tasks.context import JobContext
from flask_api.jobs.tasks.task import task


class Colour(StrEnum):
    """A choice."""

    RED = "red"
    BLUE = "blue"


class Point(BaseModel):
    """A nested argument that refers to itself."""

    x: int
    y: float = 0
    inside: list["Point"] = []


@task("fuzz.shapes")
def shapes(
    text: Annotated[str, Field(max_length=50)],
    number: Annotated[int, Field(ge=-5, lt=10)] = 1,
    colour: Colour = Colour.RED,
    points: Annotated[list[Point], Field(max_length=3)] | None = None,
    mode: Literal["fast", "slow"] | bool = "fast",
    table: dict[str, int | None] = {},  # noqa: B006  # pydantic copies it
) -> dict[str, str | int]:
    """Take all kinds of arguments."""
    return {
        "text": text,
        "number": number,
        "colour": colour,
        "points": len(points or ()),
        "mode": str(mode),
        "rows": len(table),
    }


@task("fuzz.words")
def words(count: Annotated[int, Field(ge=0, le=3)] = 1, *, job: JobContext) -> list[str]:
    """Leave progress, log lines and files."""
    for number in range(count):
        job.log(f"line {number}")
        job.save_file(f"{number}.txt", "text")
        job.progress(number + 1, count)
    return ["word"] * count


@task("fuzz.either", at_least_one_of=("names", "leader"))
def either(
    names: Annotated[tuple[Annotated[str, Field(max_length=20)], ...], Field(max_length=3)] = (),
    leader: Annotated[str, Field(max_length=20)] | None = None,
) -> int:
    """Count who was named."""
    return len(names) + (leader is not None)


@task("fuzz.refuse", max_attempts=1)
def refuse(reason: Annotated[str, Field(max_length=20)] = "no") -> None:
    """Fail, as its owner should read."""
    raise TaskError(reason)


@task("fuzz.last", max_attempts=1)
def last(seconds: Annotated[float, Field(ge=0, le=0.5)] = 0.5, *, job: JobContext) -> float:
    """Take a while, willing to stop."""
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        job.checkpoint()
        threading.Event().wait(0.05)
    return seconds
