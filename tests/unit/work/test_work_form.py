"""A form is made of a task's schema, and what is typed becomes arguments, both ways without a loss."""

from typing import Annotated, Any, Literal

import pytest
from django.http import QueryDict
from pydantic import BaseModel, Field

from django_site.work.form.fields import Field as FormField
from django_site.work.form.schema import fields_of
from django_site.work.form.values import (
    NotInForm,
    arguments_of,
    check_json,
    fill,
    read_json,
    show_errors,
    take,
)


class Inner(BaseModel):
    """A part of its own."""

    depth: Annotated[int, Field(ge=1, le=9)] = 2
    name: str


class Arguments(BaseModel):
    """One of each that a form treats in a way of its own."""

    limit: Annotated[int, Field(ge=0, le=10, description="how far")]
    timeout_s: float = 10.0
    colour: Literal["red", "\t"] | None = None
    is_on: bool = True
    maybe: bool | None = None
    urls: list[str] = ["a"]
    numbers: list[int] = []
    inner: Inner | None = None
    must: int | None
    rows: list[Inner] = []
    either: int | str = 1


SCHEMA = Arguments.model_json_schema()


def fields() -> dict[str, FormField]:
    """Return the fields by name."""
    return {field.name: field for field in fields_of(SCHEMA)}


def typed(query: str) -> dict[str, Any]:
    """Return the arguments that a form with these values says."""
    found = fields_of(SCHEMA)
    take(found, QueryDict(query))
    return arguments_of(found)


def test_each_argument_gets_the_field_of_its_kind() -> None:
    """In the order of the task, with what is accepted in words."""
    found = fields()
    kinds = {name: field.kind for name, field in found.items()}
    assert kinds == {
        "limit": "number",
        "timeout_s": "number",
        "colour": "choice",
        "is_on": "flag",
        "maybe": "choice",
        "urls": "lines",
        "numbers": "lines",
        "inner": "group",
        "must": "number",
        "rows": "json",
        "either": "json",
    }
    assert (found["limit"].limits, found["limit"].help) == ("0 to 10", "how far")
    assert found["timeout_s"].label == "Timeout (s)"
    assert [choice.label for choice in found["colour"].choices] == ["red", "tab"]
    assert [field.name for field in found["inner"].fields] == ["inner.depth", "inner.name"]
    assert found["inner"].fields[0].pointer == "/arguments/inner/depth"
    assert [name for name, field in found.items() if field.is_required] == ["limit"]


def test_what_is_typed_is_said_and_what_is_left_empty_is_not() -> None:
    """A number that is none goes as it was typed: the API says what is wrong with it."""
    said = typed("limit=seven&timeout_s=&numbers=1%0D%0A%0D%0A2x&colour=1&maybe=false&rows=[]")
    assert said == {
        "limit": "seven",
        "colour": "\t",
        "is_on": False,
        "maybe": False,
        "urls": [],  # said, for the default is another list
        "numbers": [1, "2x"],
        "must": None,  # it has no default
        "rows": [],
    }
    given = typed("limit=9007199254740993&inner.given=on&inner.depth=3&inner.name=&must=1e2")
    assert given["limit"] == 9007199254740993
    assert given["inner"] == {"depth": 3, "name": ""}
    assert given["must"] == 100.0


@pytest.mark.parametrize(
    "arguments",
    [
        {"limit": 1, "must": None, "urls": [], "numbers": [3, 4], "is_on": False},
        {"limit": 0, "must": 2, "inner": {"depth": 4, "name": "x\ty"}, "maybe": True},
        {"limit": 2, "must": 1, "rows": [{"depth": 1, "name": "a"}], "either": "text"},
        {"limit": 2, "must": 1, "colour": "red", "timeout_s": 0.25, "either": 7},
    ],
)
def test_earlier_arguments_come_out_of_the_form_as_they_went_in(arguments: dict[str, Any]) -> None:
    """What the form doesn't say is what the defaults say."""
    found = fields_of(SCHEMA)
    fill(found, arguments)
    again = arguments_of(found)
    assert Arguments.model_validate(again) == Arguments.model_validate(arguments)
    assert again.items() >= {k: v for k, v in arguments.items() if v is not None}.items()


@pytest.mark.parametrize(
    "arguments",
    [
        {"limit": 1, "must": 1, "urls": ["two\nlines"]},
        {"limit": 1, "must": 1, "urls": ["a", "", "b"]},
        {"limit": 1, "must": 1, "numbers": "3"},
        {"limit": 1, "must": 1, "colour": "blue"},
        {"limit": 1, "must": 1, "inner": {"depth": 1, "name": "a", "more": 1}},
        {"limit": 1, "must": 1, "gone": 1},
    ],
)
def test_what_a_form_would_change_is_refused(arguments: dict[str, Any]) -> None:
    """It is shown as JSON instead."""
    with pytest.raises(NotInForm):
        fill(fields_of(SCHEMA), arguments)


def test_words_of_the_api_come_to_their_fields() -> None:
    """By pointer, with the entry of a list; what is about no field is said apart."""
    found = fields_of(SCHEMA)
    errors = [
        {"pointer": "/arguments/urls/1", "detail": 'Too short; accepted: {"type": "array"}'},
        {"pointer": "/arguments/inner/name", "detail": "Field required"},
        {"pointer": "/arguments/rows/0/depth", "detail": "Wrong"},
        {"pointer": "/arguments", "detail": "Give one of them"},
        {"pointer": "/arguments/gone", "detail": "There is no such argument"},
    ]
    others = show_errors(found, errors)
    by_name = {field.name: field for field in found}
    assert by_name["urls"].errors == ["Entry 2: Too short"]
    assert by_name["inner"].fields[1].errors == ["Field required"]
    assert by_name["rows"].errors == ["0/depth: Wrong"]
    assert others == ["Give one of them", "gone: There is no such argument"]


def test_json_that_is_none_is_told_before_anything_is_sent() -> None:
    """NaN is none either."""
    found = fields_of(SCHEMA)
    take(found, QueryDict("rows=[1,&either=NaN"))
    assert not check_json(found)
    by_name = {field.name: field for field in found}
    assert by_name["rows"].errors[0].startswith("This is not JSON")
    assert by_name["either"].errors == ["This is not JSON: NaN is not a JSON number"]


def test_schema_that_refers_to_itself_ends() -> None:
    """A tree of parts is JSON from some depth on."""
    schema = {
        "$defs": {"Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}},
        "properties": {"node": {"$ref": "#/$defs/Node"}},
    }
    field, depth = fields_of(schema)[0], 0
    while field.fields:
        field, depth = field.fields[0], depth + 1
    assert (field.kind, depth) == ("json", 4)


def test_default_that_a_form_cannot_show_stays_the_default() -> None:
    """Its field is empty and says nothing: two lines of one entry would be two entries."""
    schema = {
        "properties": {
            "lines": {"type": "array", "items": {"type": "string"}, "default": ["a\nb"]},
            "shown": {"type": "array", "items": {"type": "string"}, "default": ["a", "b"]},
        }
    }
    found = fields_of(schema)
    fill(found)
    assert [field.text for field in found] == ["", "a\nb"]
    assert arguments_of(found) == {"shown": ["a", "b"]}


@pytest.mark.parametrize(
    ("value", "shown"),
    [("2026-02-03T04:05:00Z", "2026-02-03T04:05:00"), ("2026-02-03T04:05:00", ""), ("+01:00", "")],
)
def test_moment_of_no_zone_or_another_is_not_made_one_in_utc(value: str, shown: str) -> None:
    """The field is in UTC: it would change what was said."""
    found = fields_of({"properties": {"at": {"type": "string", "format": "date-time"}}})
    if shown:
        fill(found, {"at": value})
        assert (found[0].text, arguments_of(found)) == (shown, {"at": value})
        return
    with pytest.raises(NotInForm):
        fill(found, {"at": value})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1, "a": 2}', "'a' comes twice"),
        ('[{"b": {"a": 1, "a": 1}}]', "'a' comes twice"),
        ("[NaN]", "NaN is not a JSON number"),
        ("[1e400]", "out of range"),
    ],
)
def test_json_is_read_as_strictly_as_the_api_reads_it(text: str, said: str) -> None:
    """What Python would take the last of, or make infinite, is refused and named."""
    with pytest.raises(ValueError, match=said):
        read_json(text)


def test_number_that_would_be_infinite_is_sent_as_it_was_typed() -> None:
    """The API's word on it stands at the field."""
    (field,) = fields_of({"properties": {"size": {"type": "number"}}})
    take([field], QueryDict("size=1e400"))
    assert arguments_of([field]) == {"size": "1e400"}
