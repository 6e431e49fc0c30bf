"""The check of large arguments: it accepts what the usual one accepts,
and ends at the first wrong item of a list."""

from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from flask_api.jobs.errors import InvalidArguments
from flask_api.jobs.tasks.task import LARGE_BYTES, MAX_PROBLEMS, task


class Strict(BaseModel):
    """Refuses members that it does not have."""

    model_config = ConfigDict(extra="forbid")

    size: int = 1


class Lenient(BaseModel):
    """Ignores them, as pydantic does by default."""

    size: int = 1


@task("sample.large")
def large(
    numbers: list[int] | None = None,
    grid: list[list[int]] | None = None,
    named: dict[str, int] | None = None,
    strict: Strict | None = None,
    lenient: Lenient | None = None,
    either: list[int] | list[str] | None = None,
    text: str = "",
) -> int:
    """Take what can be large."""
    return len([each for each in (numbers, grid, named, strict, lenient, either, text) if each])


MANY = LARGE_BYTES // 2
NAMES = {f"name{number}": 1 for number in range(MANY)}


@pytest.mark.parametrize(
    ("arguments", "pointer"),
    [
        ({"numbers": [1] * MANY + ["x"] * MANY}, f"/arguments/numbers/{MANY}"),
        ({"grid": [[1], *([["x"] * 9] * MANY)]}, "/arguments/grid/1/0"),
        ({"named": dict.fromkeys(NAMES, "x")}, "/arguments/named/name0"),
        ({"either": [[]] * MANY}, "/arguments/either/0"),
        ({"strict": NAMES}, "/arguments"),
        ({"unknown": [0] * MANY}, "/arguments/unknown"),
    ],
)
def test_large_wrong_arguments_are_refused_at_the_first_wrong_item(
    arguments: dict[str, Any], pointer: str
) -> None:
    """By its pointer; a list of any length adds one problem for each type that it might have
    been."""
    with pytest.raises(InvalidArguments) as caught:
        large.check(arguments)
    assert caught.value.problems[0].pointer == pointer
    assert len(caught.value.problems) <= 2


def test_unknown_arguments_are_named_up_to_a_hundred() -> None:
    """No more are looked at."""
    with pytest.raises(InvalidArguments) as caught:
        large.check(NAMES)
    assert len(caught.value.problems) == MAX_PROBLEMS
    assert "accepted: numbers, grid" in caught.value.problems[0].detail


@pytest.mark.parametrize(
    "arguments",
    [
        {"numbers": [1]},
        {"grid": [[1, 2], []], "named": {"a": 1}},
        {"strict": {"size": 2}, "lenient": {"size": 3, "other": 4}},
        {"either": ["a", "b"]},
        {"either": [1, 2]},
    ],
)
def test_large_right_arguments_are_stored_as_small_ones_are(arguments: dict[str, Any]) -> None:
    """How a set is checked depends on its size; what is stored does not."""
    small = large.check({**arguments, "text": "x"})
    assert large.check({**arguments, "text": "x" * LARGE_BYTES}) == small.replace(
        '"x"', f'"{"x" * LARGE_BYTES}"'
    )


def test_few_wrong_arguments_are_all_named() -> None:
    """Who typed them wants to know all that is wrong."""
    with pytest.raises(InvalidArguments) as caught:
        large.check({"numbers": ["a", 1, "b"], "text": 7})
    assert [problem.pointer for problem in caught.value.problems] == [
        "/arguments/numbers/0",
        "/arguments/numbers/2",
        "/arguments/text",
    ]
