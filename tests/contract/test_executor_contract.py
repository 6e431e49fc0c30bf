"""What every executor promises: one suite over all of them,
each through the engine that it works for.

A new executor needs a row in PLACES; one on other machines takes the place of processes.
"""

import json
import multiprocessing
import os
import signal
import threading
from collections import Counter
from typing import Any

import pytest

from flask_api.jobs.engine import JobEngine
from flask_api.jobs.records.job import Job, JobStatus
from flask_api.jobs.workers.executors import EXECUTORS, REMOTE_EXECUTORS
from tests.contract.conftest import RESULT_MAX_BYTES
from tests.integration.engine.engine_bench import EngineBench
from tests.waiting import wait_until

# By the executor's name: how its tasks' names begin.
PLACES = {"threads": "sample", "processes": "child", "rq": "child"}
NOT_IN_THIS_PROCESS = [name for name in PLACES if name != "threads"]


class Place:
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


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, bench: EngineBench) -> Place:
    """An engine with this executor."""
    if request.param in EXECUTORS:
        return Place(bench, request.param)
    settings = request.getfixturevalue(f"{request.param}_worker")
    return Place(bench, request.param, executors={"processes": request.param}, **settings)


def test_every_executor_is_tested() -> None:
    """An executor without a row here would not be held to the contract;
    each goes by its own name."""
    assert EXECUTORS.keys() | REMOTE_EXECUTORS.keys() == PLACES.keys()
    assert {name: kind.name for name, kind in EXECUTORS.items()} == {
        name: name for name in EXECUTORS
    }


def test_jobs_run_once_and_have_their_results(place: Place) -> None:
    """Each is run with what was submitted, exactly once,
    and nothing is left of it but its record."""
    ids = {place.submit("echo", value=number): number for number in range(50)}
    for job_id, number in ids.items():
        job = place.bench.outcome(place.engine, job_id)
        assert (job.status, job.result, job.attempt, job.error) == (
            JobStatus.SUCCEEDED,
            [number],
            1,
            None,
        )
    place.bench.check_nothing_is_left()


def test_jobs_run_at_once_up_to_the_slots(place: Place) -> None:
    """All slots are used, and never one more."""
    slots = {"sample": 4, "child": 2}[place.prefix]
    ids = [place.submit("hold", path=place.bench.path()) for _ in range(slots + 3)]

    def statuses() -> Counter[str]:
        return Counter(place.bench.status(job_id) for job_id in ids)

    wait_until(lambda: len(place.bench.runs()) == slots, timeout_s=30, what="all slots are busy")
    assert statuses() == {"running": slots, "queued": 3}
    place.bench.go()
    assert [place.bench.outcome(place.engine, job_id).result for job_id in ids] == [1] * len(ids)


def test_error_of_the_task_is_the_jobs(place: Place) -> None:
    """Type and message as raised, with a traceback for staff that leads to the line."""
    error = place.error_of("fail", message="the disk is on fire")
    assert (error["type"], error["message"]) == ("RuntimeError", "the disk is on fire")
    assert "sample_tasks.py" in error["traceback"]
    assert place.error_of("refuse", message="no such report") == {
        "type": "TaskError",
        "message": "no such report",
        "bases": ["Exception"],
    }


def test_result_that_json_can_not_hold_fails_the_job(place: Place) -> None:
    """The slot goes on."""
    place.error_of("not_json")
    assert "JSON compliant" in place.error_of("hidden_nan")["message"]
    assert "digits" in place.error_of("long_number")["message"]
    assert place.run("echo").status is JobStatus.SUCCEEDED


def test_result_over_the_limit_fails_with_the_limit(place: Place) -> None:
    """Both sizes are named; nothing of it is stored."""
    error = place.error_of("big", size=5_000_000)
    assert "5000002" in error["message"]
    assert str(RESULT_MAX_BYTES) in error["message"]


def test_error_without_words_is_an_outcome_too(place: Place) -> None:
    """An exception whose text raises costs no slot and leaves no job behind."""
    for _ in range(6):  # more than there are slots
        assert place.error_of("unprintable")["type"] == "UnprintableError"
    assert place.run("echo").status is JobStatus.SUCCEEDED


def test_system_exit_ends_only_the_job(place: Place) -> None:
    """More often than there are slots."""
    for _ in range(6):
        assert place.error_of("leave")["type"] == "SystemExit"
    assert place.run("echo").status is JobStatus.SUCCEEDED


def test_running_job_is_cancelled(place: Place) -> None:
    """It says that it was asked until it has stopped; what it does not need any more is free."""
    job_id = place.submit("hold", path=place.bench.path())
    place.bench.wait_for(job_id, "running")
    wait_until(place.bench.runs, timeout_s=30, what="the task runs")
    place.engine.cancel(place.engine.get(job_id, viewer=place.bench.owner))
    assert place.bench.record(job_id)["cancel_requested"] == "1"
    job = place.bench.outcome(place.engine, job_id)
    assert (job.status, job.cancel_requested, job.error, job.result) == (
        JobStatus.CANCELLED,
        True,
        None,
        None,
    )
    place.bench.check_nothing_is_left()


def test_deaf_job_is_cancelled_as_far_as_possible(place: Place) -> None:
    """A child is ended by force; a thread can't be,
    so the job says ``cancel_requested`` until its task returns."""
    job_id = place.submit("deaf", path=place.bench.path())
    wait_until(place.bench.runs, timeout_s=30, what="the task runs")
    place.engine.cancel(place.engine.get(job_id, viewer=place.bench.owner))
    if place.prefix == "sample":
        assert place.bench.record(job_id)["status"] == "running"
        place.bench.go()
    assert place.bench.outcome(place.engine, job_id, timeout_s=3).status is JobStatus.CANCELLED
    assert place.run("echo").status is JobStatus.SUCCEEDED


def test_job_past_its_time_fails(place: Place) -> None:
    """Willing or not: at its next checkpoint, or by force where that is possible,
    or when it returns."""
    error = place.error_of("slow", path=place.bench.path())
    assert error["type"] == "TimedOut"
    assert "0.5 s" in error["message"]
    threading.Timer(1.0, place.bench.go, ["deaf"]).start()
    assert place.error_of("slow_deaf", path=place.bench.path("deaf"))["type"] == "TimedOut"
    assert place.run("echo").status is JobStatus.SUCCEEDED


def test_attempts_are_repeated_as_the_task_says(place: Place) -> None:
    """Errors of retry_on are tried again, others not; every failed attempt is told."""
    job = place.run("flaky", failures=2)
    assert (job.status, job.result, job.attempt) == (JobStatus.SUCCEEDED, 3, 3)
    assert [each["attempt"] for each in job.attempts] == [1, 2]
    assert [each["error"] for each in job.attempts] == [
        {
            "type": "ConnectionResetError",
            "message": f"failure {number}",
            "bases": ["ConnectionError", "OSError", "Exception"],
        }
        for number in (1, 2)
    ]
    spent = place.run("flaky", failures=9)
    assert (spent.status, spent.attempt, len(spent.attempts)) == (JobStatus.FAILED, 3, 3)
    assert place.run("flaky", failures=1, kind="refused").attempt == 1
    assert place.run("flaky", failures=1, kind="value").attempt == 1
    assert place.run("slow_once").result == 2


def test_words_and_files_of_the_task_arrive(place: Place) -> None:
    """Progress, lines by the job and by logging, files from bytes, text and a path;
    binary in lines is shown escaped."""
    job = place.run("words", folder=str(place.bench.folder))
    assert (job.status, job.progress) == (
        JobStatus.SUCCEEDED,
        {"done": 2, "total": 2, "message": "done"},
    ), job
    lines = [json.loads(line) for line in place.engine.read_log(job)]
    assert [(line["level"], line["message"]) for line in lines] == [
        ("info", "plain"),
        ("warning", "bytes \\udcff and \x00 and é"),
        ("warning", "by logging ÿ\x00"),
    ]
    contents = {}
    for file in job.files:
        with place.engine.open_file(job, file["name"]) as opened:
            contents[file["name"]] = opened.read()
        assert file["size"] == len(contents[file["name"]])
    assert contents == {
        "text.txt": "text é".encode(),
        "data.bin": b"\x00\xff",
        "table.csv": b"a,b\n",
    }
    assert [file["media_type"] for file in job.files] == [
        "text/plain",
        "application/octet-stream",
        "text/csv",
    ]


def test_made_engine_starts_nothing(bench: EngineBench) -> None:
    """Made before a fork, it has no thread and no child to lose."""
    before = threading.enumerate()
    bench.make()
    assert threading.enumerate() == before


@pytest.mark.parametrize("place", NOT_IN_THIS_PROCESS, indirect=True)
def test_poison_job_kills_its_child_only(place: Place, bench: EngineBench) -> None:
    """It ends failed after its attempts; a neighbour that runs meanwhile is not disturbed."""
    neighbour = place.submit("hold", path=bench.path())
    wait_until(bench.runs, timeout_s=30, what="the neighbour runs")
    error = place.error_of("crash", path=bench.path("poison"))
    assert error["type"] == "WorkerLost"
    assert "exit code 7" in error["message"]
    assert bench.runs("poison") == ["x", "x"]
    bench.go()
    job = bench.outcome(place.engine, neighbour)
    assert (job.status, job.attempt) == (JobStatus.SUCCEEDED, 1)


def test_killed_children_cost_no_slot(bench: EngineBench) -> None:
    """P16: idle ones are replaced before anyone notices;
    of busy ones only their own jobs run again."""
    place = Place(bench, "processes")
    assert place.run("echo").status is JobStatus.SUCCEEDED
    for pid in children():
        os.kill(pid, signal.SIGKILL)
    job = place.run("echo")
    assert (job.status, job.attempt) == (JobStatus.SUCCEEDED, 1)
    running = [place.submit("hold", path=bench.path()) for _ in range(2)]
    wait_until(lambda: len(bench.runs()) == 2, timeout_s=30, what="both slots are busy")
    os.kill(children()[0], signal.SIGKILL)
    wait_until(
        lambda: len(bench.runs()) == 3, timeout_s=30, what="the job of the killed child runs again"
    )
    bench.go()
    assert sorted(bench.outcome(place.engine, job_id).attempt for job_id in running) == [1, 2]


def children() -> list[int]:
    """Return the process ids of this process's executor children."""
    return [
        child.pid
        for child in multiprocessing.active_children()
        if child.pid and child.name == "gatehouse-child"
    ]
