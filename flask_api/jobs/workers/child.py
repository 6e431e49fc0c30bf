"""What runs in a child process: its own task registry, its own connection to Redis for progress,
log lines and files."""

import logging
import multiprocessing
import os
import signal
import threading
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection

from pydantic import SecretStr

from flask_api.jobs.errors import StopReason
from flask_api.jobs.files.job_inputs import inputs_of_job
from flask_api.jobs.files.storage import FileStore
from flask_api.jobs.files.uploads import Uploads
from flask_api.jobs.records.job import Launch
from flask_api.jobs.records.reads import open_job_connections
from flask_api.jobs.records.states import Checkpoints
from flask_api.jobs.records.usage import quota_of
from flask_api.jobs.records.writes import Ledger
from flask_api.jobs.tasks.context import JobContext
from flask_api.jobs.tasks.registry import TaskRegistry, load_tasks
from flask_api.jobs.workers.attempt import JobLogHandler, Outcome, call, deadline_check
from flask_api.jobs.workers.reporter import LedgerReporter
from shared.settings import ApiSettings, forget_secrets


@dataclass(frozen=True, slots=True)
class _Child:
    settings: ApiSettings
    registry: TaskRegistry
    ledger: Ledger
    files: FileStore
    checkpoints: Checkpoints
    uploads: Uploads


_CHILD: list[_Child] = []
BEGUN = "begun"


def serve(pipe: Connection, settings: ApiSettings) -> None:
    """Be a child: run what comes through the pipe, one attempt after the other,
    until its other end is closed."""
    # sent to a whole group they are for the server: it ends us in its order
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    prepare(settings)
    with suppress(EOFError, OSError):
        while True:
            launch, attempt, instance = pipe.recv()
            pipe.send(BEGUN)
            pipe.send(run(launch, attempt, instance))


def settings_for_child(settings: ApiSettings) -> ApiSettings:
    """Return what a child is told: where jobs are,
    and neither what signs sessions nor where those are."""
    jobs = SecretStr(settings.job_store_url)
    return settings.model_copy(
        update={
            "session_secrets": (),
            "redis_url": jobs,
            "api_redis_url": jobs,
            "jobs_redis_url": jobs,
        }
    )


def prepare(settings: ApiSettings) -> None:
    """Make this process ready for jobs; called once in each child."""
    logging.getLogger().addHandler(JobLogHandler())
    store = open_job_connections(settings, connections=2)
    files = FileStore(settings)
    # a module of somebody's may read its settings: forget them after that
    registry = load_tasks(settings.task_modules)
    forget_secrets()
    ledger = Ledger(store, quota_of(settings))
    _CHILD[:] = [
        _Child(
            settings,
            registry,
            ledger,
            files,
            Checkpoints(store, ledger),
            Uploads(store, files, settings),
        )
    ]
    # A child whose server was killed must not go on with a job that another server runs by then.
    threading.Thread(target=_end_with_server, name="gatehouse-server-watch", daemon=True).start()


def run(launch: Launch, attempt: int, instance: str) -> Outcome:
    """Run one attempt here and return how it ended."""
    child = _CHILD[0]
    task = child.registry.get(launch.task)
    signals: list[StopReason] = []
    context = JobContext(
        job_id=launch.job_id,
        attempt=attempt,
        settings=child.settings,
        reporter=LedgerReporter(
            child.ledger,
            launch,
            instance=instance,
            attempt=attempt,
            files=child.files,
            checkpoints=child.checkpoints,
            signal=signals.append,
        ),
        must_stop=deadline_check(task.policy, lambda: signals[0] if signals else None),
        inputs=inputs_of_job(child.uploads, launch.owner_id),
    )
    return call(task, launch, context, result_max_bytes=child.settings.job_result_max_bytes)


def _end_with_server() -> None:
    # Not getppid: our parent is the fork server, which lives as long as we do.
    server = multiprocessing.parent_process()
    if server is not None:
        server.join()
        os._exit(1)
