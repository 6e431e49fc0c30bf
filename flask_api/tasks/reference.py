"""The page about the tasks that come with Gatehouse:
``python -m flask_api.tasks.reference > docs/task-reference.md``.

Made from their signatures and docstrings; a test compares the page with the code.
"""

import inspect
import json
import sys
from collections.abc import Iterable
from functools import partial
from typing import Any

from flask_api.jobs.tasks.alternatives import alternatives_of
from flask_api.jobs.tasks.registry import AnyTask, load_tasks
from shared.settings import ApiSettings

_HEAD = """# The tasks that come with Gatehouse

Made by `python -m flask_api.tasks.reference`. `GET /api/tasks` says the same in JSON Schemas, about
the tasks that run there.
To write your own: [tasks.md](tasks.md).
"""
_WORDS = {"string": "text"}
_BOUNDS = (
    ("minimum", "maximum", ""),
    ("minLength", "maxLength", " characters"),
    ("minItems", "maxItems", " items"),
)

Schema = dict[str, Any]


def reference(modules: Iterable[str] | None = None) -> str:
    """Return the page as Markdown, by default about the modules that are loaded by default."""
    listed = ApiSettings.model_fields["task_modules"].default if modules is None else modules
    return "\n".join([_HEAD, *map(_section, load_tasks(listed))])


def _section(task: AnyTask) -> str:
    schema = task.arguments_schema
    required, definitions = schema.get("required", []), schema.get("$defs", {})
    arguments = [
        _argument(name, each, name in required, definitions)
        for name, each in schema.get("properties", {}).items()
    ]
    result = task.result_type.json_schema(mode="serialization")
    lines = [
        f"## `{task.name}`",
        "",
        inspect.getdoc(task.function) or "",
        "",
        *(arguments or ["No arguments."]),
        *_needed(schema),
        "",
        _policy(task) + " Returns",
        "",
        f"```\n{kind(result, result.get('$defs', {}))}\n```",
    ]
    return "\n".join(lines) + "\n"


def _argument(name: str, schema: Schema, is_required: bool, definitions: Schema) -> str:
    default = "" if is_required else f", `{json.dumps(schema.get('default'))}` by default"
    meaning = f"; {schema['description']}" if "description" in schema else ""
    return f"- `{name}`: {kind(schema, definitions)}{default}{meaning}"


def _needed(schema: Schema) -> list[str]:
    names = " or ".join(f"`{name}`" for name in alternatives_of(schema))
    return ["", f"Needs {names}."] if names else []


def kind(schema: Schema, definitions: Schema, *, indent: str = "") -> str:
    """Say in words what a JSON Schema accepts; an object has a line for each member."""
    inner = partial(kind, definitions=definitions, indent=indent)
    if "$ref" in schema:
        return inner(definitions[schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema:
        return " or ".join(map(inner, schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return " or ".join(json.dumps(value) for value in schema.get("enum", [schema.get("const")]))
    if schema.get("x-gatehouse-file"):
        return "uploaded file"
    if "properties" in schema:
        return _members(schema["properties"], definitions, indent)
    word, bounds = str(schema.get("type", "anything")), _bounds(schema)
    if word == "array":
        return f"list{bounds} of {inner(schema.get('items', {}))}"
    if word == "object":
        # true: of anything
        of = schema.get("additionalProperties") or {}
        return f"object of {inner({} if of is True else of)} by name"
    return _WORDS.get(word, word) + bounds


def _members(properties: Schema, definitions: Schema, indent: str) -> str:
    deeper = f"{indent}  "
    lines = [
        f"{deeper}{name}: {kind(each, definitions, indent=deeper)}"
        for name, each in properties.items()
    ]
    return "\n".join(["{", *lines, f"{indent}}}"])


def _bounds(schema: Schema) -> str:
    for low, high, unit in _BOUNDS:
        if low in schema and high in schema:
            return f" ({schema[low]} to {schema[high]}{unit})"
        if high in schema:
            return f" (at most {schema[high]}{unit})"
        if low in schema:
            return f" (at least {schema[low]}{unit})"
    return ""


def _policy(task: AnyTask) -> str:
    policy = task.policy
    limit = "no time limit" if policy.timeout_s is None else f"at most {policy.timeout_s:g} s"
    retried = ", ".join(f"`{error.__name__}`" for error in policy.retry_on)
    again = f", again after {retried}" if retried else ""
    return f"Runs on {policy.executor}, {limit}, at most {policy.max_attempts} attempts{again}."


if __name__ == "__main__":
    sys.stdout.write(reference())
