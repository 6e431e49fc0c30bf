"""What a task may return: JSON with every value in it, or the job fails."""

import json
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, PlainSerializer

from flask_api.jobs.records.job import encode_field
from flask_api.jobs.tasks.inline import run_inline
from flask_api.jobs.tasks.result import ResultType
from flask_api.jobs.tasks.task import task


class Point(BaseModel):
    """A nested result."""

    x: int
    y: int = 0


class Loose(BaseModel):
    """A result of which nobody knows what is in it."""

    value: Any = None


@dataclass
class LooseData:
    """The same as a dataclass."""

    value: object


def result_of(function: Callable[[], Any]) -> str:
    """Return the stored text of the result of a task that is this function."""
    return encode_field("result", run_inline(task("example.result")(function), {}))


def test_result_that_json_can_hold_is_kept() -> None:
    """Whatever its annotation, or none, a result of JSON values is stored as it is."""

    def annotated() -> tuple[int, Point]:
        return 1, Point(x=2)

    def unannotated():  # type: ignore[no-untyped-def]  # noqa: ANN202  # what the test is about
        return {"a": [1, None, "é"]}

    def nothing() -> None:
        return None

    assert result_of(annotated) == '[1,{"x":2,"y":0}]'
    assert result_of(unannotated) == '{"a":[1,null,"é"]}'
    assert result_of(nothing) == "null"


def test_result_that_json_or_the_annotation_can_not_hold_is_refused() -> None:
    """The job fails with a ValueError instead of storing what nobody could read."""

    def an_object() -> object:
        return object()

    def bytes_of_no_text() -> bytes:
        return b"\xff"

    def wrong_values() -> dict[str, int]:
        return {"a": "x"}  # type: ignore[dict-item]  # what the test is about

    def wrong_kind() -> int:
        return "x"  # type: ignore[return-value]  # what the test is about

    def not_a_number() -> float:
        return math.nan

    def a_circle() -> list[Any]:
        circle: list[Any] = []
        circle.append(circle)
        return circle

    for function in (an_object, bytes_of_no_text, wrong_values, wrong_kind, not_a_number, a_circle):
        with pytest.raises(ValueError, match=r"."):
            result_of(function)


NOT_FINITE = [math.nan, math.inf, -math.inf]
ANNOTATIONS: list[Any] = [
    Any,
    object,
    float,
    dict,
    list,
    dict[str, Any],
    dict[str, object],
    list[float],
    float | None,
    Loose,
]
WRAPS: list[Callable[[Any], Any]] = [
    lambda value: value,
    lambda value: {"a": value, "b": None},
    lambda value: [None, {"a": (value,)}],
    lambda value: {value},
    lambda value: Loose(value=value),
    lambda value: Loose(value=[None, {"a": value}]),
    lambda value: [LooseData(Loose(value=value))],
    lambda value: deque([value]),
    lambda value: (each for each in [value]),
    lambda value: {"a": Enum("Odd", {"ONE": value}).ONE},  # type: ignore[attr-defined]
]


@pytest.mark.parametrize("number", NOT_FINITE)
@pytest.mark.parametrize("wrap", WRAPS)
def test_number_that_json_has_not_fails_the_job_wherever_it_is(
    number: float, wrap: Callable[[Any], Any]
) -> None:
    """pydantic makes null of it where the annotation says nothing about numbers:
    that would be a wrong result."""
    for annotation in ANNOTATIONS:

        def function():  # type: ignore[no-untyped-def]  # noqa: ANN202  # given below
            return wrap(number)

        function.__annotations__["return"] = annotation
        with pytest.raises(
            ValueError, match="JSON compliant" if annotation in (Any, object) else r"."
        ):
            result_of(function)


def test_null_and_words_are_no_numbers_that_json_has_not() -> None:
    """What is None stays null, in models too, and so does a word and a key."""

    def nulls() -> Any:
        return [None, Loose(), {"null": "NaN", "b": Loose(value={"inf": None})}, {2.5: {None}}]

    assert json.loads(result_of(nulls)) == [
        None,
        {"value": None},
        {"null": "NaN", "b": {"value": {"inf": None}}},
        {"2.5": [None]},
    ]


def test_nothing_is_null_the_first_time_and_ever_after() -> None:
    """Where the annotation has it; where a serializer writes something else, that is written."""
    some = ResultType(int | None)
    assert [some.to_json(each) for each in (None, 1, None)] == ["null", "1", "null"]
    word = ResultType(Annotated[int | None, PlainSerializer(lambda _: "a word")])
    assert [word.to_json(None) for _ in range(2)] == ['"a word"'] * 2
