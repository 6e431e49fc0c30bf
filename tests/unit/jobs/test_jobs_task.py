"""Tasks: what makes one, and how arguments are checked."""

import json
import math
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from flask_api.jobs.errors import InvalidArguments, JobCancelled
from flask_api.jobs.tasks.context import JobContext, Progress
from flask_api.jobs.tasks.inline import run_inline
from flask_api.jobs.tasks.task import Task, task
from shared.errors import ConfigurationError


class Point(BaseModel):
    """A nested argument."""

    x: int
    y: int = 0


@task("example.everything")
def everything(
    count: int,
    ratio: float = 0.5,
    flag: bool = False,
    names: list[str] = ["a"],  # noqa: B006  # pydantic copies it, which is what the test below shows
    table: dict[str, int] = {},  # noqa: B006
    point: Point | None = None,
    small: Annotated[int, Field(ge=1, le=9)] = 1,
) -> dict[str, Any]:
    """Give the arguments back.

    More about it.
    """
    names.append("changed")
    return {
        "count": count,
        "ratio": ratio,
        "flag": flag,
        "names": names,
        "table": table,
        "point": point,
        "small": small,
    }


def problems_of(checked: Task[..., Any], arguments: Mapping[str, Any]) -> dict[str, str]:
    """Return the problems as pointer to detail."""
    with pytest.raises(InvalidArguments) as caught:
        checked.check(arguments)
    return {problem.pointer: problem.detail for problem in caught.value.problems}


@pytest.mark.parametrize(
    ("arguments", "pointer", "said"),
    [
        ({}, "/arguments/count", "Field required"),
        ({"count": "2"}, "/arguments/count", "valid integer"),
        ({"count": True}, "/arguments/count", "valid integer"),
        ({"count": 2.0}, "/arguments/count", "valid integer"),
        ({"count": None}, "/arguments/count", "valid integer"),
        ({"count": 1, "ratio": "0.5"}, "/arguments/ratio", "valid number"),
        ({"count": 1, "ratio": math.nan}, "/arguments/ratio", "finite number"),
        ({"count": 1, "ratio": math.inf}, "/arguments/ratio", "finite number"),
        ({"count": 1, "ratio": 10**400}, "/arguments/ratio", "finite number"),
        ({"count": 1, "flag": 1}, "/arguments/flag", "valid boolean"),
        ({"count": 1, "flag": "true"}, "/arguments/flag", "valid boolean"),
        ({"count": 1, "names": "abc"}, "/arguments/names", "valid array"),
        ({"count": 1, "names": ["a", 1]}, "/arguments/names/1", "valid string"),
        ({"count": 1, "table": {"a": "1"}}, "/arguments/table/a", "valid integer"),
        ({"count": 1, "table": {"a~b/c": None}}, "/arguments/table/a~0b~1c", "valid integer"),
        ({"count": 1, "point": {"x": 1, "y": "2"}}, "/arguments/point/y", "valid integer"),
        ({"count": 1, "point": {}}, "/arguments/point/x", "Field required"),
        ({"count": 1, "small": 10}, "/arguments/small", '"maximum": 9'),
        (
            {"count": 1, "other": 1},
            "/arguments/other",
            "no such argument; accepted: count, ratio, flag",
        ),
        ({"count": 1, "a~b/c": 1}, "/arguments/a~0b~1c", "no such argument"),
        ({"count": 1, "": 1}, "/arguments/", "no such argument"),
    ],
)
def test_wrong_argument_is_pointed_at(arguments: dict[str, Any], pointer: str, said: str) -> None:
    """The pointer (RFC 6901) leads into the request's body; the detail says what is accepted."""
    problems = problems_of(everything, arguments)
    assert set(problems) == {pointer}
    assert said in problems[pointer]


def test_all_wrong_arguments_are_told_at_once() -> None:
    """One answer is enough to correct everything; no more than a hundred are listed."""
    assert set(problems_of(everything, {"ratio": "x", "z": 1})) == {
        "/arguments/count",
        "/arguments/ratio",
        "/arguments/z",
    }
    assert len(problems_of(everything, {f"z{number}": 1 for number in range(500)})) == 100


def test_problem_of_a_union_points_at_the_argument() -> None:
    """No alternative's name is in the pointer: the body has no such place."""

    @task("example.union")
    def union(value: int | list[int]) -> int:
        """Take either."""
        return 0

    assert set(problems_of(union, {"value": "x"})) == {"/arguments/value"}
    assert set(problems_of(union, {"value": [1, "x"]})) == {
        "/arguments/value",
        "/arguments/value/1",
    }


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb"])
def test_text_that_is_none_is_refused(text: str) -> None:
    """A lone surrogate is an argument's problem, never a crash."""
    assert set(problems_of(everything, {"count": 1, "names": [text]})) == {"/arguments"}


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_number_that_json_has_not_is_refused(number: float) -> None:
    """Wherever it is: it would come out as null."""

    @task("example.anything")
    def anything(value: Any) -> Any:
        """Take anything."""
        return value

    assert problems_of(anything, {"value": {"a": [number]}})["/arguments"].startswith(
        "NaN and Infinity"
    )
    assert run_inline(anything, {"value": "NaN and Infinity"}) == "NaN and Infinity"


@pytest.mark.parametrize("default", [math.nan, math.inf, {"a": [-math.inf]}, "\ud800"])
def test_default_that_json_has_not_is_refused(default: object) -> None:
    """When the task is made, with its parameter's name:
    each job would be given null in its place, or fail."""

    def limited(count: int, limit: Any = default) -> None: ...

    with pytest.raises(ConfigurationError, match=r"task example\.limited: parameter limit"):
        task("example.limited")(limited)


def test_defaults_are_filled_in_and_not_shared() -> None:
    """The record shows every argument; one run's changes to a default are not the next one's
    default."""
    expected = {
        "count": 1,
        "ratio": 0.5,
        "flag": False,
        "names": ["a"],
        "table": {},
        "point": None,
        "small": 1,
    }
    assert json.loads(everything.check({"count": 1})) == expected
    for _ in range(2):
        assert run_inline(everything, {"count": 1}) == {**expected, "names": ["a", "changed"]}


def test_nested_argument_reaches_the_function_as_its_type() -> None:
    """The function gets the model that it is annotated with; its result is JSON again."""
    assert run_inline(everything, {"count": 1, "point": {"x": 2}})["point"] == {"x": 2, "y": 0}


def test_task_still_is_its_function() -> None:
    """Calling a task calls the function; the first line of its docstring is the summary."""
    assert everything(3)["count"] == 3
    assert everything.summary == "Give the arguments back."
    assert everything.policy.executor == "threads"


def test_context_is_given_and_is_no_argument() -> None:
    """The parameter annotated JobContext, whatever its name,
    is filled in by the engine and can't be sent."""

    @task("example.context")
    def with_context(n: int, *, me: JobContext) -> str:
        """Say which job it is."""
        return f"{me.job_id} {n}"

    assert run_inline(with_context, {"n": 1}) == "inline 1"
    assert list(with_context.arguments_schema["properties"]) == ["n"]
    assert set(problems_of(with_context, {"n": 1, "me": {}})) == {"/arguments/me"}


def _variable(*numbers: int) -> None: ...
def _variable_names(**numbers: int) -> None: ...
def _positional_only(number: int, /) -> None: ...
def _unannotated(number) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001  # what the test is about
def _private(_number: int) -> None: ...


@pytest.mark.parametrize(
    "function", [_variable, _variable_names, _positional_only, _unannotated, _private]
)
def test_parameter_that_can_not_be_sent_by_name_is_refused(function: Callable[..., None]) -> None:
    """Such a function is refused when it is made a task,
    with the task's and the parameter's name."""
    with pytest.raises(ConfigurationError, match=r"task example\.wrong: parameter _?number"):
        task("example.wrong")(function)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "sum",
        "Primes.sum",
        "primes.Sum",
        "primes.",
        ".sum",
        "a..b",
        "a.b\n",
        "a-b.c",
        "é.a",
        "1.a",
    ],
)
def test_bad_task_name_is_refused(name: str) -> None:
    """A name is at least two dotted lower-case words, so that it fits a URL,
    a scope and a command."""
    with pytest.raises(ConfigurationError, match="task name"):
        task(name)


@pytest.mark.parametrize("error", [ValueError, JobCancelled])
def test_task_that_ends_early_has_its_last_word_written(error: type[BaseException]) -> None:
    """Progress that was held back is written when the task raises, too: it says how far it came."""

    @task("example.fails")
    def fails(job: JobContext) -> None:
        """Report three times at once and fail."""
        for done in range(3):
            job.progress(done)
        raise error

    reported: list[Progress] = []
    with pytest.raises(error):
        run_inline(fails, {}, report=reported.append)
    assert reported[-1].done == 2


@task("example.either", at_least_one_of=("names", "leader"))
def either(names: tuple[str, ...] = (), leader: str | None = None, size: int = 1) -> int:
    """Count who was named."""
    return len(names) + (leader is not None) + size


@pytest.mark.parametrize(
    "arguments", [{}, {"names": []}, {"leader": None}, {"names": [], "leader": None, "size": 2}]
)
def test_none_of_the_arguments_that_stand_for_each_other_is_refused(
    arguments: dict[str, Any],
) -> None:
    """The pointer leads to all arguments, the sentence names those that are accepted;
    the default of one says nothing."""
    assert problems_of(either, arguments) == {"/arguments": "Give at least one of names, leader."}


def test_any_of_the_arguments_that_stand_for_each_other_will_do() -> None:
    """One, the other, or both; what is wrong with one of them is still pointed at."""
    assert run_inline(either, {"names": ["ada"]}) == run_inline(either, {"leader": "ada"}) == 2
    assert run_inline(either, {"names": ["ada"], "leader": "bob"}) == 3
    assert set(problems_of(either, {"names": "ada"})) == {"/arguments/names"}


def test_schema_says_that_one_of_them_is_needed() -> None:
    """As JSON Schema has it, so that who reads the schema refuses what the service refuses."""
    assert either.arguments_schema["anyOf"] == [
        {"required": ["names"], "properties": {"names": {"not": {"const": []}}}},
        {"required": ["leader"], "properties": {"leader": {"not": {"const": None}}}},
    ]


@pytest.mark.parametrize(
    "names", [("names",), ("names", "names"), ("names", "count"), ("names", "nothing")]
)
def test_alternatives_that_can_not_be_left_out_are_refused(names: tuple[str, ...]) -> None:
    """One alone, one that is required and one that is not there are a mistake of the task's
    author."""

    def pick(count: int, names: tuple[str, ...] = (), leader: str | None = None) -> None: ...

    with pytest.raises(
        ConfigurationError,
        match=r"task example\.wrong: at_least_one_of must name .* here: "
        r"names, leader",
    ):
        task("example.wrong", at_least_one_of=names)(pick)
