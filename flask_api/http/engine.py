"""The job engine of the current application."""

from typing import cast

from flask import Flask, current_app

from flask_api.jobs.engine import JobEngine

EXTENSION = "gatehouse_jobs"


def current_engine(app: Flask | None = None) -> JobEngine:
    """Return the engine of ``app``, by default the one that answers this request."""
    return cast(JobEngine, (app or current_app).extensions[EXTENSION])
