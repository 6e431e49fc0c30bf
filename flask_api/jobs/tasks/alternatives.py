"""Arguments of which a task needs at least one, whichever it is:
image URLs, or a page that names them.

    @task("web.download_images", at_least_one_of=("urls", "page"))

An argument is given when it differs from its default. In the JSON Schema that is an ``anyOf``
beside the ``properties``, which OpenAPI, its page and the command read:

    "anyOf": [{"required": ["urls"], "properties": {"urls": {"not": {"const": []}}}},
              {"required": ["page"], ...}]
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from flask_api.jobs.errors import ArgumentProblem, InvalidArguments
from shared.errors import ConfigurationError

Schema = dict[str, Any]


class AtLeastOneOf:
    """Names of arguments, of which one must be given; without names, a rule that nothing breaks."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = tuple(names)

    def check_parameters(self, task: str, model: type[BaseModel]) -> None:
        """Raise ConfigurationError unless the names are none,
        or two or more of parameters with a default."""
        optional = [
            name
            for name, field in model.model_fields.items()
            if field.default is not PydanticUndefined
        ]
        if self._names and (len(set(self._names)) < 2 or not set(self._names) <= set(optional)):
            accepted = ", ".join(optional) or "none"
            raise ConfigurationError(
                f"task {task}: at_least_one_of must name two or more parameters with a "
                f"default, here: {accepted}"
            )

    def check(self, task: str, arguments: BaseModel) -> None:
        """Raise InvalidArguments, pointing at all arguments together,
        unless one of the names is given."""
        if not self._names:
            return
        fields = type(arguments).model_fields
        if all(getattr(arguments, name) == fields[name].default for name in self._names):
            problem = ArgumentProblem(
                pointer="/arguments", detail=f"Give at least one of {', '.join(self._names)}."
            )
            raise InvalidArguments(f"The arguments of {task} are wrong.", problems=[problem])

    def extend(self, schema: Schema) -> None:
        """Say it in the JSON Schema of the arguments."""
        if self._names:
            schema["anyOf"] = [
                _given(name, schema["properties"][name].get("default")) for name in self._names
            ]


def _given(name: str, default: Any) -> Schema:
    return {"required": [name], "properties": {name: {"not": {"const": default}}}}


def alternatives_of(schema: Mapping[str, Any]) -> list[str]:
    """Return the arguments of which a schema needs at least one;
    none where the task says nothing of the kind."""
    return [name for each in schema.get("anyOf", ()) for name in each.get("required", ())]
