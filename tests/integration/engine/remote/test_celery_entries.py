"""What a worker of Celery finds in its queue is believed only if a server signed it."""

import base64
import json
import pickle
from pathlib import Path

from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import JobStatus
from flask_api.jobs.workers.remote.celery_messages import TASK, SentText, message_text
from flask_api.jobs.workers.remote.entry import AttemptEntry, digest_of, sign
from tests.integration.engine.engine_bench import EngineBench
from tests.integration.engine.remote.conftest import StartWorker
from tests.integration.engine.worker_process import REMOTE, SECRET, wait_for_workers
from tests.waiting import wait_until

MANY = 400


class Owned:
    """What a pickle would do when it is read."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path(self._path),)  # type: ignore[return-value]


def test_forged_messages_are_refused_and_the_worker_goes_on(
    bench: EngineBench, start_worker: StartWorker
) -> None:
    """No JSON, no message, another task, one of Celery's, a pickle, another's signature: nothing of
    it runs, and none makes the queue wait for the attempt that runs meanwhile."""
    worker = start_worker("--slots", "2", "--carrier", "celery")
    (name,) = wait_for_workers(bench.admin, 1)
    engine = bench.start(executors={"processes": "celery"}, **REMOTE)
    held = bench.submit(engine, "child.hold", {"path": bench.path()})
    wait_until(bench.runs, timeout_s=60, what="the task runs")
    pickled = pickle.dumps(((Owned(bench.path("owned")),), {}, {}))
    forged = [
        "no json",
        "[" * 7_000,
        "{}",
        '{"headers":[],"properties":{},"body":"e30="}',
        " " * 1_000_000,
        message("celery.starmap", json.dumps([[{"task": TASK}, [["x"]]], {}, {}]).encode()),
        message("os.system", json.dumps([[f"touch {bench.path('owned')}"], {}, {}]).encode()),
        message(TASK, pickled, content_type="application/x-python-serialize"),
        message(TASK, json.dumps([["unsigned"], {}, {}]).encode()),
        message(TASK, json.dumps([[1, 2, 3], {"a": 1}, {}]).encode()),
    ]
    for number, each in enumerate(forged, start=1):
        bench.admin.lpush(keyspace.sent(name), each)
        wait_until(
            lambda number=number: worker.log.read_text().count("refused an entry") == number,  # type: ignore[misc]
            timeout_s=30,
            what=f"{each[:80]} is refused: {worker.log.read_text()[-2000:]}",
        )
    assert bench.run(engine, "child.echo").status is JobStatus.SUCCEEDED
    assert bench.status(held) == "running"
    assert not Path(bench.path("owned")).exists()
    assert "Traceback" not in worker.log.read_text()
    bench.go()
    assert bench.outcome(engine, held).status is JobStatus.SUCCEEDED
    assert worker.stop() == 0


def test_flood_is_judged_as_it_comes_and_said_in_few_lines(
    bench: EngineBench, start_worker: StartWorker
) -> None:
    """While its one slot runs something: what is forged is refused at once, and of the copies of
    what a server signed no more than a few are kept for later."""
    worker = start_worker("--slots", "1", "--carrier", "celery")
    (name,) = wait_for_workers(bench.admin, 1)
    engine = bench.start(executors={"processes": "celery"}, **REMOTE)
    held = bench.submit(engine, "child.hold", {"path": bench.path()})
    wait_until(bench.runs, timeout_s=60, what="the task runs")
    forged = message(TASK, json.dumps([["u" * 1_000], {}, {}]).encode())
    bench.admin.lpush(keyspace.sent(name), *[forged] * MANY)
    worker.wait_for_line("its signature is not of")
    wait_until(lambda: not bench.admin.llen(keyspace.sent(name)), timeout_s=30, what="all is read")
    entry = AttemptEntry(held, 1, "child.hold", engine.instance, f"{name}#0", digest_of("{}"))
    copy = message_text(SentText(sign(entry, SECRET), entry.id))
    bench.admin.lpush(keyspace.sent(name), *[copy] * MANY)
    worker.wait_for_line("too many wait already")
    wait_until(lambda: not bench.admin.llen(keyspace.sent(name)), timeout_s=30, what="all is read")
    bench.go()
    assert bench.outcome(engine, held).status is JobStatus.SUCCEEDED
    assert bench.run(engine, "child.echo").status is JobStatus.SUCCEEDED
    log = worker.log.read_text()
    assert bench.runs() == ["1"]
    assert 0 < log.count("not there to be taken") + log.count("was sent again") <= 3
    assert log.count("refused an entry") < MANY / 2


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
