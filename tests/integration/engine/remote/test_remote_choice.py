"""Which worker runs what, and in which order: told by its tasks and labels, decided by us."""

import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from deploy.redis.valkey import EmbeddedValkey
from flask_api.jobs.engine import JobEngine
from flask_api.jobs.records.job import JobStatus
from flask_api.jobs.records.job_reader import open_job_connections
from flask_api.jobs.records.pauses import PauseStore, WorkPause
from shared.errors import ConfigurationError
from shared.settings import ROOT
from tests.integration.engine.engine_bench import TASKS, EngineBench, new_owner
from tests.integration.engine.remote.conftest import StartWorker, reason_of
from tests.integration.engine.worker_process import REMOTE, WorkerProcess, wait_for_workers
from tests.waiting import wait_until

HERE = "tests.integration.engine.remote"


def test_job_that_no_worker_can_run_says_so(bench: EngineBench, start_worker: StartWorker) -> None:
    """Without a worker, and with one that lacks the label; it begins as soon as one has it."""
    tasks = (*TASKS, f"{HERE}.gpu_tasks")
    engine = bench.start(executors={"processes": "rq"}, task_modules=tasks, **REMOTE)

    waiting_for = partial(reason_of, bench, engine)

    drawn, echoed = bench.submit(engine, "gpu.draw"), bench.submit(engine, "child.echo")
    wait_until(lambda: waiting_for(echoed), timeout_s=30, what="it is known that nobody is there")
    assert waiting_for(echoed) == "no worker runs child.echo"
    start_worker("--slots", "1", tasks=tasks)
    assert bench.outcome(engine, echoed, timeout_s=30).status is JobStatus.SUCCEEDED
    assert waiting_for(drawn) == "no worker with the label gpu runs gpu.draw"
    start_worker("--slots", "1", "--label", "gpu", tasks=tasks)
    assert bench.outcome(engine, drawn, timeout_s=30).result == "drawn"
    assert waiting_for(drawn) is None


def test_people_take_turns_at_workers(bench: EngineBench, start_worker: StartWorker) -> None:
    """Another person's one job goes before the rest of somebody's twenty; high before normal."""
    start_worker("--slots", "1")
    wait_for_workers(bench.admin, 1)
    engine = bench.start(executors={"*": "rq"}, **REMOTE)
    held = bench.submit(engine, "child.hold", {"path": bench.path()})
    wait_until(bench.runs, timeout_s=60, what="the slot is busy")
    notes = {"path": bench.path("notes")}
    mine = [bench.submit(engine, "sample.note", {**notes, "word": "mine"}) for _ in range(20)]
    bench.submit(engine, "sample.note", {**notes, "word": "urgent"}, priority=1)
    other = new_owner()
    theirs = bench.submit(engine, "sample.note", {**notes, "word": "theirs"}, owner=other)
    bench.go()
    for job_id in (held, *mine):
        bench.outcome(engine, job_id)
    assert bench.outcome(engine, theirs, owner=other).status is JobStatus.SUCCEEDED
    words = Path(bench.path("notes")).read_text().split()
    assert words.index("theirs") < 3
    assert words.index("urgent") < 3


def test_limit_of_a_task_holds_over_workers(bench: EngineBench, start_worker: StartWorker) -> None:
    """max_running=1 is one, however many slots are free."""
    start_worker("--slots", "4")
    wait_for_workers(bench.admin, 1)
    engine = bench.start(executors={"*": "rq"}, **REMOTE)
    ids = [bench.submit(engine, "sample.alone", {"path": bench.path()}) for _ in range(3)]
    wait_until(bench.runs, timeout_s=60, what="one runs")
    assert bench.run(engine, "sample.echo").status is JobStatus.SUCCEEDED
    assert len(bench.runs()) == 1
    bench.go()
    assert [bench.outcome(engine, job_id).status for job_id in ids] == [JobStatus.SUCCEEDED] * 3


def test_paused_executor_sends_nothing(
    bench: EngineBench, remote_engine: JobEngine, worker: WorkerProcess
) -> None:
    """Its workers run what they have, are sent no more, and get the rest when it is resumed."""
    running = bench.submit(remote_engine, "child.hold", {"path": bench.path()})
    wait_until(bench.runs, timeout_s=60, what="it runs")
    store = open_job_connections(bench.settings())
    pauses = PauseStore(store)
    pauses.pause("executor", "rq", WorkPause(by="olga", since="2026-11-29T14:05:00.000Z"))
    wait_until(lambda: remote_engine.pause_of("child.echo"), timeout_s=2, what="it is known")
    waiting = bench.submit(remote_engine, "child.echo")
    bench.go()
    assert bench.outcome(remote_engine, running, timeout_s=30).status is JobStatus.SUCCEEDED
    assert bench.status(waiting) == "queued"
    pauses.resume("executor", "rq")
    assert bench.outcome(remote_engine, waiting, timeout_s=30).status is JobStatus.SUCCEEDED
    store.close()


def test_batch_ends_as_a_whole(
    bench: EngineBench, remote_engine: JobEngine, worker: WorkerProcess
) -> None:
    """Its jobs are counted, and its results are there in both orders."""
    submitted = remote_engine.submit_batch(
        "child.echo", [{"value": number} for number in range(30)], owner=bench.owner
    )

    def ended() -> bool:
        batch = remote_engine.get_batch(submitted.id, viewer=bench.owner)
        return batch.counts[JobStatus.SUCCEEDED] == 30

    wait_until(ended, timeout_s=30, what="all have succeeded")
    batch = remote_engine.get_batch(submitted.id, viewer=bench.owner)
    results = [
        job.result for job in remote_engine.batches.results(batch, in_order=True, after=0) if job
    ]
    assert results == [[number] for number in range(30)]


def test_engine_without_a_secret_does_not_start(bench: EngineBench) -> None:
    """What it would send could not be told from a forgery; the error names the variable."""
    with pytest.raises(ConfigurationError, match="GATEHOUSE_WORKER_SECRETS"):
        bench.make(executors={"processes": "rq"})


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"tasks": (f"{HERE}.broken_tasks",)}, "broken_tasks can't be imported: RuntimeError"),
        (
            {"settings": {"GATEHOUSE_WORKER_SECRETS": ""}},
            "GATEHOUSE_WORKER_SECRETS: it is required",
        ),
        (
            {"settings": {"GATEHOUSE_WORKER_SLOTS": "many"}},
            "GATEHOUSE_WORKER_SLOTS: it must be a whole number",
        ),
        (
            {"settings": {"GATEHOUSE_JOBS_REDIS_URL": None}},
            "GATEHOUSE_JOBS_REDIS_URL: it is required",
        ),
    ],
)
def test_worker_that_can_not_serve_says_why_in_one_line(
    start_worker: StartWorker, options: dict[str, object], line: str
) -> None:
    """Exit code 2, as of a command that was called wrongly."""
    worker = start_worker(**options)
    assert worker.wait() == 2
    said = worker.log.read_text()
    assert line in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "it wants a user and a password, and the URL has none"),
        ("worker:wrong@", "it refuses the user or password of the URL"),
    ],
)
@pytest.mark.parametrize("carrier", ["rq", "celery"])
def test_worker_that_redis_does_not_let_in_says_why_in_one_line(
    bench: EngineBench, start_worker: StartWorker, password: str, why: str, carrier: str
) -> None:
    """As a server does; no waiting would help."""
    settings = {"GATEHOUSE_JOBS_REDIS_URL": f"unix://{password}{bench.valkey.socket}"}
    worker = start_worker("--carrier", carrier, settings=settings)
    assert worker.wait() == 2
    said = worker.log.read_text()
    place = f"GATEHOUSE_JOBS_REDIS_URL: the Redis at {bench.valkey.socket} can't be used"
    assert f"{place}, {why}" in said
    assert len(said.splitlines()) == 1
    assert "wrong" not in said


def test_worker_waits_for_a_redis_that_is_away_and_serves_when_it_comes(
    own_valkey: EmbeddedValkey, start_worker: StartWorker
) -> None:
    """It says where it looks, not every second, and not that it serves before it is known."""
    url = own_valkey.tcp_url("worker")
    server = url.rpartition("@")[2].partition("/")[0]
    own_valkey.stop()
    worker = start_worker("--slots", "1", settings={"GATEHOUSE_JOBS_REDIS_URL": url})
    worker.wait_for_line("could not connect", timeout_s=60)
    until = time.monotonic() + 4
    wait_until(lambda: time.monotonic() > until, timeout_s=30, what="it has tried again")
    said = worker.log.read_text()
    assert "a worker serves" not in said
    assert (
        f"Redis at {server} can't be used now, connection refused: nobody listens there: "
        "see GATEHOUSE_JOBS_REDIS_URL" in said
    )
    assert said.count("could not connect") == 1
    assert len(said.splitlines()) == 2
    own_valkey.start()
    worker.wait_for_line("a worker serves", timeout_s=60)
    assert "taken for dead" not in worker.log.read_text()


@pytest.mark.parametrize(
    ("modules", "absent"),
    [
        ("flask_api.app, flask_api.jobs.engine", "rq celery"),
        ("flask_api.jobs.workers.remote.__main__, flask_api.jobs.workers.remote.rq_worker",
         "flask django django_site cherrypy"),
    ],
)  # fmt: skip
def test_nothing_is_imported_that_was_not_chosen(modules: str, absent: str) -> None:
    """The API brings no engine of workers, and a worker no web framework."""
    program = (
        f"import {modules}\nimport sys\n"
        f"found = set({absent!r}.split()) & sys.modules.keys()\nassert not found, found"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=60)
