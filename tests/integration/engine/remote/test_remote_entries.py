"""What a worker finds in its queue is believed only if a server signed it, and begins once."""

import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest
import redis
import rq.job
import rq.serializers
from rq.scripts import save_unique_job

from flask_api.jobs.engine import JobEngine
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import JobStatus
from flask_api.jobs.workers.remote.carrier import ENTRY_KEPT_S, client_of
from flask_api.jobs.workers.remote.celery_carrier import CeleryCarrier
from flask_api.jobs.workers.remote.entry import AttemptEntry, digest_of, sign
from flask_api.jobs.workers.remote.rq_carrier import FUNCTION, AttemptJob, RqCarrier
from tests.integration.engine.engine_bench import EngineBench
from tests.integration.engine.worker_process import REMOTE, SECRET, WorkerProcess, wait_for_workers
from tests.waiting import wait_until

ARGUMENTS = '{"value":"x","count":1}'


class Forger:
    """Somebody who may write to Redis as workers may."""

    def __init__(self, bench: EngineBench) -> None:
        self.bench = bench
        self.client = client_of(bench.settings(**REMOTE))
        (self.worker,) = wait_for_workers(bench.admin, 1)

    def put(self, function: str, *args: Any, job_id: str, raw: bytes | None = None) -> None:
        """Put an entry into the worker's queue."""
        job = AttemptJob.create(
            function, args=args, id=job_id, connection=self.client, origin=self.worker,
            serializer=rq.serializers.JSONSerializer, status=rq.job.JobStatus.QUEUED, timeout=-1,
        )  # fmt: skip
        save_unique_job(self.client, keyspace.sent(self.worker), job)
        if raw is not None:
            self.client.hset(AttemptJob.key_for(job_id), "created_at", raw)

    def entry(self, job_id: str, **changes: Any) -> AttemptEntry:
        """Return an entry for a job as its sender would make it."""
        record = self.bench.record(job_id)
        entry = AttemptEntry(
            job=job_id,
            attempt=int(record["attempt"]),
            task=record["task"],
            sender=record["instance"],
            slot=f"{self.worker}#0",
            digest=digest_of(record["arguments"]),
        )
        return entry._replace(**changes)


@pytest.fixture
def forger(bench: EngineBench, worker: WorkerProcess) -> Any:
    """Somebody who may write to Redis as workers may."""
    forger = Forger(bench)
    yield forger
    forger.client.close()
    forger.client.connection_pool.disconnect()


def refusals(worker: WorkerProcess) -> int:
    """Return how many entries the worker has refused."""
    return worker.log.read_text().count("refused an entry")


def test_forged_entries_are_refused_each_in_one_line(
    bench: EngineBench, remote_engine: JobEngine, worker: WorkerProcess, forger: Forger
) -> None:
    """A function of the system's, another's signature, none, too long a text, bytes that RQ can't
    read: nothing of it runs, and the worker goes on."""
    signed = sign(forger.entry(_running(bench, remote_engine)), "another secret" * 4)
    forged: list[Callable[[], None]] = [
        lambda: forger.put("os.system", f"touch {bench.path('owned')}", job_id="a"),
        lambda: forger.put(FUNCTION, signed, job_id="b"),
        lambda: forger.put(FUNCTION, {"job": "1"}, job_id="c"),
        lambda: forger.put(FUNCTION, "x" * 1_000_000, job_id="d"),
        lambda: forger.put(FUNCTION, "a", "b", job_id="e"),
        lambda: forger.put(FUNCTION, "a", job_id="f", raw=b"\xff\x00"),
    ]
    for number, put in enumerate(forged, start=1):
        put()
        wait_until(
            lambda number=number: refusals(worker) == number,  # type: ignore[misc]
            timeout_s=30,
            what=f"entry {number} is refused: {worker.log.read_text()[-2000:]}",
        )
    bench.go()
    assert bench.run(remote_engine, "child.echo").status is JobStatus.SUCCEEDED
    assert not bench.runs("owned")
    assert bench.runs() == ["1"]
    assert bench.admin.exists(f"{keyspace.sent(forger.worker)}:intermediate") == 0


def test_nothing_of_an_entry_is_unpacked_that_it_does_not_have() -> None:
    """RQ unpacks a stored traceback when it reads a job: of 50 kB it would make 50 MB."""
    job = AttemptJob("x", connection=redis.Redis())  # which is never asked
    packed = zlib.compress(b"[]")
    job.restore({b"data": packed, b"exc_info": zlib.compress(b"x" * 50_000_000), b"meta": b"{}"})
    assert job._exc_info is None
    with pytest.raises(ValueError, match="larger"):
        job.restore({b"data": packed, b"origin": b"x" * 5_000})


def test_replayed_entry_begins_nothing(
    bench: EngineBench, remote_engine: JobEngine, worker: WorkerProcess, forger: Forger
) -> None:
    """While the attempt runs, and when its job has ended: it was taken once."""
    sender = remote_engine.instance
    job_id = _running(bench, remote_engine)
    signed = sign(forger.entry(job_id, sender=sender), SECRET)
    forger.put(FUNCTION, signed, job_id="replayed-1")
    worker.wait_for_line("that runs here was sent again")
    idle = bench.admin.zrange(keyspace.idle(forger.worker.partition(".")[0]), 0, -1)
    assert f"{forger.worker}#0" not in idle, "a copy freed the slot that runs"
    bench.go()
    bench.outcome(remote_engine, job_id)
    forger.put(FUNCTION, signed, job_id="replayed-2")
    worker.wait_for_line("not there to be taken")
    assert bench.runs() == ["1"]


def test_changed_arguments_are_not_run(
    bench: EngineBench, worker: WorkerProcess, remote_engine: JobEngine
) -> None:
    """Whoever changes a record in Redis makes the job fail, and no worker run what they wrote."""
    bench.admin.zrem(keyspace.WORKERS, *wait_for_workers(bench.admin, 1))
    job_id = bench.submit(remote_engine, "child.echo", {"value": "x"})
    bench.admin.hset(keyspace.record(job_id), "arguments", json.dumps({"value": "forged"}))
    job = bench.outcome(remote_engine, job_id)
    assert job.status is JobStatus.FAILED
    assert job.error
    assert job.error["type"] == "ArgumentsChanged"


def test_entry_that_is_sent_twice_is_one(bench: EngineBench, worker: WorkerProcess) -> None:
    """A reply that was lost makes nobody wait, and no second entry."""
    carrier = RqCarrier(bench.settings(**REMOTE))
    (name,) = wait_for_workers(bench.admin, 1)
    worker.kill()
    for _ in range(2):
        carrier.send(name, "same-1", "text")
    assert bench.admin.lrange(keyspace.sent(name), 0, -1) == ["same-1"]
    carrier.close()


@pytest.mark.parametrize("carrier_class", [RqCarrier, CeleryCarrier])
def test_entry_that_nobody_takes_goes_some_time(
    bench: EngineBench, carrier_class: type[RqCarrier] | type[CeleryCarrier]
) -> None:
    """What was sent to a worker that is gone, and buried before, would else stay for ever."""
    carrier = carrier_class(bench.settings(**REMOTE))
    carrier.send("nobody", "nobody-1", "text")
    assert 0 < bench.admin.ttl(keyspace.sent("nobody")) <= ENTRY_KEPT_S
    bench.admin.delete(keyspace.sent("nobody"))
    carrier.close()


def _running(bench: EngineBench, engine: JobEngine) -> str:
    job_id = bench.submit(engine, "child.hold", {"path": bench.path()})
    wait_until(bench.runs, timeout_s=60, what="the task runs")
    return job_id
