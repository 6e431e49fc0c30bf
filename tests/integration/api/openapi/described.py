"""An API with tasks of many shapes, and whether an answer is what its document says."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from jsonschema import Draft202012Validator, FormatChecker
from werkzeug.test import TestResponse

from flask_api.operation.describe import NDJSON
from flask_api.testing import running_api
from shared.settings import ApiSettings
from tests.integration.api.fuzz.fuzz_bench import FUZZ_TASKS
from tests.integration.gate.gate_bench import Visitor, new_visitor

ABSENT = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def app(api_settings: ApiSettings) -> Iterator[Flask]:
    """The API with tasks of many shapes."""
    with running_api(api_settings, task_modules=(*api_settings.task_modules, FUZZ_TASKS)) as app:
        yield app


@pytest.fixture
def visitor(site: None) -> Visitor:
    """Somebody who is logged in."""
    return new_visitor()


def closed(schema: Any) -> Any:
    """Return the schema with every object shut:
    what it does not name is an error, so nothing is undocumented."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    shut = {name: closed(each) for name, each in schema.items()}
    return {**shut, "additionalProperties": False} if "properties" in shut else shut


def fits(
    document: dict[str, Any], schema: dict[str, Any], value: Any, *, is_answer: bool = True
) -> None:
    """Fail unless the value fits the schema; an answer must have no member that the schema does not
    name."""
    components = {
        "components": closed(document["components"]) if is_answer else document["components"]
    }
    errors = list(
        Draft202012Validator({**schema, **components}, format_checker=FormatChecker()).iter_errors(
            value
        )
    )
    assert not errors, errors[:3]


def check_answer(document: dict[str, Any], operation_id: str, answer: TestResponse) -> None:
    """Fail unless the answer is one that the operation describes:
    status, media type, headers, body."""
    (operation,) = [
        operation
        for methods in document["paths"].values()
        for operation in methods.values()
        if operation["operationId"] == operation_id
    ]
    described = operation["responses"][str(answer.status_code)]
    missing = [
        name
        for name, header in described.get("headers", {}).items()
        if header["required"] and name not in answer.headers
    ]
    assert not missing
    if not answer.data:
        assert "content" not in described or answer.status_code == 200
        return
    content = described["content"][answer.mimetype]
    if answer.mimetype == NDJSON:
        for line in answer.get_data(as_text=True).splitlines():
            fits(document, content["x-line-schema"], json.loads(line))
    else:
        fits(document, content["schema"], json.loads(answer.data))
