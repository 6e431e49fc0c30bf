"""What runs in a child process: its own task registry, its own connection to Redis for progress,
log lines and files."""

import fcntl
import logging
import multiprocessing
import os
import signal
import threading
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from pydantic import SecretStr

from flask_api.jobs.errors import StopReason
from flask_api.jobs.records.job import Attempt
from flask_api.jobs.records.job_reader import open_job_connections
from flask_api.jobs.tasks.registry import load_tasks
from flask_api.jobs.workers.outcome import Outcome
from flask_api.jobs.workers.runner import AttemptRunner, JobLogHandler
from shared.settings import ApiSettings, forget_secrets

BEGUN = "begun"


def serve(pipe: Connection, settings: ApiSettings) -> None:
    """Be a child: run what comes through the pipe, one attempt after the other,
    until its other end is closed."""
    # sent to a whole group they are for the server: it ends us in its order
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    runner = prepare(settings)
    with suppress(EOFError, OSError):
        while True:
            attempt: Attempt = pipe.recv()
            pipe.send(BEGUN)
            pipe.send(run(runner, attempt))


def settings_for_child(settings: ApiSettings) -> ApiSettings:
    """Return what a child is told: where jobs are,
    and neither what signs sessions nor where those are."""
    jobs = SecretStr(settings.job_store_url)
    return settings.model_copy(
        update={
            "session_secrets": (),
            "worker_secrets": (),
            "audience_secrets": {},
            "celery_broker_url": None,
            "redis_url": jobs,
            "api_redis_url": jobs,
            "jobs_redis_url": jobs,
        }
    )


def prepare(settings: ApiSettings) -> AttemptRunner:
    """Make this process ready for jobs; called once in each child."""
    logging.getLogger().addHandler(JobLogHandler())
    store = open_job_connections(settings, connections=2)
    # a module of somebody's may read its settings: forget them after that
    registry = load_tasks(settings.task_modules)
    forget_secrets()
    _end_with_server()
    return AttemptRunner(store, registry, settings)


def run(runner: AttemptRunner, attempt: Attempt) -> Outcome:
    """Run one attempt here and return how it ended: what Redis says can stop it,
    what its server says kills this process."""
    signals: list[StopReason] = []
    return runner.run(
        attempt,
        stop_reason=lambda: signals[0] if signals else None,
        signal=signals.append,
    )


def _end_with_server() -> None:
    """Have this process end with its server: one whose server was killed must not go on with a job
    that another server runs by then."""
    # Not getppid: our parent is the fork server, which lives as long as we do.
    server = multiprocessing.parent_process()
    if server is None:
        return
    if hasattr(fcntl, "F_SETSIG"):
        # By the kernel: a task that is in one long call of C lets no thread of ours run.
        fcntl.fcntl(server.sentinel, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(server.sentinel, fcntl.F_SETSIG, signal.SIGKILL)
        flags = fcntl.fcntl(server.sentinel, fcntl.F_GETFL)
        fcntl.fcntl(server.sentinel, fcntl.F_SETFL, flags | os.O_ASYNC)
    # Also for one that was killed before that, and where there are no such signals.
    watch = partial(_wait_for_end, server)
    threading.Thread(target=watch, name="gatehouse-server-watch", daemon=True).start()


def _wait_for_end(server: BaseProcess) -> None:
    server.join()
    os._exit(1)
