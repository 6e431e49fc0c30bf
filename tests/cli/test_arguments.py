"""Words become what a task's JSON Schema says."""

from typing import Annotated, Any, Literal

import click
import pytest
from pydantic import BaseModel, Field, create_model

from gatehouse.cli.arguments import Parameters


class Point(BaseModel):
    """A parameter that is an object."""

    x: int


def parameters(**types: Any) -> Parameters:
    """The parameters of a task with these, all required, as the service describes them."""
    fields: Any = {name: (kind, ...) for name, kind in types.items()}
    return Parameters(create_model("task", **fields).model_json_schema())


@pytest.mark.parametrize(
    ("kind", "words", "value"),
    [
        (int, ["7"], 7),
        (int, ["-7"], -7),
        (int, ["9" * 100], int("9" * 100)),
        (float, ["7"], 7),
        (float, ["1e3"], 1000.0),
        (bool, ["true"], True),
        (bool, ["No"], False),
        (str, ["7"], "7"),
        (str, [""], ""),
        (str, ["[1]"], "[1]"),
        (str, ["@x=y"], "@x=y"),
        (Literal["red", "green"], ["red"], "red"),
        (Literal[1, 2], ["2"], 2),
        (int | None, ["null"], None),
        (int | None, ["7"], 7),
        (int | str, ["7"], 7),
        (int | str, ["x7"], "x7"),
        (list[int], ["[1, 2]"], [1, 2]),
        (list[int], ["1", "2"], [1, 2]),
        (list[int], ["1"], [1]),
        (list[int], ["[]"], []),
        (list[str], ["a", "7"], ["a", "7"]),
        (list[str] | None, ["a"], ["a"]),
        (list[bool], ["yes", "no"], [True, False]),
        (dict[str, int], ['{"a": 1}'], {"a": 1}),
        (Point, ['{"x": 1}'], {"x": 1}),
        (list[Point], ['{"x": 1}', '{"x": 2}'], [{"x": 1}, {"x": 2}]),
        (Any, ["7"], 7),
        (Any, ["seven"], "seven"),
        (Any, ['{"a": [1]}'], {"a": [1]}),
        (Annotated[int, Field(ge=1, description="d")], ["0"], 0),  # ranges are the service's affair
    ],
)
def test_word_is_read_as_its_parameter_is_typed(kind: Any, words: list[str], value: Any) -> None:
    """By the schema alone, so that text that looks like a number stays text."""
    found = parameters(value=kind).read([("value", word) for word in words])
    assert found == {"value": value}
    assert type(found["value"]) is type(value)


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (int, "7.5"),
        (int, "seven"),
        (int, ""),
        (int, "true"),
        (int, "0x10"),
        (int, "9" * 5000),
        (float, "NaN"),
        (float, "Infinity"),
        (float, "1e999"),
        (bool, "1"),
        (bool, "maybe"),
        (list[int], "a"),
        (list[int], "[1"),
        (dict[str, int], "[1]"),
        (dict[str, Any], "{" * 10),
        (Point, '["x"]'),
        (list[Any], "[" * 100_000),
    ],
)
def test_word_that_does_not_fit_is_refused_by_its_parameters_name(kind: Any, word: str) -> None:
    """With what is accepted."""
    with pytest.raises(click.UsageError, match="value must be") as caught:
        parameters(value=kind).read([("value", word)])
    assert len(str(caught.value)) < 300


def test_unknown_name_is_refused_with_what_was_meant() -> None:
    """A slip of the finger is corrected."""
    with pytest.raises(click.UsageError, match="did you mean limit"):
        parameters(limit=int).read([("limt", "7")])
    with pytest.raises(click.UsageError, match="it has: limit"):
        parameters(limit=int).read([("verbose", "7")])


def test_single_value_given_twice_is_refused() -> None:
    """Neither wins in silence."""
    with pytest.raises(click.UsageError, match="limit is given 2 times"):
        parameters(limit=int).read([("limit", "7"), ("limit", "8")])


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (int, "integer"),
        (int | None, "integer"),
        (list[str] | None, "string..."),
        (Literal["red", "green"], "red|green"),
        (int | str, "integer|string"),
        (Any, "any"),
        (Point, "object"),
        (list[list[int]], "integer......"),
    ],
)
def test_parameter_is_described_in_a_word(kind: Any, words: str) -> None:
    """As help shows it."""
    found = parameters(value=kind)
    assert found.describe(found.schemas["value"]) == words


def test_file_parameter_is_known_by_the_schemas_mark() -> None:
    """Alone, optional, or in a list."""
    mark = {"type": "string", "format": "uuid", "x-gatehouse-file": True}
    one = {"$ref": "#/$defs/File"}
    properties = {
        "plain": mark,
        "referred": one,
        "optional": {"anyOf": [one, {"type": "null"}]},
        "many": {"type": "array", "items": one},
        "text": {"type": "string"},
    }
    found = Parameters({"properties": properties, "$defs": {"File": mark}})
    assert [name for name in properties if found.is_file(name)] == [
        "plain",
        "referred",
        "optional",
        "many",
    ]


def test_schema_that_refers_to_itself_ends() -> None:
    """A task may take any tree."""
    tree = {
        "anyOf": [
            {"type": "integer"},
            {"$ref": "#/$defs/Tree"},
            {"type": "array", "items": {"$ref": "#/$defs/Tree"}},
        ]
    }
    found = Parameters({"properties": {"tree": {"$ref": "#/$defs/Tree"}}, "$defs": {"Tree": tree}})
    assert found.read([("tree", "7")]) == {"tree": 7}
    assert not found.is_file("tree")
    assert found.describe(found.schemas["tree"]).startswith("integer")
