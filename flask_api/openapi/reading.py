"""The document arranged for a reader: chapters of operations, with examples to try."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask_api.openapi.examples import example_of
from flask_api.operation.describe import JSON

Document = dict[str, Any]

# as operations.py lists them, in CommonMark
_PROBLEM = re.compile(r"^- `(\w+)`: (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A body to begin with; ``name`` is its task, or empty."""

    name: str
    summary: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Possible:
    """One answer that an operation may give. ``schema`` is the name of its schema, or empty.

    ``problems`` are the codes it may have, each with its meaning;
    ``description`` is what is said besides them.
    """

    status: str
    description: str
    problems: tuple[tuple[str, str], ...]
    schema: str
    headers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentedOperation:
    """One operation as it is read."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    is_open: bool
    scopes: tuple[str, ...]
    parameters: tuple[dict[str, Any], ...]
    examples: tuple[Example, ...]
    media_types: tuple[str, ...]  # of the body
    answers: tuple[Possible, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """The operations of one tag; one that stands aside is folded at first, so that the page shows
    what everybody may."""

    name: str
    about: str
    is_aside: bool
    operations: tuple[DocumentedOperation, ...]


def chapters(document: Document) -> tuple[Chapter, ...]:
    """Return the operations by tag."""
    readings = [(operation["tags"][0], reading) for operation, reading in _readings(document)]
    return tuple(
        Chapter(
            name=tag["name"],
            about=tag["description"],
            is_aside="x-aside" in tag,
            operations=tuple(reading for name, reading in readings if name == tag["name"]),
        )
        for tag in document["tags"]
    )


def schema_groups(document: Document) -> dict[str, list[tuple[str, str]]]:
    """Return the name and the text of every schema, by the task that it is of;
    those of all tasks come first, under ""."""
    groups: dict[str, list[tuple[str, str]]] = {"": []}
    for name, schema in document["components"]["schemas"].items():
        groups.setdefault(name.rpartition(".")[0], []).append((name, json.dumps(schema, indent=2)))
    return groups


def _readings(document: Document) -> Iterator[tuple[dict[str, Any], DocumentedOperation]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            security = operation["security"]
            content = operation.get("requestBody", {}).get("content", {})
            yield (
                operation,
                DocumentedOperation(
                    id=operation["operationId"],
                    method=method.upper(),
                    path=path,
                    summary=operation["summary"],
                    description=operation["description"],
                    is_open=not security,
                    scopes=tuple(scope for each in security for scope in each.get("key", ())),
                    parameters=tuple(operation["parameters"]),
                    examples=tuple(_examples(document, content.get(JSON, {}).get("schema", {})))
                    if JSON in content
                    else (),
                    media_types=tuple(content),
                    answers=tuple(
                        _possible(status, answer)
                        for status, answer in operation["responses"].items()
                    ),
                ),
            )


def _examples(document: Document, schema: dict[str, Any]) -> Iterator[Example]:
    alternatives = schema.get("discriminator", {}).get("mapping")
    if alternatives is None:
        yield Example(name="", summary="", body=json.dumps(example_of(document, schema), indent=2))
        return
    for name, reference in alternatives.items():
        body = example_of(document, {"$ref": reference})
        summary = document["components"]["schemas"][reference.rpartition("/")[2]]["description"]
        yield Example(name=name, summary=summary, body=json.dumps(body, indent=2))


def _possible(status: str, answer: dict[str, Any]) -> Possible:
    content: dict[str, Any] = next(iter(answer.get("content", {}).values()), {})
    reference = (content.get("schema") or content.get("x-line-schema") or {}).get("$ref", "")
    headers = tuple(answer.get("headers", ()))
    return Possible(
        status=status,
        description=_PROBLEM.sub("", answer["description"]).strip(),
        problems=tuple(_PROBLEM.findall(answer["description"])),
        schema=reference.rpartition("/")[2],
        headers=headers,
    )
