"""The Flask application: gate, job engine and endpoints put together."""

import logging
from collections.abc import Iterable, Iterator
from functools import cache, partial
from typing import TYPE_CHECKING, TypeVar

from flask import Flask
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from flask_api.errors import register_all_error_handlers
from flask_api.framework import ApiFlask
from flask_api.gate.extension import Gatehouse, current_identity
from flask_api.gate.requirements import decide_on
from flask_api.gate.state import gate_state, this_app, this_request
from flask_api.http.query import check_query
from flask_api.http.row_files import RowReader
from flask_api.http.state import EXTENSION, ApiState, api_state
from flask_api.http.wait import register_parking
from flask_api.jobs.engine import JobEngine
from flask_api.jobs.files.file_system import VARIABLE
from flask_api.jobs.files.storage import FileStore
from flask_api.jobs.operating.operators import Operators
from flask_api.jobs.records.job_reader import open_job_connections
from flask_api.jobs.sharing.onlookers import Onlookers
from flask_api.jobs.sharing.shares import Shares
from flask_api.jobs.tasks.registry import load_tasks
from flask_api.jobs.workers.executors import EXECUTORS
from flask_api.metrics.extension import Metrics
from flask_api.openapi.document import build_document
from flask_api.streams.shared import SharedChecks
from flask_api.streams.streams import Streams
from flask_api.views import find_blueprints
from shared.contract.gone import GonePeople
from shared.contract.signed_requests import API_AUDIENCE
from shared.contract.signing import EntrySigner
from shared.http.edge import Edge
from shared.http.mount import enter
from shared.http.service import DrainDeadline, probe_paths
from shared.settings import (
    ApiSettings,
    ServerSettings,
    load_settings,
    misspelt_settings,
    require_free_threads,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

AppT = TypeVar("AppT", bound=ApiFlask)

# All that may be asked without a credential; a setting can close the metrics.
# Everything else, unknown paths too, is 401 first.
OPEN_ENDPOINTS = frozenset(
    {"health.live", "health.ready", "problems.show", "docs.asset", "metrics.show"}
)

log = logging.getLogger("gatehouse.server")


def create_app(settings: ApiSettings | None = None) -> Flask:
    """Return the API. Opens no connection and starts no thread:
    :func:`start_jobs` does, after any fork.

    Without ``settings`` it is the API alone, by those of the environment: see AloneApi.
    Raises ConfigurationError when a task module is wrong, or those settings.
    """
    return _create_alone() if settings is None else _create(ApiFlask, settings)


def _create_alone() -> "AloneApi":
    server, settings = load_settings(ServerSettings), load_settings(ApiSettings)
    require_free_threads(server, settings)
    for line in misspelt_settings():
        log.warning(line)
    api = _create(AloneApi, settings)
    api.mount(DrainDeadline(server.drain_s))
    return api


def _create(kind: type[AppT], settings: ApiSettings) -> AppT:
    app = kind("flask_api", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    Gatehouse(app, settings=settings, audience=API_AUDIENCE)
    register_all_error_handlers(app)
    register_parking(app)
    store = open_job_connections(settings)
    gone = GonePeople(gate_state(app).store, EntrySigner(settings.secrets))
    engine = JobEngine(store, load_tasks(settings.task_modules), settings, gone=gone)
    shares, onlookers = Shares(store, gone), Onlookers(store)
    streams = Streams(
        store, gate_state(app).store, settings, shared=SharedChecks(shares, onlookers)
    )
    closed = {"metrics.show"} if settings.metrics == "closed" else set()
    open_endpoints = OPEN_ENDPOINTS - closed
    app.extensions[EXTENSION] = ApiState(
        engine=engine,
        jobs_store=store,
        streams=streams,
        rows=RowReader(engine),
        shares=shares,
        onlookers=onlookers,
        operators=Operators(store, engine),
        metrics=Metrics(app, engine=engine, streams=streams, jobs=store).render,
        open_endpoints=open_endpoints,
        document=cache(partial(build_document, app)),
    )
    for blueprint in find_blueprints():
        app.register_blueprint(blueprint)
    app.before_request(partial(_deny_by_default, open_endpoints))
    return app


class AloneApi(ApiFlask):
    """The API on a host of its own, at its prefix, where no Django is:

        gunicorn -c gunicorn.conf.py 'flask_api.app:create_app()'

    gunicorn.conf.py starts and stops what is beside its requests, in each worker.
    """

    _deadline: DrainDeadline

    def mount(self, deadline: DrainDeadline) -> None:
        """Answer below the prefix only, probes under any host; a stop has this deadline."""
        self._deadline = deadline
        settings = gate_state(self).settings
        prefix = settings.api_prefix
        mounted = Edge(
            DispatcherMiddleware(NotFound(), {prefix: self.wsgi_app}),
            settings,
            open_paths=probe_paths(prefix),
        )

        def answer(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
            enter(environ, prefixes=settings.believed_prefixes)
            return mounted(environ, start)

        self.wsgi_app = answer  # type: ignore[method-assign,assignment]

    def check(self) -> None:
        """Raise ConfigurationError when the jobs' Redis may lose accepted jobs."""
        check_jobs(self)

    def start(self) -> None:
        """Begin to accept jobs in this process."""
        start_jobs(self)

    def release_waiters(self) -> None:
        """Begin a graceful stop: end what waits. The drain deadline counts from here."""
        self._deadline.begin()
        release_waiters(self)

    def stop(self) -> bool:
        """Drain the jobs; True when none is left running."""
        self.release_waiters()
        return stop_jobs(self, deadline_s=max(0.0, self._deadline.left_s))


def check_jobs(app: Flask) -> None:
    """Raise ConfigurationError when the jobs' Redis may lose accepted jobs."""
    api_state(app).engine.check_redis()


def file_problems(settings: ApiSettings) -> Iterator[str]:
    """Yield a sentence if no file can be stored."""
    if problem := FileStore(settings).find_problem():
        yield f"{VARIABLE}: no file can be stored there: {problem}"


def file_warnings(settings: ApiSettings) -> Iterator[str]:
    """Yield a sentence for executors that run jobs elsewhere, while files lie in the folder of this
    machine that is assumed where none is named."""
    elsewhere = sorted(set(settings.executors.values()) - EXECUTORS.keys())
    if elsewhere and not settings.job_files_url:
        yield (
            f"{', '.join(elsewhere)} may run jobs on other machines, where the files of this one's "
            f"var/files are not found: name a storage that all of them reach in {VARIABLE}"
        )


def start_jobs(app: Flask) -> None:
    """Begin to accept jobs in this process."""
    api_state(app).engine.start()


def release_waiters(app: Flask) -> None:
    """End this process's long-polls and event streams: the first step of a graceful stop."""
    api_state(app).engine.release_waiters()
    api_state(app).streams.release()


def stop_jobs(app: Flask, *, deadline_s: float) -> bool:
    """Drain the engine and close the connections; True when no job is left running."""
    drained = api_state(app).engine.shutdown(deadline_s=deadline_s)
    api_state(app).streams.stop()
    api_state(app).jobs_store.close()
    gate_state(app).store.close()
    return drained


def _deny_by_default(open_endpoints: frozenset[str]) -> None:
    """Find out who asks, unless anybody may; then refuse parameters that the view doesn't know."""
    sent = this_request()
    if sent.endpoint not in open_endpoints:
        current_identity()
    view = this_app().view_functions.get(sent.endpoint or "")
    if view is not None and sent.query_string:
        decide_on(view)  # who may, before what was sent
        check_query(view)
