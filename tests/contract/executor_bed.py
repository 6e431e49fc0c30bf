"""An engine, and the tasks of one executor by their short names: what the contract is tested on."""

from typing import Any

from flask_api.jobs.engine import JobEngine
from flask_api.jobs.records.job import Job, JobStatus
from tests.integration.engine.engine_bench import EngineBench

RESULT_MAX_BYTES = 2000
# By the executor's name: how its tasks' names begin.
PLACES = {
    "threads": "sample",
    "processes": "child",
    "rq": "child",
    "celery": "child",
    "futures": "child",
}
# Who can kill what runs: a broken pool of concurrent.futures takes the neighbours along.
KILLS = [name for name in PLACES if name not in ("threads", "futures")]
SOMEBODYS_POOL = "tests.contract.pools:threads"


class ExecutorBed:
    """An engine, and the tasks of one executor by their short names."""

    def __init__(self, bench: EngineBench, executor: str, **settings: Any) -> None:
        self.bench = bench
        self.executor = executor
        self.prefix = PLACES[executor]
        self.engine: JobEngine = bench.start(job_result_max_bytes=RESULT_MAX_BYTES, **settings)

    def submit(self, name: str, **arguments: Any) -> str:
        """Submit a job; return its id."""
        return self.bench.submit(self.engine, f"{self.prefix}.{name}", arguments)

    def run(self, name: str, **arguments: Any) -> Job:
        """Submit a job and return it when it has ended."""
        return self.bench.outcome(self.engine, self.submit(name, **arguments), timeout_s=20)

    def error_of(self, name: str, **arguments: Any) -> dict[str, Any]:
        """Return the error of a job that must fail."""
        job = self.run(name, **arguments)
        assert job.status is JobStatus.FAILED, job
        assert job.error is not None
        assert job.error["type"]
        assert job.error["message"]
        return job.error
