"""Contract tests of the job engine run on the bench that its integration tests use."""

from collections.abc import Iterator
from typing import Any

import pytest

from deploy.redis.valkey import EmbeddedValkey
from flask_api.jobs.records.job import Owner
from tests.contract.job_place import Place
from tests.integration.engine.engine_bench import EngineBench, new_owner
from tests.integration.engine.engine_fixtures import bench, engine_valkey
from tests.integration.engine.worker_process import REMOTE, WorkerProcess

__all__ = ["bench", "engine_valkey"]

RESULT_MAX_BYTES = 2000


@pytest.fixture(scope="session")
def rq_worker(
    engine_valkey: EmbeddedValkey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    """A worker of RQ with two slots for all tests: the settings of an engine that sends to it."""
    folder = tmp_path_factory.mktemp("rq")
    settings = {"GATEHOUSE_JOB_RESULT_MAX_BYTES": str(RESULT_MAX_BYTES)}
    worker = WorkerProcess(engine_valkey, folder, "--slots", "2", settings=settings)
    worker.wait_for_line("a worker serves", timeout_s=60)
    yield {**REMOTE, "job_files_url": f"file://{folder / 'files'}"}
    assert worker.stop() == 0


@pytest.fixture
def place(bench: EngineBench) -> Iterator[Place]:
    """A store and a ledger as the API opens them."""
    place = Place(bench)
    yield place
    place.connections.close()


@pytest.fixture
def owner() -> Owner:
    """A person nobody else is."""
    return new_owner()
