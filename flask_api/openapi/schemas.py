"""JSON Schemas for the document, from the pydantic models of answers and requests and from the
tasks' own signatures."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import (
    CoreModeRef,
    CoreRef,
    DefsRef,
    GenerateJsonSchema,
    models_json_schema,
)
from pydantic_core import core_schema

from flask_api.jobs.tasks.alternatives import alternatives_of
from flask_api.jobs.tasks.registry import AnyTask, TaskRegistry
from flask_api.operation.describe import Schema

_REF = "#/components/schemas/"


class _WithoutTitles(GenerateJsonSchema):
    """A title that repeats a member's name only makes the document longer."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        del schema
        return False


class _OfShapes(_WithoutTitles):
    """Calls a shape as clients know it: without the Json that tells its class from the one that it
    shows, such as PrincipalJson from Principal."""

    def get_defs_ref(self, core_mode_ref: CoreModeRef) -> DefsRef:
        reference, mode = core_mode_ref
        return super().get_defs_ref((CoreRef(reference.replace("Json:", ":")), mode))

    def model_schema(self, schema: core_schema.ModelSchema) -> Schema:
        described = super().model_schema(schema)
        return {**described, "title": described["title"].removesuffix("Json")}


class Components:
    """The schemas of a document, each in it once, under its own name."""

    def __init__(self) -> None:
        self._models: dict[type[BaseModel], None] = {}
        self._schemas: dict[str, Schema] = {}

    def use(self, schema: type[BaseModel] | Schema) -> Schema:
        """Return a reference to a model, which becomes part of the document;
        a plain schema stays where it is."""
        if isinstance(schema, dict):
            return schema
        self._models[schema] = None
        return {"$ref": f"{_REF}{schema.__name__.removesuffix('Json')}"}

    def add(self, name: str, schema: Schema, *, prefix: str = "") -> Schema:
        """Put a schema and its definitions into the document, return a reference to it."""
        schema = dict(schema)
        self._schemas |= {
            f"{prefix}{each}": definition for each, definition in schema.pop("$defs", {}).items()
        }
        self._schemas[name] = schema
        return {"$ref": f"{_REF}{name}"}

    def properties(self, model: type[BaseModel]) -> dict[str, Schema]:
        """Return the schema of each member of a model of query parameters:
        there, absent is the only null."""
        schema = model.model_json_schema(
            ref_template=f"{_REF}{{model}}", schema_generator=_WithoutTitles
        )
        self._schemas |= schema.get("$defs", {})
        return {name: _without_null(each) for name, each in schema.get("properties", {}).items()}

    def as_json(self) -> dict[str, Schema]:
        """Return all schemas by name."""
        models = [(model, "validation") for model in self._models]
        _, found = models_json_schema(
            models,  # type: ignore[arg-type]
            ref_template=f"{_REF}{{model}}",
            schema_generator=_OfShapes,
        )
        return dict(sorted((found.get("$defs", {}) | self._schemas).items()))


def add_tasks(components: Components, registry: TaskRegistry) -> None:
    """Add what each task takes and returns: ``primes.sum.arguments``, ``primes.sum.result``."""
    for task in registry:
        template = f"{_REF}{task.name}.{{model}}"
        arguments = task.arguments_model.model_json_schema(
            ref_template=template, schema_generator=_WithoutTitles
        )
        result = task.result_type.json_schema(
            ref_template=template, schema_generator=_WithoutTitles
        )
        components.add(f"{task.name}.arguments", arguments, prefix=f"{task.name}.")
        components.add(f"{task.name}.result", result, prefix=f"{task.name}.")


def per_task(
    components: Components, model: type[BaseModel], registry: TaskRegistry, *, most: int
) -> Schema:
    """Return the alternatives of a body with a ``task`` and its ``arguments``,
    one set or up to ``most`` of them."""
    bodies = {task.name: components.add(*_body(model, task, most)) for task in registry}
    if not bodies:
        return components.use(model)
    mapping = {name: ref["$ref"] for name, ref in bodies.items()}
    return {
        "oneOf": list(bodies.values()),
        "discriminator": {"propertyName": "task", "mapping": mapping},
    }


def _body(model: type[BaseModel], task: AnyTask, most: int) -> tuple[str, Schema]:
    schema = model.model_json_schema(schema_generator=_WithoutTitles)
    properties: dict[str, Any] = schema["properties"]
    arguments: Schema = {"$ref": f"{_REF}{task.name}.arguments"}
    required = set(schema["required"])
    if properties["arguments"].get("type") == "array":
        arguments = {**properties["arguments"], "items": arguments, "maxItems": most}
    elif task.arguments_schema.get("required") or alternatives_of(task.arguments_schema):
        required.add("arguments")
    said = {
        "title": f"{model.__name__} of {task.name}",
        "description": task.summary,
        "required": sorted(required),
    }
    fixed = {"task": {"type": "string", "const": task.name}, "arguments": arguments}
    return f"{task.name}.{model.__name__}", {
        **schema,
        **said,
        "properties": {**properties, **fixed},
    }


def _without_null(schema: Mapping[str, Any]) -> Schema:
    schema = {
        name: value for name, value in schema.items() if not (name == "default" and value is None)
    }
    alternatives = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if len(alternatives) != 1:
        return schema
    del schema["anyOf"]
    return {**alternatives[0], **schema}
