"""The API with the sample tasks and low limits."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from flask_api.testing import running_api
from shared.settings import ApiSettings
from tests.integration.engine import sample_tasks
from tests.integration.gate.gate_bench import SAMPLE_TASKS, Visitor, ask, new_visitor


@pytest.fixture
def app(api_settings: ApiSettings, tmp_path: Path) -> Iterator[Flask]:
    """The API with the sample tasks and low limits."""
    sample_tasks.RELEASE.clear()
    changes: dict[str, Any] = {
        "job_person_limit": 5,
        "batch_max": 8,
        "job_files_url": f"file://{tmp_path / 'files'}",
    }
    with running_api(api_settings, task_modules=(SAMPLE_TASKS,), **changes) as app:
        yield app
        sample_tasks.RELEASE.set()


@pytest.fixture
def visitor(site: None) -> Visitor:
    """Somebody who is logged in."""
    return new_visitor()


def post(app: Flask, visitor: Visitor, path: str, body: Any = None, **headers: str) -> TestResponse:
    """Post JSON."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return ask(app, path, method="POST", cookie=visitor.cookie, json=body, headers=sent)


def get(app: Flask, visitor: Visitor, path: str) -> Any:
    """Get JSON."""
    answer = ask(app, path, cookie=visitor.cookie)
    assert answer.status_code == 200, answer.data
    return answer.get_json()


def lines_of(answer: TestResponse) -> list[dict[str, Any]]:
    """Return the lines of NDJSON."""
    assert answer.status_code == 200, answer.data
    assert answer.mimetype == "application/x-ndjson"
    return [json.loads(line) for line in answer.get_data(as_text=True).splitlines()]
