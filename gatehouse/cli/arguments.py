"""A task's arguments from words: each is read as the task's JSON Schema types it,
so ``limit=7`` is a number.

``name=value``, or ``--name value``. A list is given as JSON or by repeating the name; an object as
JSON; a file by ``name=@path`` (it is uploaded) or by the id of an upload.
``@arguments.json`` gives all of them at once.
"""

import difflib
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

import click

Schema = Mapping[str, Any]

_MAX_DEPTH = 8  # a schema may refer to itself
_WORDS_OF_TRUTH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_ARTICLES = {
    "integer": "an integer", "number": "a number", "boolean": "true or false", "null": "null",
    "array": "a list in JSON", "object": "an object in JSON", "string": "text",
}  # fmt: skip
_BOUNDS = {
    "minimum": "at least", "exclusiveMinimum": "more than",
    "maximum": "at most", "exclusiveMaximum": "less than",
}  # fmt: skip
# "string" is last: it takes every word.
_ORDER = ("integer", "number", "boolean", "null", "array", "object", "string")


class Parameters:
    """The parameters of one task, from the schema that the service gives for its arguments."""

    def __init__(self, schema: Schema) -> None:
        self._definitions: Mapping[str, Any] = schema.get("$defs", {})
        self.schemas: dict[str, Schema] = {
            name: self.resolve(each) for name, each in schema.get("properties", {}).items()
        }
        self.required = frozenset(schema.get("required", ()))
        self.alternatives = [
            name for each in schema.get("anyOf", ()) for name in each.get("required", ())
        ]  # one is needed

    def resolve(self, schema: Schema) -> Schema:
        """Return the schema with its ``$ref`` followed;
        what it says beside the reference counts too."""
        name = str(schema.get("$ref", "")).rpartition("/")[2]
        return {**self._definitions.get(name, {}), **schema} if name else schema

    def need(self, name: str) -> str:
        """Say in a word or two whether the parameter is required; empty when it is optional."""
        if name in self.required:
            return "required"
        return " or ".join(self.alternatives) if name in self.alternatives else ""

    def is_file(self, name: str) -> bool:
        """Tell whether the parameter, or each item of it, is an uploaded file."""
        return any(
            each.get("x-gatehouse-file")
            for each in self._alternatives(self.schemas[name], with_items=True)
        )

    def types(self, schema: Schema) -> list[str]:
        """Return the JSON types that the schema accepts, the one that takes every word last."""
        found: set[str] = set()
        for each in self._alternatives(schema):
            kinds = each.get("type", [])
            found.update([kinds] if isinstance(kinds, str) else kinds)
            found.update(
                _type_of(value)
                for value in [*each.get("enum", []), *([each["const"]] if "const" in each else [])]
            )
        return [kind for kind in _ORDER if kind in found] or list(_ORDER)

    def read(self, pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
        """Return the arguments that these names and words give.
        Raises click.UsageError naming the parameter."""
        words: dict[str, list[str]] = {}
        for name, word in pairs:
            self.check_name(name)
            words.setdefault(name, []).append(word)
        return {name: self._value(name, each) for name, each in words.items()}

    def check_name(self, name: str) -> None:
        """Raise click.UsageError, with what may have been meant,
        unless there is a parameter of this name."""
        if name in self.schemas:
            return
        near = difflib.get_close_matches(name, self.schemas, n=1)
        accepted = (
            f"did you mean {near[0]}?" if near else f"it has: {', '.join(self.schemas) or 'none'}"
        )
        raise click.UsageError(f"The task has no parameter {name!r}; {accepted}")

    def describe(self, schema: Schema, depth: int = 0) -> str:
        """Return in a word or two what a parameter accepts."""
        schema = self.resolve(schema)
        if "enum" in schema:
            return "|".join(str(value) for value in schema["enum"])
        if schema.get("x-gatehouse-file"):
            return "@file"
        below = [] if depth == _MAX_DEPTH else _below(schema)
        kinds = schema.get("type", "any")
        words = [self.describe(each, depth + 1) for each in below] or (
            [kinds] if isinstance(kinds, str) else kinds
        )
        if words == ["array"] and schema.get("items") and depth < _MAX_DEPTH:
            return f"{self.describe(schema['items'], depth + 1)}..."
        return "|".join(dict.fromkeys(word for word in words if word not in ("null", "")))

    def explain(self, schema: Schema) -> str:
        """Return what is said of a parameter: in the task's words, and between which bounds."""
        bounds = [f"{words} {schema[name]}" for name, words in _BOUNDS.items() if name in schema]
        said = (str(schema.get("description", "")), ", ".join(bounds))
        return "; ".join(each for each in said if each)

    def _alternatives(
        self, schema: Schema, *, with_items: bool = False, depth: int = 0
    ) -> Iterable[Schema]:
        schema = self.resolve(schema)
        yield schema
        if depth == _MAX_DEPTH:
            return
        below = _below(schema)
        if with_items and isinstance(schema.get("items"), Mapping):
            below.append(schema["items"])
        for each in below:
            yield from self._alternatives(each, with_items=with_items, depth=depth + 1)

    def _value(self, name: str, words: list[str]) -> Any:
        schema = self.schemas[name]
        kinds = set(self.types(schema))
        if len(words) == 1 and (words[0].lstrip().startswith("[") or kinds - {"array", "null"}):
            return self._one(name, schema, words[0])
        if "array" not in kinds:
            raise click.UsageError(f"{name} is given {len(words)} times; it must be given once")
        lists = [each for each in self._alternatives(schema) if each.get("type") == "array"]
        items = lists[0].get("items", {}) if lists else {}
        return [self._one(name, items, word) for word in words]

    def _one(self, name: str, schema: Schema, word: str) -> Any:
        kinds = self.types(schema)
        for kind in kinds:
            try:
                return _read(kind, word)
            except ValueError:
                continue
        accepted = " or ".join(_ARTICLES[kind] for kind in kinds)
        raise click.UsageError(f"{name} must be {accepted}, not {word[:100]!r}")


def _below(schema: Schema) -> list[Schema]:
    return [each for word in ("anyOf", "oneOf", "allOf") for each in schema.get(word, ())]


def _read(kind: str, word: str) -> Any:
    """Return the word as a value of a JSON type, or raise ValueError."""
    if kind == "string":
        return word
    if kind == "boolean" and word.lower() in _WORDS_OF_TRUTH:
        return _WORDS_OF_TRUTH[word.lower()]
    value = load_json(word)
    if _type_of(value) != kind and not (kind == "number" and _type_of(value) == "integer"):
        raise ValueError(word)
    return value


def load_json(text: str) -> Any:
    """Return the value of JSON text. Raises ValueError for what the service refuses too:
    NaN, a name that comes twice."""
    try:
        return json.loads(
            text, parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_members
        )
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def json_problem(error: ValueError) -> str:
    """Return why a line is not JSON. The error's own line is always the first, or the one behind
    it."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos + 1}"
    return str(error)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} isn't JSON")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object's members: of two of one name one would be lost without a word."""
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f"the name {twice[:100]!r} comes twice in one object")
    return members


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


def _type_of(value: Any) -> str:
    kinds: dict[type, str] = {
        bool: "boolean",
        int: "integer",
        float: "number",
        str: "string",
        list: "array",
        dict: "object",
    }
    return kinds.get(type(value), "null")
