"""Tasks for the tests of the client, beside those of tests.integration.engine.sample_tasks."""

import json
from pathlib import Path
from typing import Annotated

from pydantic import Field

from flask_api.jobs.tasks.task import task


@task("client.join")
def join(first: str, second: str = "b", *, third: str = "c") -> str:
    """Join three words: what tells the order of parameters."""
    return f"{first}-{second}-{third}"


@task("client.square")
def square(number: Annotated[int, Field(ge=0)]) -> int:
    """Square a number that is not negative."""
    return number * number


@task("client.read_json", max_attempts=1)
def read_json(text: str) -> None:
    """Raise an error of a library whose base is built in."""
    json.loads(text)


@task("client.open", max_attempts=1)
def open_file(path: str) -> None:
    """Raise an OSError with a number."""
    Path(path).open().close()


@task("client.raise_value", max_attempts=1)
def raise_value(message: str) -> None:
    """Raise a built-in error."""
    raise ValueError(message)
