"""RQ as it is used by itself, with settings as safe as ours: a JSON serializer, an id that makes an
enqueue unique, a retry when the worker dies, and results that are kept."""

import sys
import uuid

import redis
from rq import Queue, Retry, SimpleWorker, Worker
from rq.serializers import JSONSerializer

from benchmarks.measuring.context import Context
from benchmarks.measuring.marks import here

KINDS = {"rq": Worker, "rq-simple": SimpleWorker}


def queue_of(context: Context, kind: str) -> Queue:
    """Return the queue of one kind of workers."""
    connection = redis.Redis.from_url(context.peer_redis_url)
    return Queue(kind, connection=connection, serializer=JSONSerializer)


def nothing(number: int) -> int:
    """Return the number."""
    return number


def enqueue(queue: Queue, number: int) -> None:
    """Enqueue one job."""
    queue.enqueue(nothing, number, job_id=uuid.uuid4().hex, unique=True, retry=Retry(max=2))


if __name__ == "__main__":
    (name,) = sys.argv[1:]
    queue = queue_of(here(), name)
    worker = KINDS[name]([queue], connection=queue.connection, serializer=JSONSerializer)
    worker.work(logging_level="WARNING")
