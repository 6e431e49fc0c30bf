"""Tasks for the tests of the pages: one with every kind of argument, a slow one, a hostile one."""

import datetime as dt
import time
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from flask_api.jobs.errors import TaskError
from flask_api.jobs.tasks.context import JobContext
from flask_api.jobs.tasks.input_file import InputFile
from flask_api.jobs.tasks.task import task

# Markup, a terminal's escape, and an override of the text's direction.
HOSTILE = '<img src=x onerror="alert(1)"><script>alert(2)</script> \x1b[31mred\x1b[0m \u202egnp.exe'
_TICK_S = 0.05


class Options(BaseModel):
    """How it is done."""

    depth: Annotated[int, Field(ge=1, le=9, description="levels")] = 2
    note: str = ""


@task("forms.everything")
def everything(
    word: Annotated[str, Field(min_length=2, pattern="^[a-z]+$", description="lower case")],
    number: Annotated[int, Field(ge=1, le=10)],
    ratio: float = 0.5,
    colour: Literal["red", "green", "blue"] = "green",
    is_loud: bool = False,
    day: dt.date | None = None,
    at: dt.datetime | None = None,
    pages: Annotated[list[str], Field(max_length=3, description="URLs")] = [],  # noqa: B006  # copied by pydantic
    options: Options | None = None,
    weights: dict[str, float] = {},  # noqa: B006
    attachment: InputFile | None = None,
    more: list[InputFile] = [],  # noqa: B006
) -> dict[str, Any]:
    """Take one of everything.

    Nothing is done with it: ``number`` and the rest come back as they were read.
    """
    return {
        "word": word,
        "number": number,
        "ratio": ratio,
        "colour": colour,
        "is_loud": is_loud,
        "day": None if day is None else day.isoformat(),
        "at": None if at is None else at.isoformat(),
        "pages": pages,
        "options": None if options is None else options.model_dump(),
        "weights": weights,
        "attachment": None if attachment is None else attachment.name,
        "more": [each.name for each in more],
    }


@task("forms.slow")
def slow(steps: Annotated[int, Field(ge=1, le=10_000)] = 40, *, job: JobContext) -> int:
    """Count slowly, and say so."""
    for number in range(steps):
        job.progress(number, steps, message=f"step {number}")
        job.log(f"step {number}")
        time.sleep(_TICK_S)
    return steps


@task("forms.wait")
def wait(path: str, *, job: JobContext) -> str:
    """Report once, then wait for a file to be there."""
    job.progress(1, 4, message="waits")
    while not Path(path).exists():
        job.checkpoint()
        time.sleep(_TICK_S)
    return "done"


@task("forms.chart")
def chart(text: str = "a", *, job: JobContext) -> dict[str, Any]:
    """Draw each kind of chart; one is wrong, and one has a name that is hostile."""
    wrong = {**job.chart("bars", {"a": 1}), "href": "https://evil.example/"}
    return {
        "bars": job.chart("bars", {text: 3, "Python": 1200, "C": 400}, title=text, y="bytes"),
        "lines": job.chart(
            "lines", {"up": [(n, n * n) for n in range(9)], "down": [(n, 64 - n) for n in range(9)]}
        ),
        "scatter": job.chart("scatter", [(n % 7, n % 5) for n in range(40)], x="seven", y="five"),
        "histogram": job.chart("histogram", [(n * n) % 97 for n in range(300)]),
        "wrong": wrong,
    }


@task("forms.hostile")
def hostile(text: str, *, job: JobContext) -> list[dict[str, str]]:
    """Say and return what is hostile."""
    job.progress(1, 2, message=text)
    job.log(text, level="warning")
    job.save_file("hostile.html", text.encode())
    return [{"column": text, text: "value"}]


@task("forms.refuse", max_attempts=1)
def refuse(text: str) -> None:
    """Fail with these words."""
    raise TaskError(text)


@task("forms.table")
def table(rows: Annotated[int, Field(ge=1, le=1000)] = 12) -> list[dict[str, Any]]:
    """Return a table."""
    return [
        {"number": number, "name": f"n{(number * 7) % rows}", "even": number % 2 == 0}
        for number in range(rows)
    ]


@task("forms.chatty")
def chatty(lines: Annotated[int, Field(ge=1, le=10_000)] = 100, *, job: JobContext) -> int:
    """Say so many lines, a few hundred each second."""
    for number in range(lines):
        job.log(f"line {number}")
        time.sleep(_TICK_S / 20)
    return lines
