"""When two machines mean the same by a task."""

from collections.abc import Callable
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from flask_api.jobs.records.roster import WorkerKind
from flask_api.jobs.tasks.signature import LENGTH, signature_of
from flask_api.jobs.tasks.task import Task, task
from shared.errors import ConfigurationError


class _Place(BaseModel):
    """A place."""

    title: str


def _base(title: str, where: _Place, count: int = 1) -> str:
    """Return something."""
    return f"{title} {where} {count}"


def _same(count: int = 7, *, where: _Place, title: str) -> list[str]:
    """Say it in other words, with another default and another result."""
    return [title, str(where), str(count)]


def _fewer(where: _Place, count: int = 1) -> str:
    return f"{where} {count}"


def _more(title: str, where: _Place, count: int = 1, extra: bool = False) -> str:
    return f"{title} {where} {count} {extra}"


def _other_type(title: str, where: _Place, count: float = 1) -> str:
    return f"{title} {where} {count}"


def _needed(title: str, where: _Place, count: int) -> str:
    return f"{title} {where} {count}"


def _signature(function: Callable[..., Any]) -> str:
    return signature_of(task("sample.task")(function))


def test_words_and_defaults_are_no_part_of_a_signature() -> None:
    """What takes the same arguments has the same, and it is short: every worker tells all."""
    assert _signature(_same) == _signature(_base)
    assert len(_signature(_base)) == LENGTH


@pytest.mark.parametrize("function", [_fewer, _more, _other_type, _needed])
def test_other_arguments_have_another_signature(function: Callable[..., Any]) -> None:
    """One more, one less (though it is named as a schema's word is), of another type, needed."""
    assert _signature(function) != _signature(_base)


@pytest.mark.parametrize("required", [True, ["a", 1], {"title": "a"}])
def test_whatever_a_schema_says_of_required_has_a_signature(required: Any) -> None:
    """A task may write into its schema what no other does."""
    assert _signature(_with(required=required)) == _signature(_with(required=required))


@pytest.mark.parametrize("word", ["const", "enum"])
def test_values_are_no_schemas(word: str) -> None:
    """What an argument may be is compared as it is, whatever words it has."""
    values = [{word: [{"title": name, "required": ["b", "a"]}]} for name in ("a", "b")]
    assert _signature(_with(**values[0])) != _signature(_with(**values[1]))
    assert _signature(_with(**values[0])) != _signature(_with(**{word: [{"required": ["b", "a"]}]}))


def _with(**extra: Any) -> Callable[..., Any]:
    def function(a: Annotated[int, Field(json_schema_extra=extra)]) -> None:
        """Do nothing."""

    return function


def test_another_version_has_another_signature() -> None:
    """Though it takes the same: the same arguments mean something else. It is no essay."""
    later = _versioned("2")
    assert signature_of(later) not in (_signature(_base), signature_of(_versioned("3")))
    assert signature_of(later) == signature_of(_versioned("2"))
    with pytest.raises(ConfigurationError, match="100 characters"):
        _versioned("v" * 101)


def _versioned(version: str) -> Task[..., object]:
    return task("sample.task", version=version)(_base)


def test_kind_is_read_as_it_was_stored() -> None:
    """And what stands there from before signatures were told; and a later one's is not read."""
    kind = WorkerKind("rq", frozenset({"b.b", "a.a"}), ("gpu",), {"a.a": "1", "b.b": "2"})
    assert WorkerKind.read(kind.text) == kind
    assert kind.differing({"a.a": "1", "b.b": "3", "c.c": "4"}) == ["b.b"]
    old = WorkerKind("rq", frozenset({"a.a"}))
    assert old.text == '{"format":1,"carrier":"rq","tasks":["a.a"],"labels":[]}'
    assert WorkerKind.read(old.text) == old
    assert old.differing({"a.a": "1"}) == []
    keyed = WorkerKind("rq", frozenset({"a.a"}), keys=("k2", "k1"))
    assert WorkerKind.read(keyed.text) == WorkerKind("rq", frozenset({"a.a"}), keys=("k1", "k2"))
    assert (keyed.verifies("k1"), keyed.verifies("k3"), old.verifies("k3")) == (True, False, True)
    newer = old.text.replace("}", ',"colours":["red"]}')
    assert WorkerKind.read(newer) == old, "what a later one tells besides is not looked at"
    assert WorkerKind.read(kind.text.replace('"format":1', '"format":2')) is None
