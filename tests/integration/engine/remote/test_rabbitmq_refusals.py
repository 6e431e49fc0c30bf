"""What a wrong GATEHOUSE_CELERY_BROKER_URL says: at a worker, and where jobs are accepted."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from flask_api.jobs.workers.remote.celery_carrier import app_of
from shared.settings import WorkerSettings
from tests.integration.engine.engine_bench import EngineBench
from tests.integration.engine.remote.conftest import StartWorker
from tests.integration.engine.worker_process import REMOTE, WorkerProcess
from tests.integration.tasks.test_web_tls import self_signed
from tests.rabbitmq_server import RabbitMqServer
from tests.waiting import wait_until

_NAMED = "GATEHOUSE_CELERY_BROKER_URL: RabbitMQ"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMqServer]:
    """A node, with TLS."""
    folder = tmp_path_factory.mktemp("rabbitmq")
    certificate = self_signed(folder, "localhost")
    with RabbitMqServer(folder / "node", certificate=certificate) as server:
        yield server


def test_worker_that_rabbitmq_refuses_says_what_is_wrong_in_one_line(
    broker: RabbitMqServer, start_worker: StartWorker
) -> None:
    """Not each second, with no traceback, and with nothing of an option that there is not."""
    good = broker.url("worker")
    wrong = {
        "refuses the user or password": good.replace("worker:p%40ss", "worker:other"),
        "has no virtual host nowhere": good.replace("/gate", "/nowhere"),
        "does not let the user server configure": broker.url("server"),
    }
    workers: dict[str, WorkerProcess] = {}
    for words, url in wrong.items():
        arguments = ("--carrier", "celery", "--slots", "1")
        settings = {"GATEHOUSE_CELERY_BROKER_URL": url}
        log = f"{len(workers)}.log"
        workers[words] = start_worker(*arguments, settings=settings, log=log)
    for words, worker in workers.items():
        worker.wait_for_line(f"{_NAMED} {words}", timeout_s=60)
        _wait_for_second(worker, f"{_NAMED} {words}")
        said = worker.log.read_text()
        assert worker.is_running
        assert "a worker serves" not in said  # nothing reaches it
        assert "Traceback" not in said
        assert "--uid" not in said
        assert "p%40ss" not in said
        assert len(said.splitlines()) <= 5, said


def _wait_for_second(worker: WorkerProcess, line: str) -> None:
    wait_until(
        lambda: worker.log.read_text().count(line) == 2, timeout_s=60, what="it says so again"
    )


def test_server_that_rabbitmq_refuses_does_not_call_it_away(
    broker: RabbitMqServer, bench: EngineBench, caplog: pytest.LogCaptureFixture
) -> None:
    """Health and the waiting job say that it refuses, and the log names the setting."""
    url = broker.url("server").replace("server:p%40ss", "server:other")
    engine = bench.start(
        executors={"processes": "celery"}, celery_broker_url=SecretStr(url), **REMOTE
    )
    job_id = bench.submit(engine, "child.echo")
    wait_until(
        lambda: any(fleet.broker_refuses for fleet in engine.fleets()),
        timeout_s=30,
        what="it is known that it refuses",
    )
    (fleet,) = engine.fleets()
    assert fleet.summary()[0] == "celery: its broker refuses this server, so nothing is sent."
    assert not any("away" in line for line in fleet.summary())
    job = engine.get(job_id, viewer=bench.owner)
    assert engine.waiting_for(job.task) == "the broker of celery refuses this server"
    said = [record.getMessage() for record in caplog.records]
    assert any(f"{_NAMED} refuses the user or password" in line for line in said)


def test_worker_believes_no_broker_that_its_certificate_does_not_name(
    broker: RabbitMqServer,
) -> None:
    """As a server does not: another authority's, and a name that is not in it."""
    where = broker.url("worker").replace("amqp:", "amqps:")
    where = where.replace(str(broker.port), str(broker.tls_port))
    named = where.replace("127.0.0.1", "localhost")
    _connect(f"{named}?ssl_ca_certs={broker.certificate}")
    for url in (named, f"{where}?ssl_ca_certs={broker.certificate}"):
        with pytest.raises(OSError, match="certificate verify failed"):
            _connect(url)


def _connect(url: str) -> None:
    """Connect as Celery's consumer does, once."""
    app = app_of(WorkerSettings(celery_broker_url=SecretStr(url)))
    with app.connection_for_read() as connection:
        connection.transport.establish_connection().close()
