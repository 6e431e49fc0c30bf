"""The API with the sample tasks, and a job submitted to it."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from flask_api.testing import running_api
from shared.settings import ApiSettings
from tests.integration.engine import sample_tasks
from tests.integration.gate.gate_bench import SAMPLE_TASKS, Visitor, ask


@pytest.fixture
def tasks_api(api_settings: ApiSettings) -> Iterator[Flask]:
    """The API with the sample tasks beside its own; hanging ones are let go at the end."""
    sample_tasks.RELEASE.clear()
    with running_api(api_settings, task_modules=(*api_settings.task_modules, SAMPLE_TASKS)) as app:
        yield app
        sample_tasks.RELEASE.set()


def submit(
    app: Flask, visitor: Visitor, name: str, *, wait_s: float = 0, **arguments: Any
) -> TestResponse:
    """Submit a job and return the answer."""
    path = f"/api/jobs?wait={wait_s}" if wait_s else "/api/jobs"
    body = {"task": name, "arguments": arguments}
    return ask(app, path, method="POST", cookie=visitor.cookie, json=body)
