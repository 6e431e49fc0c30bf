"""An endpoint is one module of views: no other file of the server knows of it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

import flask_api
from flask_api import views
from flask_api.app import create_app
from flask_api.openapi.document import build_document, find_endpoints
from shared.settings import ApiSettings

GREETINGS = '''"""Greetings, and whom they are for.

What only its programmer reads.
"""

from flask import Blueprint, Response, jsonify
from pydantic import BaseModel

from flask_api.gate.requirements import scope_required
from flask_api.operation.describe import Answer, describe

blueprint = Blueprint("greetings", __name__)
PLACE_IN_DOCS = 0


class Greeting(BaseModel):
    """What is said."""

    text: str


@blueprint.get("/greetings/<name>")
@scope_required("jobs:cancel")
@scope_required("jobs:read", "jobs:submit")
@describe("getGreeting", answers={200: Answer("It.", Greeting)}, command="gatehouse greet {name}")
def show(name: str) -> Response:
    """Greet somebody."""
    return jsonify(text=f"Hello, {name}!")
'''


@pytest.fixture
def settings() -> ApiSettings:
    """Enough for an application that nobody asks anything of Redis."""
    return ApiSettings(session_secrets=("x" * 32,))


@pytest.fixture
def app(settings: ApiSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """The API with one more module of views."""
    (tmp_path / "greetings.py").write_text(GREETINGS)
    monkeypatch.setattr(views, "__path__", [*views.__path__, str(tmp_path)])
    yield create_app(settings)
    del sys.modules["flask_api.views.greetings"], vars(views)["greetings"]


def test_module_of_views_is_found_gated_and_described(app: Flask) -> None:
    """The module alone makes the endpoint, its place and text in the docs, its scopes, its call."""
    document = build_document(app)
    operation = document["paths"]["/greetings/{name}"]["get"]
    tag = {"name": "greetings", "description": "Greetings, and whom they are for."}
    assert (document["tags"][0], operation["tags"]) == (tag, ["greetings"])
    assert operation["security"][1] == {"key": ["jobs:cancel", "jobs:read", "jobs:submit"]}
    assert operation["responses"].keys() >= {"200", "302", "401", "403", "503"}
    assert document["components"]["schemas"]["Greeting"]["required"] == ["text"]
    said = {each.operation.id: each.operation for each in find_endpoints(app)}
    assert said["getGreeting"].command == "gatehouse greet {name}"
    assert app.test_client().get("/greetings/ada").status_code == 401


def test_each_operation_is_named_in_one_file(settings: ApiSettings) -> None:
    """What knows an operation by its id would have to be changed with it."""
    folder = Path(flask_api.__file__).parent
    texts = {
        path: path.read_text()
        for pattern in ("*.py", "*.html", "*.js")
        for path in folder.rglob(pattern)
        if path.name != "describe.py"  # an example in its docstring
    }
    places = {
        each.operation.id: [
            path.name for path, text in texts.items() if f'"{each.operation.id}"' in text
        ]
        for each in find_endpoints(create_app(settings))
    }
    assert {name: found for name, found in places.items() if len(found) != 1} == {}
