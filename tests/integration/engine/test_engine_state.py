"""State and files outlive an attempt: its error, its process, its server, a retry by hand;
on threads and on processes."""

import json
from typing import Any

import pytest
from pydantic import SecretStr

from flask_api.jobs.errors import JobCancelled, StopReason
from flask_api.jobs.files.storage import FileStore
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import Attempt, Job, JobStatus, queued_job_of
from flask_api.jobs.records.job_reader import JobReader, open_job_connections
from flask_api.jobs.records.job_writer import JobWriter
from flask_api.jobs.records.states import SavedStates
from flask_api.jobs.tasks.context import STATE_MAX_BYTES
from flask_api.jobs.workers.reporter import AttemptReporter
from tests.folders import saved_as, stored_file
from tests.integration.engine.engine_bench import RESCUE_S, EngineBench
from tests.integration.redis.fault_proxy import Fault, fault_proxy
from tests.waiting import wait_until

PREFIXES = ("sample", "child")
ALL = ["1", "2", "3", "4", "5", "6"]


def count(bench: EngineBench, how: str, **changes: Any) -> dict[str, Any]:
    """Return arguments of a job that counts to six and stops before its fourth number."""
    return {"path": bench.path(), "to": 6, "stop_at": 4, "how": how, **changes}


def is_stopped(bench: EngineBench) -> bool:
    """Tell whether the counting job came to where it stops."""
    return (bench.folder / "go.stopped").exists()


def check_counted_once(bench: EngineBench, job: Job) -> None:
    """Check that all numbers were counted, none twice,
    and that the files of every attempt are listed and there."""
    assert (job.status, job.result) == (JobStatus.SUCCEEDED, [1, 2, 3, 4, 5, 6]), job
    assert bench.runs() == ALL
    assert [file["name"] for file in job.files] == [f"{number}.txt" for number in ALL]
    stored = (bench.folder / "files" / job.id).iterdir()
    assert sorted(saved_as(path) for path in stored) == [f"{n}.txt" for n in ALL]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_attempt_after_an_error_goes_on_where_the_first_stopped(
    bench: EngineBench, prefix: str
) -> None:
    """The state is that of the last save, and the files of the first attempt stay listed."""
    job = bench.run(bench.start(), f"{prefix}.count", count(bench, "error"))
    check_counted_once(bench, job)
    assert job.attempt == 2


def test_attempt_after_its_child_died_goes_on_where_it_stopped(bench: EngineBench) -> None:
    """What a child saved is there though the child is not."""
    job = bench.run(bench.start(), "child.count", count(bench, "crash"))
    check_counted_once(bench, job)
    assert (job.attempt, job.attempts[0]["error"]["type"]) == (2, "WorkerLost")


@pytest.mark.parametrize("prefix", PREFIXES)
def test_job_of_a_stopped_server_goes_on_as_its_first_attempt(
    bench: EngineBench, prefix: str
) -> None:
    """A graceful stop spends no attempt, so a first attempt may find a state too."""
    first = bench.start()
    job_id = bench.submit(first, f"{prefix}.count", count(bench, "wait"))
    wait_until(lambda: is_stopped(bench), timeout_s=20, what="it counted to three")
    bench.stop(first)
    job = bench.outcome(bench.start(), job_id)
    check_counted_once(bench, job)
    assert job.attempt == 1


@pytest.mark.parametrize("prefix", PREFIXES)
def test_job_of_a_killed_server_goes_on_where_it_stopped(bench: EngineBench, prefix: str) -> None:
    """kill -9: another server goes on, an attempt spent, and does nothing again that was saved."""
    child = bench.start_process()
    (job_id,) = child.submit(f"{prefix}.count", [count(bench, "wait")], owner=bench.owner)
    wait_until(lambda: is_stopped(bench), timeout_s=20, what="it counted to three")
    child.kill()
    job = bench.outcome(bench.start(), job_id, timeout_s=2 * RESCUE_S)
    check_counted_once(bench, job)
    assert job.attempt == 2


def test_retry_by_hand_goes_on_where_the_job_failed(bench: EngineBench) -> None:
    """What was done is not done again: that is what a retry is for."""
    engine = bench.start()
    failed = bench.run(engine, "sample.count", count(bench, "fail"))
    assert failed.status is JobStatus.FAILED
    engine.retry(failed)
    wait_until(lambda: bench.status(failed.id) == "succeeded", timeout_s=5, what="it has succeeded")
    check_counted_once(bench, engine.get(failed.id, viewer=bench.owner))


@pytest.mark.parametrize("prefix", PREFIXES)
def test_file_is_read_back_once_it_is_saved(bench: EngineBench, prefix: str) -> None:
    """None before, its bytes after; what the record does not list is no file of the job."""
    job = bench.run(bench.start(), f"{prefix}.read_back", {"name": "a.txt", "text": "é"})
    assert job.result == [None, "é"]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_state_of_the_limit_is_kept_and_a_larger_one_fails_the_job(
    bench: EngineBench, prefix: str
) -> None:
    """Both sizes are named, and nothing of it is stored."""
    engine = bench.start()
    assert bench.run(engine, f"{prefix}.keep", {"size": STATE_MAX_BYTES}).result == STATE_MAX_BYTES
    job = bench.run(engine, f"{prefix}.keep", {"size": STATE_MAX_BYTES + 1})
    assert job.error == {
        "type": "TaskError",
        "message": f"The state has {STATE_MAX_BYTES + 1} bytes of JSON; it may have at most "
        f"{STATE_MAX_BYTES}.",
        "bases": ["Exception"],
    }
    assert "state" not in bench.record(job.id)


def test_state_is_shown_nowhere_and_goes_with_the_job(bench: EngineBench) -> None:
    """Neither the job as it is read nor an event carries it;
    when the job is forgotten so is its state."""
    engine = bench.start()
    job = bench.run(engine, "sample.count", {**count(bench, "none"), "stop_at": 0})
    assert json.loads(bench.record(job.id)["state"]) == job.result
    assert not hasattr(job, "state")
    assert not [event for event in _events(bench) if "state" in event]
    bench.admin.zadd(keyspace.EXPIRING, {job.id: 1.0})
    assert bench.sweep() == 1
    assert "state" not in bench.record(job.id)


def test_only_the_attempt_that_holds_the_job_saves_its_state(bench: EngineBench) -> None:
    """A process that was only paused, or an earlier attempt, changes nothing and is told so."""
    engine = bench.start()
    job_id = bench.submit(engine, "sample.hold", {"path": bench.path()})
    wait_until(bench.runs, timeout_s=5, what="it runs")
    store = open_job_connections(bench.settings())
    states, writer = SavedStates(store), JobWriter(store)
    queued = queued_job_of(engine.get(job_id, viewer=bench.owner))
    holder = JobReader(store).find_instance(job_id)
    assert writer.note(Attempt(queued, 1, holder), {"state": '"mine"'}) == 0
    assert writer.note(Attempt(queued, 1, "dead"), {"state": '"stale"'}) == -1
    assert writer.note(Attempt(queued, 0, holder), {"state": '"early"'}) == -1
    assert states.get(job_id).state == '"mine"'
    bench.go()
    bench.outcome(engine, job_id)
    assert writer.note(Attempt(queued, 1, holder), {"state": '"late"'}) == -1
    assert states.get(job_id).state == '"mine"'
    assert states.get("none").files == ()
    store.close()


def test_process_that_lost_the_job_leaves_its_files_alone(bench: EngineBench) -> None:
    """It was only paused, and another goes on: a file of the same name is the other's by now."""
    engine = bench.start()
    job = bench.run(engine, "sample.read_back", {"name": "a.txt", "text": "new"})
    store = open_job_connections(bench.settings())
    signals: list[StopReason] = []
    paused = AttemptReporter(
        Attempt(queued_job_of(job), 1, "paused"),
        JobWriter(store),
        SavedStates(store),
        FileStore(bench.settings()),
        signal=signals.append,
    )
    with pytest.raises(JobCancelled):
        paused.save_file("a.txt", "old")
    assert signals == [StopReason.LOST]
    assert stored_file(bench.folder / "files" / job.id, "a.txt").read_text() == "new"
    store.close()


def test_state_waits_for_redis_to_come_back(bench: EngineBench) -> None:
    """An outage while a task saves costs it time, not its attempt."""
    with fault_proxy(bench.valkey.socket) as proxy:
        engine = bench.start(api_redis_url=SecretStr(proxy.url(bench.valkey.url("api"))))
        job_id = bench.submit(engine, "sample.keep_late", {"path": bench.path()})
        wait_until(lambda: is_stopped(bench), timeout_s=5, what="it runs")
        proxy.fault = Fault.REFUSE
        proxy.cut()
        asked = proxy.connections
        bench.go()
        wait_until(lambda: proxy.connections > asked + 3, timeout_s=10, what="it was tried in vain")
        proxy.fault = Fault.NONE
        record = bench.wait_for(job_id, "succeeded", timeout_s=15)
        assert (record["attempt"], record["result"], record["state"]) == ("1", '"kept"', '"kept"')
        bench.stop(engine)


def _events(bench: EngineBench) -> list[dict[str, Any]]:
    entries: Any = bench.admin.xrange(keyspace.events(bench.owner.id))
    return [json.loads(fields["event"]) for _, fields in entries]
