"""Celery's worker on a worker's machine: its consumer takes entries from the queue, ours runs
them."""

import logging
import threading
from functools import partial
from typing import Any

from celery.signals import worker_shutting_down
from kombu import Queue

from flask_api.jobs.workers.remote.celery_carrier import TASK, app_of
from flask_api.jobs.workers.remote.worker import RemoteWorker
from shared.settings import WorkerSettings

log = logging.getLogger("gatehouse.jobs")

_PAUSE_S = 0.5


def serve(worker: RemoteWorker, settings: WorkerSettings) -> None:
    """Take entries from Celery's queue until this process is told to stop.

    A message that Celery can't even read ends its consumer. Another one begins, without the
    message, when the attempts that run have ended.
    """
    app = app_of(settings)
    name = worker.name.text
    # Nothing is declared: a queue is the list of its name, and no binding outlives the worker.
    app.conf.task_queues = [Queue(name, routing_key=name, no_declare=True)]
    stopping = threading.Event()

    @app.task(name=TASK)  # type: ignore[untyped-decorator]  # Celery's
    def attempt(signed: object = None, *_: object, **__: object) -> None:
        worker.run(signed)

    def drain(**_: Any) -> None:
        """Celery waits for what runs; ours lets it go on for so long, then stops it."""
        stopping.set()
        stop = partial(worker.stop, drain_s=settings.worker_drain_s)
        threading.Thread(target=stop, name="gatehouse-drain").start()

    worker_shutting_down.connect(drain, weak=False)
    while not stopping.is_set():
        app.Worker(
            pool="threads",
            concurrency=worker.name.slots,
            hostname=name,
            queues=[name],
            loglevel="WARNING",
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
            quiet=True,
        ).start()
        if not stopping.wait(_PAUSE_S):
            log.warning("refused an entry of the queue: Celery can't read it, and begins anew")
