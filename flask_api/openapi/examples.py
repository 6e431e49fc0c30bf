"""A value that fits a JSON Schema, for a form to begin with: what is required, no more."""

import re
from typing import Any

from flask_api.jobs.tasks.alternatives import alternatives_of
from flask_api.operation.describe import Schema

_DEEPEST = 8
_TEXTS = {
    "uuid": "00000000-0000-7000-8000-000000000000",
    "date": "2026-11-20",
    "date-time": "2026-11-20T09:30:00Z",
    "time": "09:30:00Z",
    "email": "ada@example.org",
    "uri": "https://example.org/",
}


def example_of(document: dict[str, Any], schema: Schema, *, depth: int = 0) -> Any:
    """Return an example: the schema's own if it has one,
    else something short that fits its type and bounds."""
    schema = _resolve(document, schema)
    if "examples" in schema:
        return schema["examples"][0]
    for name in ("example", "const", "default"):
        if name in schema:
            return schema[name]
    if "enum" in schema:
        return schema["enum"][0]
    alternatives = schema.get("anyOf") or schema.get("oneOf")
    if alternatives and "properties" not in schema:
        return example_of(document, alternatives[0], depth=depth + 1)
    return _of_type(document, schema, depth)


def _of_type(document: dict[str, Any], schema: Schema, depth: int) -> Any:
    kind = schema.get("type")
    if kind == "object" and depth < _DEEPEST:
        members = _members(schema)
        return {
            name: example_of(document, members.get(name, {}), depth=depth + 1)
            for name in _named(schema)
        }
    if kind == "array" and depth < _DEEPEST:
        return [example_of(document, schema.get("items", {}), depth=depth + 1)]
    if kind in ("integer", "number"):
        return _number(schema)
    if kind == "string":
        return _text(schema)
    return {"boolean": False, "object": {}, "array": []}.get(str(kind))


def _members(schema: Schema) -> dict[str, Schema]:
    """Return the schema of each member; where one of several is needed,
    a default is what says nothing."""
    members = dict(schema.get("properties", {}))
    for name in alternatives_of(schema):
        members[name] = {word: value for word, value in members[name].items() if word != "default"}
    return members


def _named(schema: Schema) -> list[str]:
    """Return the members to fill in: those required,
    in the order of the signature that they come from."""
    required = [*schema.get("required", ()), *alternatives_of(schema)[:1]]
    return [
        name for name in schema.get("properties", {}) if name in required or name == "arguments"
    ]


def _number(schema: Schema) -> float:
    lowest = _bound(schema, "minimum", "exclusiveMinimum", otherwise=0)
    highest = _bound(schema, "maximum", "exclusiveMaximum", otherwise=lowest + 1000)
    number = min(max(lowest, 100), highest)
    return int(number) if schema["type"] == "integer" else number


def _bound(schema: Schema, *names: str, otherwise: float) -> float:
    return next((float(schema[name]) for name in names if name in schema), otherwise)


def _text(schema: Schema) -> str:
    fitting = [
        text
        for text in _TEXTS.values()
        if "pattern" in schema and re.search(schema["pattern"], text)
    ]
    text = fitting[0] if fitting else _TEXTS.get(str(schema.get("format")), "text")
    return text.ljust(schema.get("minLength", 0), "x")[: schema.get("maxLength", len(text) + 1000)]


def _resolve(document: dict[str, Any], schema: Schema) -> Schema:
    seen = 0
    while "$ref" in schema and seen < _DEEPEST:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        seen += 1
    return schema
