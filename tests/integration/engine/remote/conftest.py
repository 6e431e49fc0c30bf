"""Workers that a test may kill: each is a process of its own, gone at the test's end."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from deploy.redis.users import new_passwords
from deploy.redis.valkey import EmbeddedValkey
from flask_api.jobs.engine import JobEngine
from flask_api.jobs.records.job_reader import open_job_connections
from flask_api.jobs.tasks.registry import load_tasks
from flask_api.jobs.workers.remote.worker import RemoteWorker
from shared.settings import WorkerSettings
from tests.integration.engine.engine_bench import TASKS, EngineBench
from tests.integration.engine.worker_process import REMOTE, SECRET, WorkerProcess, wait_for_workers
from tests.ports import free_port

StartWorker = Callable[..., WorkerProcess]


@pytest.fixture
def start_worker(bench: EngineBench, tmp_path: Path) -> Iterator[StartWorker]:
    """A function that starts a worker; its arguments are the command's."""
    started: list[WorkerProcess] = []

    def start(*arguments: str, **options: Any) -> WorkerProcess:
        worker = WorkerProcess(bench.valkey, tmp_path, *arguments, **options)
        started.append(worker)
        return worker

    yield start
    for worker in started:
        worker.kill()


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    """A Valkey with a port, which the test may stop."""
    with EmbeddedValkey(
        tmp_path / "own-valkey", passwords=new_passwords(), port=free_port()
    ) as server:
        yield server


@pytest.fixture
def resting_worker(bench: EngineBench) -> Iterator[RemoteWorker]:
    """A worker in this process that does nothing by itself."""
    settings = WorkerSettings(
        jobs_redis_url=SecretStr(bench.valkey.url("worker")),
        worker_secrets=(SecretStr(SECRET),),
        worker_slots=2,
        job_heartbeat_s=2,
        task_modules=TASKS,
        job_files_url=f"file://{bench.path('files')}",
    )
    store = open_job_connections(settings)
    yield RemoteWorker(store, load_tasks(settings.task_modules), settings, carrier="celery")
    store.close()


@pytest.fixture
def worker_here(resting_worker: RemoteWorker) -> Iterator[RemoteWorker]:
    """A worker in this process, whose queue the test itself reads."""
    resting_worker.start()
    yield resting_worker
    resting_worker.stop(drain_s=0)


@pytest.fixture
def remote_engine(bench: EngineBench) -> JobEngine:
    """An engine that sends what is for processes to workers."""
    return bench.start(executors={"processes": "rq"}, **REMOTE)


@pytest.fixture
def worker(bench: EngineBench, start_worker: StartWorker) -> WorkerProcess:
    """A worker with two slots, registered."""
    worker = start_worker("--slots", "2")
    wait_for_workers(bench.admin, 1)
    return worker


def reason_of(bench: EngineBench, engine: JobEngine, job_id: str) -> str | None:
    """Return for what the engine says that a job of the owner's waits."""
    return engine.waiting_for(engine.get(job_id, viewer=bench.owner).task)
