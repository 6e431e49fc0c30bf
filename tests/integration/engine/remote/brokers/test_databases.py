"""A worker whose URL names a database of Redis is brought what servers put there."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from deploy.redis.valkey import EmbeddedValkey
from flask_api.jobs.records.job import JobStatus
from shared.redis import build_client
from tests.integration.engine.engine_bench import EngineBench
from tests.integration.engine.remote.conftest import StartWorker
from tests.integration.engine.worker_process import REMOTE, WorkerProcess, wait_for_workers

_DATABASE = "?db=3"


@pytest.fixture
def own_bench(own_valkey: EmbeddedValkey, tmp_path: Path) -> Iterator[EngineBench]:
    """Engines on a server with a port and a socket."""
    bench = EngineBench(own_valkey, tmp_path)
    yield bench
    bench.close()


@pytest.mark.parametrize("carrier", ["celery", "rq"])
@pytest.mark.parametrize("where", ["socket", "port"])
def test_worker_takes_jobs_from_the_database_of_its_url(
    own_bench: EngineBench, tmp_path: Path, carrier: str, where: str
) -> None:
    """It registers there, and listens there."""
    valkey = own_bench.valkey
    urls = {
        role: f"{valkey.url(role) if where == 'socket' else valkey.tcp_url(role)[:-2]}{_DATABASE}"
        for role in ("api", "worker", "admin")
    }
    settings = {"GATEHOUSE_JOBS_REDIS_URL": urls["worker"]}
    worker = WorkerProcess(
        valkey, tmp_path, "--slots", "1", "--carrier", carrier, settings=settings
    )
    admin = build_client(urls["admin"], timeout_s=1, max_connections=1)
    try:
        worker.wait_for_line("a worker serves")
        wait_for_workers(admin, 1)
        url = SecretStr(urls["api"])
        engine = own_bench.start(executors={"processes": carrier}, jobs_redis_url=url, **REMOTE)
        assert own_bench.run(engine, "child.echo").status is JobStatus.SUCCEEDED
        assert "Traceback" not in worker.log.read_text()
        assert worker.stop() == 0
    finally:
        worker.kill()
        admin.connection_pool.disconnect()


@pytest.mark.parametrize("scheme", ["redis+sentinel", "redis+cluster"])
def test_worker_of_celery_can_not_be_brought_anything_by_several_servers(
    bench: EngineBench, start_worker: StartWorker, scheme: str
) -> None:
    """It says so and ends, though nobody answers there yet."""
    settings = {
        "GATEHOUSE_JOBS_REDIS_URL": f"{scheme}://worker:x@127.0.0.1:1,127.0.0.1:2/",
        "GATEHOUSE_REDIS_PREFIX": "{gatehouse}:",
    }
    worker = start_worker("--carrier", "celery", settings=settings)
    assert worker.wait() == 2
    (line,) = worker.log.read_text().splitlines()
    assert line.startswith(
        "gatehouse worker: GATEHOUSE_JOBS_REDIS_URL: celery can't ask Sentinels or a Cluster; "
    )
