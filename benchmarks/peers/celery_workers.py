"""Celery as it is used by itself, with settings as safe as ours: processes that can be killed, an
acknowledgement when the task has ended and not when its process died, no task fetched ahead, and
results that are kept."""

import sys

from celery import Celery

from benchmarks.measuring.context import Context
from benchmarks.measuring.marks import here
from benchmarks.peers.celery_broker import address_of

COMMAND = (
    *("-m", "benchmarks.peers.celery_workers", "worker", "--pool=prefork", "--concurrency=2"),
    *("--without-gossip", "--without-mingle", "--loglevel=ERROR", "--hostname=remote@bench"),
)


def app_of(context: Context) -> Celery:
    """Return the application of producers and workers, with the task ``nothing``."""
    address = address_of(context)
    app = Celery("bench-remote", broker=address, backend=address)
    app.conf.update(
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        task_default_queue="bench-remote",
        broker_connection_retry_on_startup=True,
    )
    app.task(name="nothing")(nothing)
    return app


def nothing(number: int) -> int:
    """Return the number."""
    return number


if __name__ == "__main__":
    app_of(here()).worker_main(sys.argv[1:])
