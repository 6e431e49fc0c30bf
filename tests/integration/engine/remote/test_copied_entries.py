"""A copy of an entry never runs its attempt, also while its end is being written."""

import base64
import json
import threading
from typing import Any

import pytest

from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import JobStatus
from flask_api.jobs.workers.remote.entry import AttemptEntry
from flask_api.jobs.workers.remote.worker import RemoteWorker
from shared.errors import JobStoreUnavailable
from tests.integration.engine.engine_bench import EngineBench
from tests.integration.engine.worker_process import REMOTE, wait_for_workers
from tests.waiting import wait_until


@pytest.mark.parametrize("is_lost", [False, True], ids=["slow", "lost"])
def test_copy_that_comes_as_the_end_is_written_begins_nothing(
    bench: EngineBench, worker_here: RemoteWorker, is_lost: bool
) -> None:
    """Redis would give the attempt to its holder again, until its end is there: the first request
    is slow, or never arrives."""
    engine = bench.start(executors={"processes": "celery"}, **REMOTE)
    wait_for_workers(bench.admin, 1)
    job_id = bench.submit(engine, "child.hold", {"path": bench.path()})
    entry = _next_entry(bench, worker_here)
    first = threading.Thread(target=worker_here.run, args=(entry,))
    first.start()
    wait_until(bench.runs, timeout_s=30, what="the task runs")

    writer, written = worker_here._writer, worker_here._writer.end_and_tell

    def with_copy(*args: Any, **named: Any) -> int:
        writer.end_and_tell = written  # type: ignore[method-assign]
        copy = threading.Thread(target=worker_here.run, args=(entry,))
        copy.start()
        copy.join(10)
        if is_lost:
            raise JobStoreUnavailable("the request never arrived")
        return written(*args, **named)

    writer.end_and_tell = with_copy  # type: ignore[method-assign]
    bench.go()
    first.join()
    assert bench.runs() == ["1"]
    assert bench.outcome(engine, job_id).status is JobStatus.SUCCEEDED


def _next_entry(bench: EngineBench, worker: RemoteWorker) -> AttemptEntry:
    """Take what was sent to the worker out of its queue, as Celery does."""
    queue = keyspace.sent(worker.name.text)
    wait_until(lambda: bench.admin.llen(queue), timeout_s=30, what="an entry is sent")
    message = json.loads(str(bench.admin.rpop(queue)))
    ((signed,), *_) = json.loads(base64.b64decode(message["body"]))
    entry = worker.read(signed)
    assert entry
    return entry
