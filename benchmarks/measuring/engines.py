"""Our job engine alone, without the service around it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from benchmarks.measuring.context import USERNAME, Context
from flask_api.jobs.engine import JobEngine
from flask_api.jobs.records.job import Owner
from flask_api.jobs.records.job_reader import open_job_connections
from flask_api.jobs.tasks.registry import load_tasks
from shared.errors import JobStoreUnavailable
from shared.settings import ApiSettings

T = TypeVar("T")

_PAUSE_S = 0.005
OWNER = Owner(id="1", username=USERNAME)
# Queues of the peers have no bound, and forget what ended. One job costs what it costs at any
# bound; the other settings are the defaults.
UNBOUNDED = {
    "job_person_limit": 1_000_000,
    "job_queue_limit": 1_000_000,
    "person_bytes": 100_000_000_000,
    "person_ended_jobs": 100_000_000,
}


def api_settings(context: Context, **changes: Any) -> ApiSettings:
    """Return the API's settings for this run: the defaults,
    with the benchmarks' tasks and no bound on queues."""
    values = {
        "session_secrets": context.session_secret,
        "api_redis_url": context.api_redis_url,
        "job_files_url": f"{context.folder}/files",
        "task_modules": "benchmarks.measuring.job_tasks",
        **UNBOUNDED,
        **changes,
    }
    return ApiSettings.model_validate(values)


@contextmanager
def open_engine(context: Context, **changes: Any) -> Iterator[JobEngine]:
    """Yield a started engine; it is drained at the end."""
    settings = api_settings(context, **changes)
    store = open_job_connections(settings)
    engine = JobEngine(store, load_tasks(settings.task_modules), settings)
    engine.start()
    try:
        yield engine
    finally:
        engine.shutdown(deadline_s=5)
        store.close()


def insist(action: Callable[[], T], *, on_refusal: Callable[[], None] = lambda: None) -> T:
    """Do as a client does that is answered 503,
    when Redis did not answer in time on a busy machine: try again.

    The peers wait for Redis without a bound instead.
    A submit whose answer was lost is made twice then, at our cost.
    """
    while True:
        try:
            return action()
        except JobStoreUnavailable:
            on_refusal()
            time.sleep(_PAUSE_S)
