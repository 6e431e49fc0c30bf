"""Attempts in a cluster of Dask's: a scheduler and three workers, each a process of its own.

Optional: ``pip install distributed`` into .venv has it run.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from flask_api.jobs.records.job import JobStatus
from shared.settings import ROOT
from tests.contract import test_executor_contract as contract
from tests.contract.executor_bed import ExecutorBed
from tests.integration.engine.engine_bench import EngineBench
from tests.ports import free_port
from tests.waiting import wait_until

pytest.importorskip("distributed", reason="optional: pip install distributed")

PROMISES: tuple[Callable[[ExecutorBed], None], ...] = (
    contract.test_jobs_run_once_and_have_their_results,
    contract.test_error_of_the_task_is_the_jobs,
    contract.test_result_that_json_can_not_hold_fails_the_job,
    contract.test_result_over_the_limit_fails_with_the_limit,
    contract.test_error_without_words_is_an_outcome_too,
    contract.test_system_exit_ends_only_the_job,
    contract.test_running_job_is_cancelled,
    contract.test_deaf_job_is_cancelled_as_far_as_possible,
    contract.test_job_past_its_time_fails,
    contract.test_attempts_are_repeated_as_the_task_says,
    contract.test_words_and_files_of_the_task_arrive,
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A scheduler and three workers with a slot each."""
    folder = tmp_path_factory.mktemp("dask")
    address = f"tcp://127.0.0.1:{free_port()}"
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        # A worker that dies costs its attempt here, which is counted; Dask would run it again.
        "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0",
    }

    def start(kind: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", *arguments]
        with (folder / "log").open("ab") as log:
            return subprocess.Popen(
                [*command, "--no-dashboard"], cwd=folder, env=environment, stdout=log, stderr=log
            )

    place = ("--host", address)
    processes = [start("scheduler", *place)]
    local = ("--local-directory", str(folder))
    processes += [
        start("worker", address, "--nthreads", "1", "--no-nanny", *local) for _ in range(3)
    ]
    os.environ["DASK_SCHEDULER"] = address
    log = folder / "log"
    wait_until(
        lambda: log.read_text().count("Registered to:") == 3,
        timeout_s=60,
        what="three workers are there",
    )
    yield
    for process in processes[::-1]:
        process.kill()
        process.wait(10)


@pytest.fixture
def bed(bench: EngineBench, cluster: None) -> ExecutorBed:
    """An engine that sends what is for processes there."""
    return ExecutorBed(bench, "futures", executors={"processes": "tests.contract.pools:dask"})


@pytest.mark.parametrize("promise", PROMISES)
def test_contract_of_executors_holds(
    bed: ExecutorBed, promise: Callable[[ExecutorBed], None]
) -> None:
    """As in a pool of the standard library."""
    promise(bed)


def test_poison_job_costs_its_workers_only(bed: ExecutorBed, bench: EngineBench) -> None:
    """The last test here: of three workers it ends two, each with an attempt; a neighbour goes on
    and the third one serves."""
    neighbour = bed.submit("hold", path=bench.path())
    wait_until(bench.runs, timeout_s=30, what="the neighbour runs")
    assert bed.error_of("crash", path=bench.path("poison"))["type"] == "WorkerLost"
    assert bench.runs("poison") == ["x", "x"]
    bench.go()
    job = bench.outcome(bed.engine, neighbour)
    assert (job.status, job.attempt) == (JobStatus.SUCCEEDED, 1)
    assert bed.run("echo").status is JobStatus.SUCCEEDED
