"""What every executor does when the process that runs an attempt dies."""

import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from flask_api.jobs.records.job import JobStatus
from flask_api.jobs.workers import processes
from tests.contract.executor_bed import KILLS, ExecutorBed
from tests.integration.engine.engine_bench import EngineBench
from tests.waiting import wait_until


@pytest.mark.parametrize("bed", KILLS, indirect=True)
def test_poison_job_kills_its_child_only(bed: ExecutorBed, bench: EngineBench) -> None:
    """It ends failed after its attempts; a neighbour that runs meanwhile is not disturbed."""
    neighbour = bed.submit("hold", path=bench.path())
    wait_until(bench.runs, timeout_s=30, what="the neighbour runs")
    error = bed.error_of("crash", path=bench.path("poison"))
    assert error["type"] == "WorkerLost"
    assert "exit code 7" in error["message"]
    assert bench.runs("poison") == ["x", "x"]
    bench.go()
    job = bench.outcome(bed.engine, neighbour)
    assert (job.status, job.attempt) == (JobStatus.SUCCEEDED, 1)


def test_killed_children_cost_no_slot(bench: EngineBench) -> None:
    """P16: idle ones are replaced before anyone notices;
    of busy ones only their own jobs run again."""
    bed = ExecutorBed(bench, "processes")
    assert bed.run("echo").status is JobStatus.SUCCEEDED
    for pid in children():
        os.kill(pid, signal.SIGKILL)
    job = bed.run("echo")
    assert (job.status, job.attempt) == (JobStatus.SUCCEEDED, 1)
    running = [bed.submit("hold", path=bench.path()) for _ in range(2)]
    wait_until(lambda: len(bench.runs()) == 2, timeout_s=30, what="both slots are busy")
    os.kill(children()[0], signal.SIGKILL)
    wait_until(
        lambda: len(bench.runs()) == 3, timeout_s=30, what="the job of the killed child runs again"
    )
    bench.go()
    assert sorted(bench.outcome(bed.engine, job_id).attempt for job_id in running) == [1, 2]


def test_fork_server_that_dies_as_it_makes_a_child_costs_no_attempt(bench: EngineBench) -> None:
    """Nothing of the job ran: it is tried again in a while."""
    bed = ExecutorBed(bench, "processes")
    bed.submit("hold", path=bench.path())
    wait_until(bench.runs, timeout_s=30, what="one child is busy")
    (child,) = children()
    status = Path(f"/proc/{child}/status").read_text()
    fork_server = int(status.partition("PPid:")[2].split()[0])
    os.kill(fork_server, signal.SIGSTOP)
    job_id = bed.submit("echo")
    wait_until(processes._ONE_AT_A_TIME.locked, timeout_s=10, what="another child is asked for")
    os.kill(fork_server, signal.SIGKILL)
    record = bench.wait_for(job_id, "queued", timeout_s=10)
    assert (record["attempt"], "attempts" in record) == ("0", False)


def test_broken_pool_of_somebodys_is_replaced(bench: EngineBench) -> None:
    """Whose process dies takes the pool along: the attempts are lost, the next ones run."""
    pool = "tests.contract.pools:processes"
    bed = ExecutorBed(bench, "futures", executors={"processes": pool})
    assert bed.error_of("crash", path=bench.path("poison"))["type"] == "WorkerLost"
    assert bench.runs("poison") == ["x", "x"]
    assert bed.run("echo").status is JobStatus.SUCCEEDED


@pytest.mark.parametrize(("slots", "refusals"), [(3, 1), (6, 4)])
def test_pool_of_somebodys_that_is_full_keeps_what_it_has(
    bench: EngineBench, slots: int, refusals: int
) -> None:
    """It refuses all attempts but two: the second one, which waits in it, loses nothing by that,
    however many slots ask."""
    pool = "tests.contract.pools:often_full"
    bed = ExecutorBed(bench, "futures", executors={"processes": pool}, job_processes=slots)
    first = bed.submit("hold", path=bench.path())
    wait_until(bench.runs, timeout_s=30, what="it runs")
    others = [bed.submit("hold", path=bench.path()) for _ in range(slots - 1)]
    executor: Any = bed.engine._worker._executors[pool]
    kept = executor._pools._current
    wait_until(lambda: kept.pool.refused == refusals, timeout_s=30, what="all others are refused")
    assert executor._pools._current is kept
    bench.go()
    for job_id in (first, *others):
        assert bench.outcome(bed.engine, job_id, timeout_s=60).attempt == 1


def children() -> list[int]:
    """Return the process ids of this process's executor children."""
    return [
        child.pid
        for child in multiprocessing.active_children()
        if child.pid and child.name == "gatehouse-child"
    ]
