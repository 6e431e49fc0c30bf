"""The API with tasks whose jobs are shared, and a person who has run one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_api.testing import running_api
from shared.settings import ApiSettings
from tests.integration.gate.gate_bench import Visitor, new_visitor
from tests.integration.sharing.share_bench import run


@pytest.fixture
def app(api_settings: ApiSettings, tmp_path: Path) -> Iterator[Flask]:
    """The API with these tasks and a folder of its own."""
    tasks = ("tests.integration.sharing.shared_tasks",)
    url = f"file://{tmp_path / 'files'}"
    with running_api(api_settings, task_modules=tasks, job_files_url=url) as app:
        yield app


@pytest.fixture
def owner(site: None) -> Visitor:
    """Who shares."""
    return new_visitor()


@pytest.fixture
def job(app: Flask, owner: Visitor) -> dict[str, Any]:
    """An ended job of theirs with a result, a log and a file."""
    return run(app, owner, "shared.all", secret="a hidden word")
