"""What every executor promises: one suite over all of them,
each through the engine that it works for.

A new executor needs a row in executor_bed.PLACES; one on other machines takes the place of
processes.
"""

import json
import threading
from collections import Counter

import pytest

from flask_api.jobs.records.job import JobStatus
from flask_api.jobs.workers.executors import EXECUTORS, REMOTE_EXECUTORS
from tests.contract.executor_bed import KILLS, PLACES, RESULT_MAX_BYTES, ExecutorBed
from tests.integration.engine.engine_bench import EngineBench
from tests.waiting import wait_until


def test_every_executor_is_tested() -> None:
    """An executor without a row here would not be held to the contract;
    each goes by its own name."""
    assert EXECUTORS.keys() | REMOTE_EXECUTORS.keys() | {"futures"} == PLACES.keys()
    assert {name: kind.name for name, kind in EXECUTORS.items()} == {
        name: name for name in EXECUTORS
    }


@pytest.mark.parametrize("bed", PLACES, indirect=True)
def test_jobs_run_once_and_have_their_results(bed: ExecutorBed) -> None:
    """Each is run with what was submitted, exactly once,
    and nothing is left of it but its record."""
    ids = {bed.submit("echo", value=number): number for number in range(50)}
    for job_id, number in ids.items():
        job = bed.bench.outcome(bed.engine, job_id)
        assert (job.status, job.result, job.attempt, job.error) == (
            JobStatus.SUCCEEDED,
            [number],
            1,
            None,
        )
    bed.bench.check_nothing_is_left()


def test_jobs_run_at_once_up_to_the_slots(bed: ExecutorBed) -> None:
    """All slots are used, and never one more."""
    slots = {"sample": 4, "child": 2}[bed.prefix]
    ids = [bed.submit("hold", path=bed.bench.path()) for _ in range(slots + 3)]

    def statuses() -> Counter[str]:
        return Counter(bed.bench.status(job_id) for job_id in ids)

    wait_until(lambda: len(bed.bench.runs()) == slots, timeout_s=30, what="all slots are busy")
    assert statuses() == {"running": slots, "queued": 3}
    bed.bench.go()
    assert [bed.bench.outcome(bed.engine, job_id).result for job_id in ids] == [1] * len(ids)


def test_error_of_the_task_is_the_jobs(bed: ExecutorBed) -> None:
    """Type and message as raised, with a traceback for staff that leads to the line."""
    error = bed.error_of("fail", message="the disk is on fire")
    assert (error["type"], error["message"]) == ("RuntimeError", "the disk is on fire")
    assert "sample_tasks.py" in error["traceback"]
    assert bed.error_of("refuse", message="no such report") == {
        "type": "TaskError",
        "message": "no such report",
        "bases": ["Exception"],
    }


def test_result_that_json_can_not_hold_fails_the_job(bed: ExecutorBed) -> None:
    """The slot goes on."""
    bed.error_of("not_json")
    assert "JSON compliant" in bed.error_of("hidden_nan")["message"]
    assert "digits" in bed.error_of("long_number")["message"]
    assert bed.run("echo").status is JobStatus.SUCCEEDED


def test_result_over_the_limit_fails_with_the_limit(bed: ExecutorBed) -> None:
    """Both sizes are named; nothing of it is stored."""
    error = bed.error_of("big", size=5_000_000)
    assert "5000002" in error["message"]
    assert str(RESULT_MAX_BYTES) in error["message"]


def test_error_without_words_is_an_outcome_too(bed: ExecutorBed) -> None:
    """An exception whose text raises costs no slot and leaves no job behind."""
    for _ in range(6):  # more than there are slots
        assert bed.error_of("unprintable")["type"] == "UnprintableError"
    assert bed.run("echo").status is JobStatus.SUCCEEDED


def test_system_exit_ends_only_the_job(bed: ExecutorBed) -> None:
    """More often than there are slots."""
    for _ in range(6):
        assert bed.error_of("leave")["type"] == "SystemExit"
    assert bed.run("echo").status is JobStatus.SUCCEEDED


def test_running_job_is_cancelled(bed: ExecutorBed) -> None:
    """It says that it was asked until it has stopped; what it does not need any more is free."""
    job_id = bed.submit("hold", path=bed.bench.path())
    bed.bench.wait_for(job_id, "running")
    wait_until(bed.bench.runs, timeout_s=30, what="the task runs")
    bed.engine.cancel(bed.engine.get(job_id, viewer=bed.bench.owner))
    assert bed.bench.record(job_id)["cancel_requested"] == "1"
    job = bed.bench.outcome(bed.engine, job_id)
    assert (job.status, job.cancel_requested, job.error, job.result) == (
        JobStatus.CANCELLED,
        True,
        None,
        None,
    )
    bed.bench.check_nothing_is_left()


@pytest.mark.parametrize("bed", PLACES, indirect=True)
def test_deaf_job_is_cancelled_as_far_as_possible(bed: ExecutorBed) -> None:
    """A child is ended by force; a thread can't be,
    so the job says ``cancel_requested`` until its task returns."""
    job_id = bed.submit("deaf", path=bed.bench.path())
    wait_until(bed.bench.runs, timeout_s=30, what="the task runs")
    bed.engine.cancel(bed.engine.get(job_id, viewer=bed.bench.owner))
    if bed.executor not in KILLS:
        assert bed.bench.record(job_id)["status"] == "running"
        bed.bench.go()
    assert bed.bench.outcome(bed.engine, job_id, timeout_s=3).status is JobStatus.CANCELLED
    assert bed.run("echo").status is JobStatus.SUCCEEDED


@pytest.mark.parametrize("bed", PLACES, indirect=True)
def test_job_past_its_time_fails(bed: ExecutorBed) -> None:
    """Willing or not: at its next checkpoint, or by force where that is possible,
    or when it returns."""
    error = bed.error_of("slow", path=bed.bench.path())
    assert error["type"] == "TimedOut"
    assert "0.5 s" in error["message"]
    threading.Timer(1.0, bed.bench.go, ["deaf"]).start()
    assert bed.error_of("slow_deaf", path=bed.bench.path("deaf"))["type"] == "TimedOut"
    assert bed.run("echo").status is JobStatus.SUCCEEDED


@pytest.mark.parametrize("bed", PLACES, indirect=True)
def test_attempts_are_repeated_as_the_task_says(bed: ExecutorBed) -> None:
    """Errors of retry_on are tried again, others not; every failed attempt is told."""
    job = bed.run("flaky", failures=2)
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
    spent = bed.run("flaky", failures=9)
    assert (spent.status, spent.attempt, len(spent.attempts)) == (JobStatus.FAILED, 3, 3)
    assert bed.run("flaky", failures=1, kind="refused").attempt == 1
    assert bed.run("flaky", failures=1, kind="value").attempt == 1
    assert bed.run("slow_once").result == 2


@pytest.mark.parametrize("bed", PLACES, indirect=True)
def test_words_and_files_of_the_task_arrive(bed: ExecutorBed) -> None:
    """Progress, lines by the job and by logging, files from bytes, text and a path;
    binary in lines is shown escaped."""
    job = bed.run("words", folder=str(bed.bench.folder))
    assert (job.status, job.progress) == (
        JobStatus.SUCCEEDED,
        {"done": 2, "total": 2, "message": "done"},
    ), job
    lines = [json.loads(line) for line in bed.engine.jobs.read_log(job.id)]
    assert [(line["level"], line["message"]) for line in lines] == [
        ("info", "plain"),
        ("warning", "bytes \\udcff and \x00 and é"),
        ("warning", "by logging ÿ\x00"),
    ]
    contents = {}
    for file in job.files:
        with bed.engine.open_file(job, file["name"]) as opened:
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
