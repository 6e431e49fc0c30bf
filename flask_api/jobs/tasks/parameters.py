"""Which functions can be tasks: what their parameters and results must be like.

Refused where the function is made a task, hence at the start: else each of its jobs would fail.
"""

import inspect
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model
from pydantic.errors import PydanticSchemaGenerationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticSerializationError, to_json

from flask_api.jobs.tasks.alternatives import AtLeastOneOf
from flask_api.jobs.tasks.context import JobContext
from flask_api.jobs.tasks.result import ResultType
from shared.errors import ConfigurationError

_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+", re.ASCII)


def require_plain(name: str, function: Callable[..., Any]) -> None:
    """Raise ConfigurationError for a function that returns something to await."""
    # Not for what it wraps: a decorator may run that.
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise ConfigurationError(
            f"task {name}: it is async: a task is a plain function, which may call asyncio.run"
        )


def result_type(name: str, annotation: Any) -> ResultType:
    """Return what writes its results. Raises ConfigurationError for a type that is no JSON."""
    try:
        return ResultType(annotation)
    except PydanticSchemaGenerationError as error:
        raise ConfigurationError(
            f"task {name}: its result is annotated {annotation!r}, which is no type for JSON"
        ) from error


def require_name(name: str) -> None:
    """Raise ConfigurationError for a name that fits no URL, scope and command."""
    if _NAME.fullmatch(name) is None:
        raise ConfigurationError(
            f"task name {name!r}: it must be dotted lower-case words such as primes.sum"
        )


def arguments_model(
    name: str, function: Callable[..., Any], hints: Mapping[str, Any], needed: AtLeastOneOf
) -> type[BaseModel]:
    """Return the model of its arguments. Raises ConfigurationError that names the parameter."""
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        _require_usable(f"task {name}: parameter {parameter.name}", parameter, hints)
        if hints[parameter.name] is not JobContext:
            default = ... if parameter.default is parameter.empty else parameter.default
            fields[parameter.name] = (hints[parameter.name], default)
    config = ConfigDict(
        extra="forbid",
        allow_inf_nan=False,
        protected_namespaces=(),
        json_schema_extra=needed.extend,
    )
    try:
        model = create_model(name, __config__=config, **fields)
    except PydanticSchemaGenerationError as error:
        raise ConfigurationError(f"task {name}: {_unknown_type(fields) or error}") from error
    _require_accepted_defaults(name, model, fields)
    return model


def _require_usable(which: str, parameter: inspect.Parameter, hints: Mapping[str, Any]) -> None:
    if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
        raise ConfigurationError(f"{which} must be passable by name")
    # pydantic would take it for a private attribute and drop it
    if parameter.name.startswith("_"):
        raise ConfigurationError(f"{which} must not begin with an underscore")
    if parameter.name not in hints:
        raise ConfigurationError(f"{which} has no type annotation")
    is_argument = hints[parameter.name] is not JobContext
    if is_argument and not _fits_json(parameter.default):
        raise ConfigurationError(f"{which} has a default that JSON can't hold")


def _unknown_type(fields: Mapping[str, tuple[Any, Any]]) -> str:
    for name, (annotation, _) in fields.items():
        try:
            TypeAdapter(annotation)
        except PydanticSchemaGenerationError:
            return f"parameter {name} is annotated {annotation!r}, which is no type for JSON"
    return ""


def _require_accepted_defaults(
    name: str, model: type[BaseModel], fields: Mapping[str, tuple[Any, Any]]
) -> None:
    """Check defaults as a job does: its record holds them, and is checked again when it runs."""
    given = {
        each: default
        for each, (_, default) in fields.items()
        if default is not ... and not isinstance(default, FieldInfo)
    }
    try:
        text = model.model_construct(**given).model_dump_json(include=set(given), warnings=False)
        model.model_validate_json(text, strict=True)
    except PydanticSerializationError as error:
        raise ConfigurationError(f"task {name}: a default can't be JSON: {error}") from error
    except ValidationError as error:
        for line in error.errors(include_input=False, include_url=False):
            if line["loc"] and line["loc"][0] in given:
                raise ConfigurationError(
                    f"task {name}: parameter {line['loc'][0]} has a default that it does not "
                    f"accept: {line['msg']}"
                ) from error


def holds_nan(text: bytes) -> bool:
    """Tell whether NaN or Infinity stands where JSON has numbers: it would be stored as null."""
    if b"NaN" not in text and b"Infinity" not in text:
        return False
    found: list[str] = []
    json.loads(text, parse_constant=found.append)
    return bool(found)


def _fits_json(default: object) -> bool:
    try:
        return not holds_nan(to_json(default, serialize_unknown=True))
    except ValueError:  # half a character
        return False
