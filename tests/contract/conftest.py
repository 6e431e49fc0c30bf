"""Contract tests of the job engine run on the bench that its integration tests use."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.redis.valkey import EmbeddedValkey
from flask_api.jobs.records.job import Owner
from flask_api.jobs.workers.executors import EXECUTORS
from tests.contract.executor_bed import (
    PLACES,
    RESULT_MAX_BYTES,
    SOMEBODYS_POOL,
    ExecutorBed,
)
from tests.contract.job_place import Place
from tests.integration.engine.engine_bench import EngineBench, new_owner
from tests.integration.engine.engine_fixtures import bench, engine_valkey
from tests.integration.engine.worker_process import REMOTE, WorkerProcess

__all__ = ["bench", "engine_valkey"]


@pytest.fixture(scope="session")
def rq_worker(
    engine_valkey: EmbeddedValkey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    """A worker of RQ for all tests: the settings of an engine that sends to it."""
    yield from _worker(engine_valkey, tmp_path_factory.mktemp("rq"), "rq")


@pytest.fixture(scope="session")
def celery_worker(
    engine_valkey: EmbeddedValkey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    """A worker of Celery for all tests: the settings of an engine that sends to it."""
    yield from _worker(engine_valkey, tmp_path_factory.mktemp("celery"), "celery")


def _worker(valkey: EmbeddedValkey, folder: Path, carrier: str) -> Iterator[dict[str, Any]]:
    settings = {"GATEHOUSE_JOB_RESULT_MAX_BYTES": str(RESULT_MAX_BYTES)}
    arguments = ("--slots", "2", "--carrier", carrier)
    worker = WorkerProcess(valkey, folder, *arguments, settings=settings)
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


@pytest.fixture(params=[name for name in PLACES if name != "celery"])
def bed(request: pytest.FixtureRequest, bench: EngineBench) -> ExecutorBed:
    """An engine with this executor."""
    if request.param in EXECUTORS:
        return ExecutorBed(bench, request.param)
    if request.param == "futures":
        return ExecutorBed(bench, request.param, executors={"processes": SOMEBODYS_POOL})
    settings = request.getfixturevalue(f"{request.param}_worker")
    return ExecutorBed(bench, request.param, executors={"processes": request.param}, **settings)
