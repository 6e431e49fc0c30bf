"""What the health of workers tells: who is missing, who is of another version, and when that ends."""

import json
from functools import partial

import pytest

from flask_api.jobs.engine import JobEngine
from flask_api.jobs.operating.operators import Operators
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import JobStatus
from flask_api.jobs.records.job_reader import open_job_connections
from flask_api.jobs.records.roster import Roster, WorkerKind, WorkerName
from flask_api.jobs.workers.remote.carrier import WatchedCarrier
from flask_api.jobs.workers.remote.celery_carrier import CeleryCarrier
from flask_api.jobs.workers.remote.fleet import FleetReport
from flask_api.jobs.workers.remote.worker import RemoteWorker
from tests.integration.engine.engine_bench import TASKS, EngineBench
from tests.integration.engine.remote.conftest import StartWorker, reason_of
from tests.integration.engine.worker_process import REMOTE, SECRET, wait_for_workers
from tests.waiting import wait_until

HERE = "tests.integration.engine.remote"


def _fleet(engine: JobEngine) -> FleetReport:
    wait_until(engine.fleets, timeout_s=30, what="the engine has looked")
    (fleet,) = engine.fleets()
    return fleet


def test_missing_workers_and_tasks_are_told(
    bench: EngineBench, start_worker: StartWorker, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody; then one who lacks most tasks and has another version of one; then one who has all
    but the label; then nobody again."""
    tasks = (*TASKS, f"{HERE}.gpu_tasks")
    engine = bench.start(executors={"processes": "rq"}, task_modules=tasks, **REMOTE)
    assert (_fleet(engine).workers, _fleet(engine).slots) == (0, 0)
    assert "child.echo" in _fleet(engine).unserved
    assert "sample.echo" not in _fleet(engine).unserved, "it runs on threads"
    other = start_worker("--slots", "1", tasks=(f"{HERE}.other_tasks",))
    wait_until(lambda: _fleet(engine).workers, timeout_s=60, what="it is seen")
    assert _fleet(engine).differing == ("child.echo",)
    assert {"child.echo", "child.hold"} < set(_fleet(engine).unserved), "nobody has them as here"
    store = open_job_connections(bench.settings())
    (seen,) = Operators(store, engine).overview().workers
    store.close()
    assert (seen.tasks, seen.differing) == (("child.echo",), ("child.echo",))
    whole = start_worker("--slots", "2", tasks=tasks, log="whole.log")
    wait_until(lambda: _fleet(engine).slots == 3, timeout_s=60, what="both are seen")
    assert _fleet(engine).unserved == ("gpu.draw",)
    other.stop()
    wait_until(lambda: not _fleet(engine).differing, timeout_s=30, what="it has left")
    whole.stop()
    wait_until(lambda: not _fleet(engine).workers, timeout_s=30, what="nobody is there")
    said = [record.getMessage() for record in caplog.records]
    assert said.count("rq: no worker is alive") == 2
    assert said.count("rq: no longer so: no worker is alive") == 1
    line = "rq: workers have other arguments or another version of child.echo"
    assert said.count(line) == 1
    assert "rq: no worker runs gpu.draw" not in said, "it was among the others before"


def test_worker_of_another_format_is_counted_and_sent_nothing(
    bench: EngineBench, remote_engine: JobEngine
) -> None:
    """It beats as ours do, and what it can run is told in a form that is not known here."""
    kind = WorkerKind("rq", frozenset({"child.echo"}))
    name = WorkerName.new(kind, 1)
    later = json.dumps({"format": 2, "carrier": "rq", "can": {"child.echo": {}}})
    bench.admin.set(keyspace.kind(kind.id), later, ex=60)
    store = open_job_connections(bench.settings())
    Roster(store).beat(name, kind, free=name.all_slots, register=True)
    wait_until(lambda: _fleet(remote_engine).strangers == 1, timeout_s=30, what="it is counted")
    store.close()
    assert _fleet(remote_engine).workers == 0
    job_id = bench.submit(remote_engine, "child.echo")
    assert "child.echo" in _fleet(remote_engine).unserved
    assert bench.status(job_id) == "queued"


def test_worker_differs_in_tasks_only_that_it_is_sent(
    bench: EngineBench, remote_engine: JobEngine
) -> None:
    """Of a task that runs on threads here it may have what it likes, as of one not known here."""
    names = ("child.echo", "sample.echo", "no.such")
    kind = WorkerKind("rq", frozenset(names), signatures=dict.fromkeys(names, "another"))
    name = WorkerName.new(kind, 1)
    store = open_job_connections(bench.settings())
    Roster(store).beat(name, kind, free=(), register=True)
    (seen,) = Operators(store, remote_engine).overview().workers
    store.close()
    assert (seen.tasks, seen.differing) == (tuple(sorted(names)), ("child.echo",))


def test_worker_with_another_secret_is_sent_nothing_and_told_of(
    bench: EngineBench, start_worker: StartWorker
) -> None:
    """It could believe no entry. One that has the signing secret among others is sent what
    waits: so secrets rotate."""
    other = {"GATEHOUSE_WORKER_SECRETS": "a" * 40}
    stranger = start_worker("--slots", "1", settings=other, log="stranger.log")
    wait_for_workers(bench.admin, 1)
    engine = bench.start(executors={"processes": "rq"}, **REMOTE)
    job_id = bench.submit(engine, "child.echo", {"value": "x"})
    waiting_for = partial(reason_of, bench, engine, job_id)
    wait_until(waiting_for, timeout_s=30, what="it says for what it waits")
    assert waiting_for() == "only workers with another GATEHOUSE_WORKER_SECRETS run child.echo"
    assert (_fleet(engine).workers, _fleet(engine).other_secrets) == (0, 1)
    assert (
        "rq: workers with another GATEHOUSE_WORKER_SECRETS are sent nothing."
        in _fleet(engine).summary()
    )
    assert bench.status(job_id) == "queued"
    both = {"GATEHOUSE_WORKER_SECRETS": f"{'a' * 40},{SECRET}"}
    start_worker("--slots", "1", settings=both)
    job = bench.outcome(engine, job_id, timeout_s=60)
    assert (job.status, job.result, job.attempt) == (JobStatus.SUCCEEDED, ["x"], 1)
    assert "refused an entry" not in stranger.log.read_text()


def test_queue_that_is_no_list_costs_its_worker_alone(
    bench: EngineBench,
    worker_here: RemoteWorker,
    start_worker: StartWorker,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What can't be sent there is taken back at once, and others are sent theirs: the broker is
    not away."""
    queue = keyspace.sent(worker_here.name.text)
    bench.admin.set(queue, "nobody's list")
    carrier = WatchedCarrier(CeleryCarrier(bench.settings(**REMOTE)))
    assert not carrier.send(worker_here.name.text, "an-entry", "signed")
    assert not carrier.is_away
    carrier.close()
    engine = bench.start(executors={"processes": "celery"}, **REMOTE)
    job_id = bench.submit(engine, "child.echo", {"value": "x"})
    wait_until(
        lambda: caplog.text.count("entries can't be sent to the worker") == 3,
        timeout_s=30,
        what="it was to be sent twice",
    )
    start_worker("--slots", "1", "--carrier", "celery")
    assert bench.outcome(engine, job_id, timeout_s=60).status is JobStatus.SUCCEEDED
    assert bench.record(job_id)["attempt"] == "1"
