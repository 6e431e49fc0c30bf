"""Check a large set of arguments without collecting every error:
a million wrong items must not become a million errors.

A model's own validator collects all that is wrong, which is what a person who typed ten arguments
wants. This one stops in each list and object at the first wrong item,
and altogether at a member that no nested model has.
"""

from typing import Any

from pydantic import BaseModel
from pydantic_core import SchemaValidator, core_schema

from flask_api.jobs.errors import ArgumentProblem, InvalidArguments

_CONTAINERS = frozenset({"list", "tuple", "set", "frozenset", "dict"})
# What in a schema is no schema, but data of the author's own.
_DATA = frozenset({"default", "metadata", "serialization", "expected", "ref", "schema_ref"})


def first_problem_validator(model: type[BaseModel]) -> SchemaValidator:
    """Return a validator that accepts what ``model`` accepts, and ends soon when that is refused.

    It raises ValidationError, or InvalidArguments for a member that a nested model does not have.
    """
    schema = _with_early_ends(model.__pydantic_core_schema__, forbids=False)
    # Else pydantic would take the finished validator of each model, as it is.
    return SchemaValidator(schema, _use_prebuilt=False)


def _with_early_ends(schema: Any, *, forbids: bool) -> Any:
    if isinstance(schema, list | tuple):
        return type(schema)(_with_early_ends(each, forbids=forbids) for each in schema)
    if not isinstance(schema, dict):
        return schema
    forbids = _forbids(schema, forbids)
    changed = {
        name: value
        if name in _DATA or name == "config"
        else _with_early_ends(value, forbids=forbids)
        for name, value in schema.items()
    }
    kind = schema.get("type")
    if isinstance(kind, str) and kind in _CONTAINERS:
        changed["fail_fast"] = True
    if kind in ("model-fields", "typed-dict") and forbids:
        changed |= {"extra_behavior": "allow", "extras_schema": _STOP}
    return changed


def _forbids(schema: dict[str, Any], outer: bool) -> bool:
    """Tell whether the models in this schema refuse members that they don't have."""
    config = schema.get("config") or {}
    behavior = schema.get("extra_behavior") or config.get("extra_fields_behavior")
    if (
        schema.get("type") in ("model", "dataclass", "typed-dict")
        and "config" in schema
        and behavior is None
    ):
        return False  # a model of its own, with pydantic's default
    return outer if behavior is None else behavior == "forbid"


def _stop(value: Any) -> Any:
    del value
    problem = ArgumentProblem(
        pointer="/arguments", detail="An object has a member that its schema does not name."
    )
    raise InvalidArguments("The arguments have a member too many.", problems=[problem])


_STOP = core_schema.no_info_plain_validator_function(_stop)
