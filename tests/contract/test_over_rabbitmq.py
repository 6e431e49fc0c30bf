"""Attempts that Celery carries over RabbitMQ: their contract, and what a broker can do to them."""

import json
import pickle
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import amqp
import pytest
from pydantic import SecretStr

from deploy.redis.valkey import EmbeddedValkey
from flask_api.jobs.engine import JobEngine
from flask_api.jobs.records.job import Job, JobStatus
from flask_api.jobs.workers.remote.celery_messages import TASK
from flask_api.jobs.workers.remote.rabbitmq_carrier import RabbitMqCarrier, queue_name
from shared.errors import JobStoreUnavailable
from tests.contract import test_executor_contract as contract
from tests.contract.executor_bed import RESULT_MAX_BYTES, ExecutorBed
from tests.fleet.sentinels import Sentinels
from tests.integration.engine.engine_bench import EngineBench
from tests.integration.engine.remote.test_celery_entries import Owned
from tests.integration.engine.worker_process import REMOTE, WorkerProcess, wait_for_workers
from tests.integration.tasks.test_web_tls import self_signed
from tests.rabbitmq_server import RabbitMqServer
from tests.waiting import wait_until

# What of the contract a carrier could break; the rest is the same code on each of them.
OF_CARRIERS: tuple[Callable[[ExecutorBed], None], ...] = (
    contract.test_jobs_run_once_and_have_their_results,
    contract.test_jobs_run_at_once_up_to_the_slots,
    contract.test_running_job_is_cancelled,
    contract.test_deaf_job_is_cancelled_as_far_as_possible,
    contract.test_attempts_are_repeated_as_the_task_says,
    contract.test_words_and_files_of_the_task_arrive,
)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMqServer]:
    """A node with TLS beside."""
    folder = tmp_path_factory.mktemp("rabbitmq")
    pem = self_signed(folder, "localhost")
    with RabbitMqServer(folder / "node", certificate=pem) as server:
        yield server


@pytest.fixture(scope="module")
def worker(
    broker: RabbitMqServer, engine_valkey: EmbeddedValkey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WorkerProcess]:
    """A worker with two slots that listens there, as a user that may do nothing else."""
    settings = {
        "GATEHOUSE_JOB_RESULT_MAX_BYTES": str(RESULT_MAX_BYTES),
        "GATEHOUSE_CELERY_BROKER_URL": broker.url("worker"),
    }
    arguments = ("--slots", "2", "--carrier", "celery")
    folder = tmp_path_factory.mktemp("celery")
    process = WorkerProcess(engine_valkey, folder, *arguments, settings=settings)
    process.wait_for_line("a worker serves", timeout_s=60)
    yield process
    assert process.stop() == 0


@pytest.fixture
def bed(bench: EngineBench, broker: RabbitMqServer, worker: WorkerProcess) -> ExecutorBed:
    """An engine that sends there."""
    return ExecutorBed(bench, "celery", **_sending(broker, worker))


def _sending(broker: RabbitMqServer, worker: WorkerProcess) -> dict[str, Any]:
    return {
        **REMOTE,
        "executors": {"processes": "celery"},
        "celery_broker_url": SecretStr(broker.url("server")),
        "job_files_url": f"file://{worker.log.parent / 'files'}",
    }


@pytest.mark.parametrize("promise", OF_CARRIERS)
def test_contract_of_executors_holds(
    bed: ExecutorBed, promise: Callable[[ExecutorBed], None]
) -> None:
    """As over Redis."""
    promise(bed)


def test_broker_that_is_killed_forgets_or_is_frozen_costs_nothing(
    bed: ExecutorBed,
    broker: RabbitMqServer,
    worker: WorkerProcess,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What runs ends; what is submitted waits, says for what, and runs once when the broker is back,
    even with nothing that it had; no attempt is spent. A line tells of the begin and of the end."""
    bench = bed.bench
    held = bed.submit("hold", path=bench.path())
    wait_until(bench.runs, timeout_s=60, what="the task runs")
    broker.kill()
    ids = {bed.submit("echo", value=number): number for number in range(20)}
    wait_until(lambda: _warnings(bed), timeout_s=30, what="health tells")
    assert _warnings(bed) == ["celery: its broker is away, so nothing is sent."]
    waiting = list(ids)[-1]
    assert bed.engine.waiting_for(bed.engine.get(waiting, viewer=bench.owner).task) == (
        "the broker of celery is away"
    )
    bench.go()
    assert bench.outcome(bed.engine, held).attempt == 1
    broker.forget()
    broker.start_node()
    for job_id, number in ids.items():
        job = bench.outcome(bed.engine, job_id, timeout_s=60)
        assert (job.status, job.result, job.attempt) == (JobStatus.SUCCEEDED, [number], 1)
    wait_until(lambda: not _warnings(bed), timeout_s=30, what="all is well again")
    broker.send_signal(signal.SIGSTOP)
    frozen = bed.submit("echo", value="frozen")
    wait_until(lambda: _warnings(bed), timeout_s=30, what="health tells")
    broker.send_signal(signal.SIGCONT)
    job = bench.outcome(bed.engine, frozen, timeout_s=60)
    assert (job.status, job.result, job.attempt) == (JobStatus.SUCCEEDED, ["frozen"], 1)
    bench.check_nothing_is_left()
    said = [record.getMessage() for record in caplog.records]
    assert said.count("celery: its broker is away, so nothing is sent") == 2
    assert worker.is_running


def test_frozen_after_greeting(broker: RabbitMqServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that goes silent before the channel is open is waited for no longer than another."""
    connect, carrier = amqp.Connection.connect, RabbitMqCarrier(broker.url("server"))
    thaw = threading.Timer(30, broker.send_signal, (signal.SIGCONT,))  # then the test fails

    def connect_and_freeze(connection: amqp.Connection) -> None:
        connect(connection)
        broker.send_signal(signal.SIGSTOP)
        thaw.start()

    monkeypatch.setattr(amqp.Connection, "connect", connect_and_freeze)
    with pytest.raises(TimeoutError):
        carrier.probe()
    thaw.cancel()
    broker.send_signal(signal.SIGCONT)
    monkeypatch.undo()
    carrier.probe()
    carrier.close()


def test_forged_messages_are_refused_and_the_worker_goes_on(
    bed: ExecutorBed, broker: RabbitMqServer, worker: WorkerProcess
) -> None:
    """No JSON, a megabyte, another task, a pickle, another's signature, unreadable properties:
    nothing of it runs, and none makes the queue wait for the attempt that runs meanwhile."""
    bench = bed.bench
    (name,) = wait_for_workers(bench.admin, 1)
    held = bed.submit("hold", path=bench.path())
    wait_until(bench.runs, timeout_s=60, what="the task runs")
    owned = bench.path("owned")
    pickled = pickle.dumps(((Owned(owned),), {}, {}))
    forged = [
        amqp.Message("no json"),
        _message(TASK, "[" * 7_000),
        _message(TASK, " " * 1_000_000),
        _message("celery.starmap", json.dumps([[{"task": TASK}, [["x"]]], {}, {}])),
        _message("os.system", json.dumps([[f"touch {owned}"], {}, {}])),
        _message(TASK, pickled, content_type="application/x-python-serialize"),
        _message(TASK, json.dumps([["unsigned"], {}, {}])),
        _message(TASK, json.dumps([[1, 2, 3], {"a": 1}, {}])),
        _message(TASK, "{}", more={"x": "y" * 100_000}),
        _message(TASK, json.dumps([["unsigned"], {}, {}]), content_encoding="utf-7"),
    ]
    before = worker.log.read_text().count("refused an entry")
    connection = broker.connect()
    channel = connection.channel()
    for number, each in enumerate(forged, start=before + 1):
        channel.basic_publish(each, exchange="", routing_key=queue_name(name))
        wait_until(
            lambda number=number: worker.log.read_text().count("refused an entry") == number,  # type: ignore[misc]
            timeout_s=30,
            what=f"message {number - before} is refused: {worker.log.read_text()[-2000:]}",
        )
    connection.close()
    assert bed.run("echo").status is JobStatus.SUCCEEDED
    assert bench.status(held) == "running"
    assert not Path(owned).exists()
    bench.go()
    assert bench.outcome(bed.engine, held).attempt == 1


def test_jobs_redis_may_be_behind_sentinels(
    bench: EngineBench, broker: RabbitMqServer, worker: WorkerProcess, tmp_path: Path
) -> None:
    """Over RabbitMQ Celery needs to ask none: what runs when the primary dies ends, and what is
    submitted then runs."""
    with Sentinels(tmp_path / "redis") as redis:
        settings = {
            "GATEHOUSE_JOBS_REDIS_URL": redis.url("worker"),
            "GATEHOUSE_CELERY_BROKER_URL": broker.url("worker"),
        }
        arguments = ("--slots", "1", "--carrier", "celery")
        process = WorkerProcess(bench.valkey, tmp_path, *arguments, settings=settings)
        try:
            _lose_the_primary(bench, redis, _sending(broker, worker))
            assert process.stop() == 0
        finally:
            process.kill()


def _lose_the_primary(bench: EngineBench, redis: Sentinels, sending: dict[str, Any]) -> None:
    engine = bench.start(**{**sending, "api_redis_url": SecretStr(redis.url("api"))})
    held = bench.submit(engine, "child.hold", {"path": bench.path()})
    wait_until(bench.runs, timeout_s=60, what="the task runs")
    redis.kill_primary()
    bench.go()
    echoed = _submit_again(bench, engine)
    for job_id in (held, echoed):
        assert _outcome(bench, engine, job_id).status is JobStatus.SUCCEEDED
    bench.stop(engine)


def test_worker_that_listens_elsewhere_is_sent_nothing(
    bench: EngineBench, worker: WorkerProcess
) -> None:
    """A server without the broker's address sends to Redis: it says why nobody takes it."""
    engine = bench.start(**{**REMOTE, "executors": {"processes": "celery"}})
    wait_until(
        lambda: any(
            "another broker" in line for each in engine.fleets() for line in each.summary()
        ),
        timeout_s=30,
        what="it is told",
    )
    assert not any("another version of" in line for line in engine.fleets()[0].summary())


def test_broker_must_be_the_one_that_its_certificate_names(broker: RabbitMqServer) -> None:
    """Another authority's, and a name that is not in it, are refused before a password is sent."""
    pem = broker.certificate
    where = (
        broker.url("server")
        .replace("amqp:", "amqps:")
        .replace(str(broker.port), str(broker.tls_port))
    )
    named = where.replace("127.0.0.1", "localhost")
    trusting = RabbitMqCarrier(f"{named}?ssl_ca_certs={pem}")
    trusting.probe()
    trusting.close()
    for url in (named, f"{where}?ssl_ca_certs={pem}"):
        with pytest.raises(OSError, match="certificate verify failed"):
            RabbitMqCarrier(url).probe()


def _submit_again(bench: EngineBench, engine: JobEngine) -> str:
    """Submit until a primary has it."""
    accepted: list[str] = []

    def submit() -> bool:
        with suppress(JobStoreUnavailable):
            accepted.append(bench.submit(engine, "child.echo"))
        return bool(accepted)

    wait_until(submit, timeout_s=60, what="it is accepted")
    return accepted[0]


def _outcome(bench: EngineBench, engine: JobEngine, job_id: str) -> Job:
    """Return an ended job, however often nobody answers meanwhile."""
    ended: list[Job] = []

    def look() -> bool:
        with suppress(JobStoreUnavailable):
            job = engine.get(job_id, viewer=bench.owner)
            ended.extend([job] if job.status.is_outcome else [])
        return bool(ended)

    wait_until(look, timeout_s=60, what="it has ended")
    return ended[0]


def _warnings(bed: ExecutorBed) -> list[str]:
    return [line for each in bed.engine.fleets() for line in each.summary()]


def _message(
    task: str,
    body: str | bytes,
    *,
    content_type: str = "application/json",
    content_encoding: str = "utf-8",
    more: dict[str, object] | None = None,
) -> amqp.Message:
    headers = {"lang": "py", "task": task, "id": "forged-1", "root_id": "forged-1", **(more or {})}
    return amqp.Message(
        body,
        content_type=content_type,
        content_encoding=content_encoding,
        application_headers=headers,
    )
