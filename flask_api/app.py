"""The Flask application: gate, job engine and endpoints put together."""

from collections.abc import Callable
from typing import Any

from flask import Flask, current_app, request

from flask_api.errors import register_all_error_handlers
from flask_api.gate.extension import Gatehouse, current_identity
from flask_api.gate.state import gate_state
from flask_api.http.engine import EXTENSION as JOBS
from flask_api.http.engine import current_engine
from flask_api.http.query import check_query
from flask_api.http.row_files import EXTENSION as ROWS
from flask_api.http.row_files import RowDesk
from flask_api.jobs.engine import JobEngine
from flask_api.jobs.records.reads import open_job_connections
from flask_api.jobs.shares import Shares
from flask_api.jobs.tasks.registry import load_tasks
from flask_api.metrics.extension import EXTENSION as METRICS
from flask_api.metrics.extension import Metrics
from flask_api.streams.desk import EXTENSION as STREAMS
from flask_api.streams.desk import StreamDesk
from flask_api.views import (
    batches,
    docs,
    events,
    files,
    health,
    jobs,
    me,
    metrics,
    openapi,
    problems,
    rows,
    shares,
    tasks,
    withdrawals,
)
from flask_api.views.shares import EXTENSION as SHARES
from shared.gone import GonePeople
from shared.settings import ApiSettings
from shared.signing import EntrySigner

# All that may be asked without a credential; a setting can close the metrics.
# Everything else, unknown paths too, is 401 first.
OPEN_ENDPOINTS = frozenset(
    {"health.live", "health.ready", "problems.show", "docs.asset", "metrics.show"}
)
_VIEWS = (
    batches,
    docs,
    events,
    files,
    health,
    jobs,
    me,
    metrics,
    openapi,
    problems,
    rows,
    shares,
    tasks,
    withdrawals,
)


class _Api(Flask):
    """Flask, for views and hooks that are all plain functions."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return ``func``: Flask would look at each of a dozen, at every request,
        for one that is a coroutine."""
        return func


def create_app(settings: ApiSettings) -> Flask:
    """Return the API. Opens no connection and starts no thread:
    :func:`start_jobs` does, after any fork.

    Raises ConfigurationError when a task module is wrong.
    """
    app = _Api("flask_api", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.json.sort_keys = False  # type: ignore[attr-defined]  # records read best in the order they are written in
    Gatehouse(app, settings=settings)
    register_all_error_handlers(app)
    store = open_job_connections(settings)
    gone = GonePeople(gate_state(app).store, EntrySigner(settings.secrets))
    app.extensions[JOBS] = JobEngine(store, load_tasks(settings.task_modules), settings, gone=gone)
    app.extensions["gatehouse_job_connections"] = store
    app.extensions[STREAMS] = StreamDesk(store, settings)
    app.extensions[ROWS] = RowDesk(app.extensions[JOBS])
    app.extensions[SHARES] = Shares(store, gone)
    app.extensions[METRICS] = Metrics(
        app, engine=app.extensions[JOBS], streams=app.extensions[STREAMS], jobs=store
    )
    app.config["OPEN_ENDPOINTS"] = OPEN_ENDPOINTS - (
        {"metrics.show"} if settings.metrics == "closed" else set()
    )
    for module in _VIEWS:
        app.register_blueprint(module.blueprint)
    app.before_request(_deny_by_default)
    app.before_request(_refuse_unknown_parameters)
    return app


def check_jobs(app: Flask) -> None:
    """Raise ConfigurationError when the jobs' Redis may lose accepted jobs."""
    current_engine(app).check_redis()


def start_jobs(app: Flask) -> None:
    """Begin to accept jobs in this process."""
    current_engine(app).start()


def release_waiters(app: Flask) -> None:
    """End this process's long-polls and event streams: the first step of a graceful stop."""
    current_engine(app).release_waiters()
    app.extensions[STREAMS].release()


def stop_jobs(app: Flask, *, deadline_s: float) -> bool:
    """Drain the engine and close the connections; True when no job is left running."""
    drained = current_engine(app).shutdown(deadline_s=deadline_s)
    app.extensions[STREAMS].stop()
    app.extensions["gatehouse_job_connections"].close()
    gate_state(app).store.close()
    return drained


def _deny_by_default() -> None:
    if request.endpoint not in current_app.config["OPEN_ENDPOINTS"]:
        current_identity()


def _refuse_unknown_parameters() -> None:
    check_query(current_app.view_functions.get(request.endpoint or ""))
