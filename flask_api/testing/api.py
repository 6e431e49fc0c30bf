"""The whole API for a test, its job engine running."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask

from flask_api.app import create_app, start_jobs, stop_jobs
from shared.settings import ApiSettings


@contextmanager
def running_api(settings: ApiSettings, **changes: Any) -> Iterator[Flask]:
    """Give an API with its jobs, under settings that differ in ``changes``;
    at the end everything is stopped.

    Its paths are without the prefix: ``client.post("/jobs?wait=10", json=...)``.
    """
    app = create_app(settings.model_copy(update=changes))
    start_jobs(app)
    try:
        yield app
    finally:
        stop_jobs(app, deadline_s=5)
