"""Celery's worker on a worker's machine: its consumer takes entries from the queue, ours runs
them."""

import logging
import threading
from functools import partial
from typing import Any

from celery import Celery
from celery.signals import worker_shutting_down
from kombu import Queue

from flask_api.jobs.workers.remote import celery_messages, rabbitmq_messages
from flask_api.jobs.workers.remote.celery_carrier import app_of
from flask_api.jobs.workers.remote.celery_messages import TASK
from flask_api.jobs.workers.remote.rabbitmq_carrier import worker_queue
from flask_api.jobs.workers.remote.worker import RemoteWorker
from shared.settings import WorkerSettings

log = logging.getLogger("gatehouse.jobs")

_PAUSE_S = 0.5


def serve(worker: RemoteWorker, settings: WorkerSettings) -> None:
    """Take entries from Celery's queue until this process is told to stop.

    Should its consumer end by itself, another one begins when the attempts that run have ended.
    """
    queue = _queue_of(worker, settings)
    app = _app_of(worker, settings, queue)
    stopping = threading.Event()

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
            hostname=worker.name.text,
            queues=[queue.name],
            loglevel="WARNING",
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
            quiet=True,
        ).start()
        if not stopping.wait(_PAUSE_S):
            log.warning("Celery's consumer ended by itself; another one begins")


def _queue_of(worker: RemoteWorker, settings: WorkerSettings) -> Queue:
    """Return the worker's queue, and have nothing else be read there."""
    name = worker.name.text
    if settings.celery_broker_url is not None:
        rabbitmq_messages.read_only_attempts(worker.listens)
        return worker_queue(name)
    celery_messages.read_only_attempts()
    # Nothing is declared: a queue is the list of its name, and no binding outlives the worker.
    return Queue(name, routing_key=name, no_declare=True, no_ack=True)


def _app_of(worker: RemoteWorker, settings: WorkerSettings, queue: Queue) -> Celery:
    """Return Celery's application with one queue and one task: none of Celery's own."""
    app = app_of(settings)
    app.conf.task_queues = [queue]

    @app.task(name=TASK)  # type: ignore[untyped-decorator]  # Celery's
    def attempt(signed: object = None, *_: object, **__: object) -> None:
        worker.run(signed)

    app.finalize(auto=True)
    for built_in in set(app.tasks) - {TASK}:
        app.tasks.unregister(built_in)
    return app
