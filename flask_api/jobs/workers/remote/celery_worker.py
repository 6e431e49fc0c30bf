"""Celery's worker on a worker's machine: its consumer takes entries from the queue, ours runs
them.

Celery's pool is not used. What it does for a task, and tells its consumer when that has ended, took
more processor time than the attempt's way to its child and back.
"""

import logging
import threading
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

from billiard.exceptions import RestartFreqExceeded
from celery import Celery
from celery.exceptions import SecurityWarning
from celery.signals import setup_logging, worker_shutting_down
from kombu import Queue

from flask_api.jobs.workers.remote import celery_messages, rabbitmq_messages
from flask_api.jobs.workers.remote.celery_carrier import app_of, require_broker
from flask_api.jobs.workers.remote.celery_messages import TASK, signed_text
from flask_api.jobs.workers.remote.entry import REFUSALS
from flask_api.jobs.workers.remote.rabbitmq_carrier import refusal_of, worker_queue
from flask_api.jobs.workers.remote.worker import RemoteWorker
from flask_api.jobs.workers.slots import SlotThreads
from shared.logs import SaidSeldom
from shared.settings import WorkerSettings

__all__ = ["require_broker", "serve"]

log = logging.getLogger("gatehouse.jobs")

_WAITING_PER_SLOT = 2  # a server sends one to a free slot; what is more are copies

_PAUSE_S = 1.0
# Whose words about a broker come again with every try.
_LOGGERS = ("celery.worker", "celery.worker.consumer.consumer")


class ToldRefusals(SaidSeldom):
    """Has Celery say what RabbitMQ refuses in our words, once in ten seconds, without a
    traceback."""

    def __init__(self, settings: WorkerSettings) -> None:
        super().__init__()
        broker = settings.celery_broker_url
        self._url = broker.get_secret_value() if broker else ""
        self._was_refused = False

    def was_refused(self) -> bool:
        """Tell whether the broker has refused something since this was last asked."""
        found, self._was_refused = self._was_refused, False
        return found

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep one line in ten seconds of each kind."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, RestartFreqExceeded):  # Celery counts, and goes on
            return False
        given = record.args if isinstance(record.args, tuple) else ()
        for each in (error, *given):
            if refusal := refusal_of(each, self._url):
                self._was_refused = True
                record.msg, record.args, record.exc_info = refusal, (), None
        return super().filter(record)


def serve(worker: RemoteWorker, settings: WorkerSettings) -> None:
    """Take entries from Celery's queue until this process is told to stop.

    Should its consumer end by itself, another one begins. What runs goes on.
    """
    # Of options of Celery's own command, which nobody has here.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    threads = SlotThreads(name="gatehouse-slot", most=worker.name.slots)
    try:
        _consume(worker, settings, threads)
    finally:
        threads.close()


def _consume(worker: RemoteWorker, settings: WorkerSettings, threads: SlotThreads) -> None:
    queue = _queue_of(worker, settings)
    app = _app_of(worker, settings, queue, threads)
    stopping = threading.Event()

    def drain(**_: Any) -> None:
        """Let what runs go on for so long, then stop it; Celery's consumer ends meanwhile."""
        stopping.set()
        stop = partial(worker.stop, drain_s=settings.worker_drain_s)
        threading.Thread(target=stop, name="gatehouse-drain").start()

    # What this process logs is its own: Celery would let nothing below a warning pass.
    setup_logging.connect(_leave_logging, weak=False)
    for name in ("celery", "kombu"):
        logging.getLogger(name).setLevel(logging.WARNING)
    told = ToldRefusals(settings)
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(told)
    worker_shutting_down.connect(drain, weak=False)
    while not stopping.is_set():
        app.Worker(
            pool="threads",
            concurrency=worker.name.slots,
            hostname=worker.name.text,
            queues=[queue.name],
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
            quiet=True,
        ).start()
        if not stopping.wait(_PAUSE_S) and not told.was_refused():
            log.warning("Celery's consumer ended by itself; another one begins")


def _leave_logging(**_: Any) -> None:
    """Configure nothing: that somebody listens is what keeps Celery from it."""


def _queue_of(worker: RemoteWorker, settings: WorkerSettings) -> Queue:
    """Return the worker's queue, and have nothing else be read there."""
    name = worker.name.text
    if settings.celery_broker_url is not None:
        rabbitmq_messages.read_only_attempts(worker.listens)
        return worker_queue(name)
    celery_messages.read_only_attempts()
    # Nothing is declared: a queue is the list of its name, and no binding outlives the worker.
    return Queue(name, routing_key=name, no_declare=True, no_ack=True)


def _app_of(
    worker: RemoteWorker, settings: WorkerSettings, queue: Queue, threads: SlotThreads
) -> Celery:
    """Return Celery's application with one queue and one task: none of Celery's own."""
    app = app_of(settings)
    app.conf.task_queues = [queue]

    def receive(message: Any, *_: object) -> None:
        """Judge a message before it occupies anything: Celery takes as many as there are."""
        entry = worker.read(signed_text(message.body))
        if entry is None:
            return
        if threads.waiting >= _WAITING_PER_SLOT * worker.name.slots:
            REFUSALS.note("too many wait already; what was not taken is sent again")
            return
        threads.run(partial(worker.run, entry))

    def strategy(*_: object, **__: object) -> Callable[..., None]:
        """Return what Celery's consumer does with each message of the task."""
        return receive

    @app.task(name=TASK, Strategy=staticmethod(strategy))  # type: ignore[untyped-decorator]  # Celery's
    def attempt() -> None:
        """Nothing: no pool of Celery's runs it."""

    app.finalize(auto=True)
    for built_in in set(app.tasks) - {TASK}:
        app.tasks.unregister(built_in)
    return app
