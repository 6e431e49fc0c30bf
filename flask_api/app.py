"""The Flask application: gate, job engine and endpoints put together."""

from flask import Flask, request

from flask_api.gate.extension import Gatehouse, current_identity, gate_state
from flask_api.jobs.engine import JobEngine
from flask_api.jobs.registry import load_tasks
from flask_api.jobs.store import open_job_connections
from flask_api.views import batches, health, jobs, me, problems, tasks
from flask_api.views.engine import EXTENSION as JOBS
from flask_api.views.engine import current_engine
from shared.settings import ApiSettings

# All that may be asked without a credential. Everything else, unknown paths too, is 401 first.
OPEN_ENDPOINTS = frozenset({"health.live", "problems.show"})


def create_app(settings: ApiSettings) -> Flask:
    """Return the API. Opens no connection and starts no thread: :func:`start_jobs` does, after any fork.

    Raises ConfigurationError when a task module is wrong.
    """
    app = Flask("flask_api", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.json.sort_keys = False  # type: ignore[attr-defined]  # records read best in the order they are written in
    Gatehouse(app, settings=settings)
    store = open_job_connections(settings)
    app.extensions[JOBS] = JobEngine(store, load_tasks(settings.task_modules), settings)
    app.extensions["gatehouse_job_connections"] = store
    for module in (batches, health, jobs, me, problems, tasks):
        app.register_blueprint(module.blueprint)
    app.before_request(_deny_by_default)
    return app


def check_jobs(app: Flask) -> None:
    """Raise ConfigurationError when the jobs' Redis may lose accepted jobs."""
    current_engine(app).check_redis()


def start_jobs(app: Flask) -> None:
    """Begin to accept jobs in this process."""
    current_engine(app).start()


def release_waiters(app: Flask) -> None:
    """End this process's long-polls: the first step of a graceful stop."""
    current_engine(app).release_waiters()


def stop_jobs(app: Flask, *, deadline_s: float) -> bool:
    """Drain the engine and close the connections; True when no job is left running."""
    drained = current_engine(app).shutdown(deadline_s=deadline_s)
    app.extensions["gatehouse_job_connections"].close()
    gate_state(app).store.close()
    return drained


def _deny_by_default() -> None:
    if request.endpoint not in OPEN_ENDPOINTS:
        current_identity()
