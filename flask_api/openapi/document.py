"""The OpenAPI 3.1 document of an application, made from its routes, its views and its tasks."""

import json
import re
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from flask import Flask

from flask_api.gate.requirements import scopes_of
from flask_api.gate.state import gate_state
from flask_api.http.state import api_state
from flask_api.openapi.operations import Describer, Endpoint
from flask_api.openapi.schemas import Components, add_tasks
from flask_api.operation.describe import Schema, find_operation
from shared.version import VERSION

_ABOUT = """\
Submit jobs, watch them, fetch what they made. Errors are problem details (RFC 9457): type leads to
a page that says what to do. A query parameter that an operation does not list is refused. Members
may be added to any answer.
"""
_PARAMETER = re.compile(r"<(?:(\w+)(?:\([^)<]*\))?:)?(\w+)>")
_CONVERTERS: dict[str, Schema] = {
    "uuid": {"type": "string", "format": "uuid"},
    "int": {"type": "integer", "minimum": 0},
}
# Of a module of views that does not say where a reader should meet it:
# after the work itself, before what the API says about itself.
_PLACE = 50
# From here on: what only operators may, and what the API says about itself.
_ASIDE = 80


def document_of(app: Flask, *, server: str) -> dict[str, Any]:
    """Return the document for clients that reach the API at ``server``.

    Made on first use: routes and tasks don't change once the application serves.
    """
    return {**api_state(app).document(), "servers": [{"url": server}]}


def build_document(app: Flask) -> dict[str, Any]:
    """Return the document of all endpoints that describe themselves."""
    settings, registry, components = (
        gate_state(app).settings,
        api_state(app).engine.registry,
        Components(),
    )
    endpoints = list(find_endpoints(app))
    add_tasks(components, registry)
    describer = Describer(endpoints, components, registry, settings)
    paths: dict[str, dict[str, Schema]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method] = describer.describe(endpoint)
    tags = sorted({endpoint.tag for endpoint in endpoints}, key=lambda tag: (_place(app, tag), tag))
    schemes = {
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.cookie_name,
            "description": "A log-in on the site.",
        },
        "key": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "gh_...",
            "description": "An API key; it has scopes.",
        },
    }
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Gatehouse", "version": VERSION, "description": _ABOUT},
        "servers": [{"url": settings.api_prefix}],
        "tags": [_tag(app, tag) for tag in tags],
        "paths": paths,
        "components": {"schemas": components.as_json(), "securitySchemes": schemes},
    }
    # Through JSON: no enum and no tuple is left in it.
    # Docstrings write code as ``code``, CommonMark as `code`.
    plain: dict[str, Any] = json.loads(json.dumps(document).replace("``", "`"))
    return plain


def find_endpoints(app: Flask) -> Iterator[Endpoint]:
    """Yield every endpoint that describes itself, by path; HEAD and OPTIONS are HTTP's own."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        view = app.view_functions[rule.endpoint]
        operation = find_operation(view)
        methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        if operation is not None:
            yield from (
                Endpoint(
                    operation=operation,
                    method=method.lower(),
                    path=_PARAMETER.sub(r"{\2}", rule.rule),
                    path_parameters={
                        name: _CONVERTERS.get(kind, {"type": "string"})
                        for kind, name in _PARAMETER.findall(rule.rule)
                    },
                    tag=rule.rule.split("/")[1].partition(".")[0],
                    is_open=rule.endpoint in api_state(app).open_endpoints,
                    scopes=scopes_of(view),
                )
                for method in methods
            )


def _tag(app: Flask, tag: str) -> dict[str, Any]:
    aside = {"x-aside": True} if _place(app, tag) >= _ASIDE else {}
    return {"name": tag, "description": _about(app, tag), **aside}


def _place(app: Flask, tag: str) -> int:
    return getattr(_module_of(app, tag), "PLACE_IN_DOCS", _PLACE)


def _about(app: Flask, tag: str) -> str:
    text = getattr(_module_of(app, tag), "__doc__", None) or ""
    return " ".join(text.partition("\n\n")[0].split())


def _module_of(app: Flask, tag: str) -> ModuleType | None:
    """Return the module whose blueprint has the tag's name, if any: it says what its endpoints are
    for. Some paths begin with another word."""
    blueprint = app.blueprints.get(tag)
    return None if blueprint is None else sys.modules[blueprint.import_name]
