"""RQ as the carrier: its queues bring entries to workers, its worker's loop takes them there.

Of RQ's job nothing is believed but one argument, which is signed (.entry): its function is a name
that is compared, never imported; its serializer is JSON. RQ's own results, retries, registries and
time-outs are not used: whether an attempt runs, ended or died is written by the worker that holds
it. What RQ keeps in Redis is below ``gatehouse:jobs:``, as all else of workers.

A worker listens to one queue, its own. So RQ's way to lose a job between two queues is closed, and
what is in the queue of a worker that died is nobody's: the server process that sent it knows.
"""

import zlib
from typing import Any, ClassVar

import rq
import rq.job
import rq.queue
import rq.serializers
from rq.exceptions import DuplicateJobError
from rq.scripts import save_unique_job

from flask_api.jobs.records import keyspace
from flask_api.jobs.workers.remote.carrier import ENTRY_KEPT_S, Carrier, RedisCarrier
from flask_api.jobs.workers.remote.executor import RemoteExecutor
from shared.contract.entries import JOBS_PREFIX
from shared.settings import ApiSettings

CARRIER = "rq"
FUNCTION = "gatehouse.attempt"  # the only one; it is compared, and never looked up
_MOST_BYTES = 4_000
_FIELDS = (b"data", b"origin", b"status", b"timeout", b"ttl", b"created_at", b"enqueued_at")


class AttemptJob(rq.job.Job):  # type: ignore[misc]  # RQ is not read by mypy
    """RQ's job under a name of ours."""

    redis_job_namespace_prefix = f"{JOBS_PREFIX}rq:job:"

    def restore(self, raw_data: Any) -> None:
        """Read what an entry has, and nothing else that is stored, if it is as small as one,
        unpacked too: RQ unpacks before anything is checked. Raises ValueError and zlib.error."""
        kept = {name: raw_data[name] for name in _FIELDS if name in raw_data}
        if sum(map(len, kept.values())) > _MOST_BYTES:
            raise ValueError("larger than an entry")
        packed = kept.get(b"data", b"")
        if len(zlib.decompressobj().decompress(packed, _MOST_BYTES + 1)) > _MOST_BYTES:
            raise ValueError("larger than an entry")
        super().restore(kept)


class SlotQueue(rq.queue.Queue):  # type: ignore[misc]  # RQ is not read by mypy
    """RQ's queue of one worker, under the name by which it goes when the worker dies."""

    job_class = AttemptJob
    redis_queue_namespace_prefix = keyspace.sent("")


class RqCarrier(RedisCarrier):
    """Enqueues entries. Thread-safe."""

    def send(self, worker: str, entry_id: str, signed: str) -> None:
        """Enqueue an entry for a worker, once: RQ's ``unique``, or a reply that was lost would make
        two of it. One that is there already is taken out first. Raises RedisError."""
        job = AttemptJob.create(
            FUNCTION,
            args=[signed],
            id=entry_id,
            connection=self._client,
            serializer=rq.serializers.JSONSerializer,
            origin=worker,
            status=rq.job.JobStatus.QUEUED,
            timeout=-1,
            ttl=ENTRY_KEPT_S,
            description=entry_id,
        )
        # Not by the queue's own method: that keeps a list of queues, from which none ever goes.
        key = keyspace.sent(worker)
        try:
            save_unique_job(self._client, key, job)
        except DuplicateJobError:
            forget(self._client, worker, entry_id)
            save_unique_job(self._client, key, job)
        self._client.expire(key, ENTRY_KEPT_S)


class RqExecutor(RemoteExecutor):
    """Attempts on RQ's workers."""

    name: ClassVar[str] = CARRIER

    @classmethod
    def carrier_of(cls, settings: ApiSettings) -> Carrier:
        """Return RQ's queues."""
        return RqCarrier(settings)


def forget(client: Any, worker: str, entry_id: str) -> None:
    """Take an entry out of a worker's queue, wherever RQ has it."""
    key = keyspace.sent(worker)
    with client.pipeline(transaction=False) as pipeline:
        pipeline.lrem(f"{key}:intermediate", 0, entry_id)
        pipeline.lrem(key, 0, entry_id)
        pipeline.delete(AttemptJob.key_for(entry_id))
        pipeline.execute()
