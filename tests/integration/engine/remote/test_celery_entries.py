"""What a worker of Celery finds in its queue is believed only if a server signed it."""

import base64
import json
import pickle
from pathlib import Path

from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import JobStatus
from flask_api.jobs.workers.remote.celery_carrier import TASK
from tests.integration.engine.engine_bench import EngineBench
from tests.integration.engine.remote.conftest import StartWorker
from tests.integration.engine.worker_process import REMOTE, wait_for_workers
from tests.waiting import wait_until


class Owned:
    """What a pickle would do when it is read."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path(self._path),)  # type: ignore[return-value]


def test_forged_messages_are_refused_and_the_worker_goes_on(
    bench: EngineBench, start_worker: StartWorker
) -> None:
    """No JSON, no message, another task, a pickle, another's signature: nothing of it runs."""
    worker = start_worker("--slots", "1", "--carrier", "celery")
    (name,) = wait_for_workers(bench.admin, 1)
    engine = bench.start(executors={"processes": "celery"}, **REMOTE)
    assert bench.run(engine, "child.echo").status is JobStatus.SUCCEEDED
    pickled = pickle.dumps(((Owned(bench.path("owned")),), {}, {}))
    forged = [
        "no json",
        "{}",
        message("os.system", json.dumps([[f"touch {bench.path('owned')}"], {}, {}]).encode()),
        message(TASK, pickled, content_type="application/x-python-serialize"),
        message(TASK, json.dumps([["unsigned"], {}, {}]).encode()),
        message(TASK, json.dumps([[1, 2, 3], {"a": 1}, {}]).encode()),
    ]
    for each in forged:
        bench.admin.lpush(keyspace.sent(name), each)
        wait_until(
            lambda: not bench.admin.exists(keyspace.sent(name)),
            timeout_s=30,
            what=f"it is read: {worker.log.read_text()[-2000:]}",
        )
    assert bench.run(engine, "child.echo").status is JobStatus.SUCCEEDED
    assert not Path(bench.path("owned")).exists()
    assert "refused an entry" in worker.log.read_text()
    assert worker.stop() == 0


def message(
    task: str, body: bytes, *, content_type: str = "application/json", encoding: str = "utf-8"
) -> str:
    """Return a message as Celery puts it into Redis."""
    return json.dumps(
        {
            "body": base64.b64encode(body).decode(),
            "content-encoding": "binary" if "python" in content_type else encoding,
            "content-type": content_type,
            "headers": {"lang": "py", "task": task, "id": "forged-1", "root_id": "forged-1"},
            "properties": {
                "correlation_id": "forged-1",
                "delivery_mode": 2,
                "delivery_info": {"exchange": "", "routing_key": "x"},
                "priority": 0,
                "body_encoding": "base64",
                "delivery_tag": "forged-tag",
            },
        }
    )
