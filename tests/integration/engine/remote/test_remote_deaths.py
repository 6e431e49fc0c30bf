"""What dies, is paused or stops while workers run attempts: nothing is lost, and nothing counts
twice."""

import json
import os
import signal
import threading

import pytest
from redis.exceptions import TimeoutError as RedisTimeoutError

from flask_api.jobs.engine import JobEngine
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import JobStatus
from flask_api.jobs.workers.remote.worker import RemoteWorker
from tests.chaos.processes import pool_children_of
from tests.integration.engine.engine_bench import EngineBench
from tests.integration.engine.remote.conftest import StartWorker
from tests.integration.engine.worker_process import REMOTE, SECRET, WorkerProcess, wait_for_workers
from tests.waiting import wait_until


def test_jobs_of_a_killed_and_of_a_paused_worker_run_again_elsewhere(
    bench: EngineBench, remote_engine: JobEngine, start_worker: StartWorker
) -> None:
    """An attempt is spent, and says why; nothing of the dead one stays in Redis. The paused one
    writes nothing when it wakes up: it stops what it ran, and serves again."""
    workers = [start_worker("--slots", "1") for _ in range(2)]
    names = wait_for_workers(bench.admin, 2)
    ids = [bench.submit(remote_engine, "child.hold", {"path": bench.path()}) for _ in range(2)]
    wait_until(lambda: len(bench.runs()) == 2, timeout_s=60, what="both run")
    killed, paused = workers
    killed.kill()
    paused.send_signal(signal.SIGSTOP)
    start_worker("--slots", "2")
    wait_until(lambda: len(bench.runs()) == 4, timeout_s=60, what="they run again")
    assert [key for name in names for key in bench.admin.scan_iter(f"*{name}*")] == []
    paused.send_signal(signal.SIGCONT)
    paused.wait_for_line("taken for dead")
    bench.go()
    for job_id in ids:
        job = bench.outcome(remote_engine, job_id)
        assert (job.status, job.result, job.attempt) == (JobStatus.SUCCEEDED, 2, 2)
        assert [each["error"]["type"] for each in job.attempts] == ["WorkerLost"]
    wait_for_workers(bench.admin, 2)
    bench.check_nothing_is_left()


def test_job_goes_on_without_the_process_that_sent_it(
    bench: EngineBench, worker: WorkerProcess
) -> None:
    """A server that is killed costs the attempts at workers nothing: not even a second run."""
    server = bench.start_process(
        GATEHOUSE_EXECUTORS=json.dumps({"child.hold": "rq"}), GATEHOUSE_WORKER_SECRETS=SECRET
    )
    (job_id,) = server.submit("child.hold", [{"path": bench.path()}], owner=bench.owner)
    wait_until(bench.runs, timeout_s=60, what="the task runs")
    server.kill()
    bench.go()
    assert bench.wait_for(job_id, "succeeded", timeout_s=30)["attempt"] == "1"
    assert bench.runs() == ["1"]


@pytest.mark.parametrize("carrier", ["rq", "celery"])
def test_stopping_worker_lets_attempts_end(
    bench: EngineBench, start_worker: StartWorker, carrier: str
) -> None:
    """It takes nothing more, and ends when the last one has."""
    worker = start_worker("--slots", "2", "--carrier", carrier)
    (name,) = wait_for_workers(bench.admin, 1)
    engine = bench.start(executors={"processes": carrier}, **REMOTE)
    job_id = bench.submit(engine, "child.hold", {"path": bench.path()})
    wait_until(bench.runs, timeout_s=60, what="the task runs")
    idle = keyspace.idle(name.partition(".")[0])
    wait_until(lambda: bench.admin.zcard(idle) == 1, timeout_s=30, what="the other slot is free")
    worker.send_signal(signal.SIGTERM)
    wait_until(lambda: bench.admin.zcard(idle) == 0, timeout_s=30, what="it takes nothing more")
    assert worker.is_running
    bench.go()
    assert worker.wait() == 0
    job = bench.outcome(engine, job_id)
    assert (job.status, job.attempt, bench.runs()) == (JobStatus.SUCCEEDED, 1, ["1"])


@pytest.mark.parametrize("carrier", ["rq", "celery"])
def test_stopping_worker_hands_over_what_does_not_end_in_time(
    bench: EngineBench, start_worker: StartWorker, carrier: str
) -> None:
    """No attempt is spent, and the other worker goes on with it."""
    settings = {"GATEHOUSE_WORKER_DRAIN_S": "0"}
    arguments = ("--slots", "1", "--carrier", carrier)
    workers = [start_worker(*arguments, settings=settings, log=f"{at}.log") for at in (0, 1)]
    wait_for_workers(bench.admin, 2)
    engine = bench.start(executors={"processes": carrier}, **REMOTE)
    job_id = bench.submit(engine, "child.hold", {"path": bench.path()})
    wait_until(bench.runs, timeout_s=60, what="the task runs")
    holder = bench.record(job_id)["instance"]
    (worker,) = (each for each in workers if holder in each.log.read_text())
    assert worker.stop() == 0
    wait_for_workers(bench.admin, 1)
    wait_until(lambda: len(bench.runs()) == 2, timeout_s=30, what="it runs again")
    bench.go()
    job = bench.outcome(engine, job_id)
    assert (job.status, job.attempt, job.attempts) == (JobStatus.SUCCEEDED, 1, [])


def test_killed_work_horse_costs_its_job_an_attempt_and_no_slot(
    bench: EngineBench, remote_engine: JobEngine, worker: WorkerProcess
) -> None:
    """The worker says at once how it ended."""
    job_id = bench.submit(remote_engine, "child.hold", {"path": bench.path()})
    wait_until(bench.runs, timeout_s=60, what="the task runs")
    for pid in pool_children_of(worker.pid):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: len(bench.runs()) == 2, timeout_s=30, what="it runs again")
    bench.go()
    job = bench.outcome(remote_engine, job_id)
    assert (job.status, job.attempt) == (JobStatus.SUCCEEDED, 2)
    assert "exit code -9" in job.attempts[0]["error"]["message"]


def test_server_stops_in_time_though_redis_takes_no_writes(
    bench: EngineBench, worker_here: RemoteWorker
) -> None:
    """An attempt is on its way then, and no worker takes it. Reads go on, as where the disk is full
    or replicas are gone."""
    assert worker_here.name
    engine = bench.start(executors={"processes": "celery"}, **REMOTE)
    job_id = bench.submit(engine, "child.echo")
    bench.wait_for(job_id, "running", timeout_s=30)
    stop = threading.Thread(target=engine.shutdown, kwargs={"deadline_s": 1})
    try:
        bench.admin.config_set("min-replicas-to-write", 1)
        stop.start()
        stop.join(15)
        assert not stop.is_alive()
    finally:
        bench.admin.config_set("min-replicas-to-write", 0)
        stop.join(15)
    assert bench.status(job_id) == "running", "whoever adopts it goes on"


def test_outage_of_redis_costs_nothing(
    bench: EngineBench, remote_engine: JobEngine, worker: WorkerProcess
) -> None:
    """Frozen for longer than beats last, while a job ends: its outcome is written afterwards, and
    nobody is taken for dead."""
    job_id = bench.submit(remote_engine, "child.hold", {"path": bench.path()})
    wait_until(bench.runs, timeout_s=60, what="the task runs")
    bench.admin.execute_command("CLIENT", "PAUSE", "3000", "ALL")
    bench.go()
    wait_until(lambda: _answers(bench), timeout_s=30, what="Redis answers again")
    assert bench.wait_for(job_id, "succeeded", timeout_s=30)["attempt"] == "1"
    assert bench.run(remote_engine, "child.echo").status is JobStatus.SUCCEEDED
    assert "taken for dead" not in worker.log.read_text()
    assert bench.runs() == ["1"]


def test_worker_without_its_credential_writes_nothing_more(
    bench: EngineBench, remote_engine: JobEngine, worker: WorkerProcess
) -> None:
    """Taken from Redis' users, it is cut off at once: no outcome of its comes any more."""
    job_id = bench.submit(remote_engine, "child.hold", {"path": bench.path()})
    wait_until(bench.runs, timeout_s=60, what="the task runs")
    bench.admin.execute_command("ACL", "SETUSER", "worker", "off")
    try:
        assert bench.admin.execute_command("CLIENT", "KILL", "USER", "worker")
        seen = bench.admin.zscore(keyspace.WORKERS, bench.record(job_id)["instance"])
        bench.go()
        wait_until(
            lambda: float(bench.admin.time()[0]) > float(seen or 0) + 2,
            timeout_s=60,
            what="beats are missed",
        )
        assert bench.status(job_id) == "running"
        assert "result" not in bench.record(job_id)
    finally:
        bench.admin.execute_command("ACL", "SETUSER", "worker", "on")
    assert bench.outcome(remote_engine, job_id).status is JobStatus.SUCCEEDED


def _answers(bench: EngineBench) -> bool:
    try:
        return bool(bench.admin.ping())
    except RedisTimeoutError:
        return False


@pytest.mark.parametrize("carrier", ["rq", "celery"])
def test_error_of_redis_that_no_carrier_expects_ends_no_worker(
    bench: EngineBench, start_worker: StartWorker, carrier: str
) -> None:
    """As of a primary that became a replica: what runs goes on, the queue is read again, and
    nothing stays in it."""
    worker = start_worker("--slots", "2", "--carrier", carrier)
    (name,) = wait_for_workers(bench.admin, 1)
    engine = bench.start(executors={"processes": carrier}, **REMOTE)
    held = bench.submit(engine, "child.hold", {"path": bench.path()})
    wait_until(bench.runs, timeout_s=60, what="the task runs")
    bench.admin.execute_command("ACL", "SETUSER", "worker", "-@list")
    try:
        bench.admin.execute_command("CLIENT", "KILL", "USER", "worker")
        echoed = bench.submit(engine, "child.echo")
        wait_until(lambda: bench.admin.acl_log(), timeout_s=30, what="an error came")
    finally:
        bench.admin.execute_command("ACL", "SETUSER", "worker", "+@list")
        bench.admin.acl_log_reset()
    assert bench.outcome(engine, echoed, timeout_s=60).status is JobStatus.SUCCEEDED
    bench.go()
    assert bench.outcome(engine, held).attempt == 1
    assert worker.is_running
    wait_until(lambda: not bench.admin.keys(f"{keyspace.sent(name)}*"), timeout_s=30)
