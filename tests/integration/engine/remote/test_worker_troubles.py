"""What is wrong with one worker's machine: said in one clear line, and nothing is lost by it."""

import os
import ssl
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import JobStatus
from flask_api.jobs.tasks.registry import load_tasks
from flask_api.jobs.workers.remote.carrier import kind_of
from tests.integration.disk.small_disk import small_disk
from tests.integration.engine.engine_bench import EngineBench, give
from tests.integration.engine.remote.conftest import StartWorker, reason_of
from tests.integration.engine.worker_process import REMOTE, SECRET, wait_for_workers
from tests.integration.tasks.test_web_tls import self_signed
from tests.integration.tasks.web_server import running_server
from tests.waiting import wait_until

HERE = "tests.integration.engine.remote"
_ROOM_KB = 64


@pytest.fixture
def files_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk with little room, where workers keep files."""
    with small_disk(tmp_path / "files", room_kb=_ROOM_KB) as folder:
        yield folder


def test_redis_whose_certificate_has_expired_is_named(
    tmp_path: Path, start_worker: StartWorker
) -> None:
    """The worker says what is wrong, and waits: it may be mended there."""
    certificate = self_signed(tmp_path, "localhost", valid_h=-1)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with running_server(tls=context) as server:
        url = f"rediss://worker:x@localhost:{server.port}/0?ssl_ca_certs={certificate}"
        worker = start_worker("--slots", "1", settings={"GATEHOUSE_JOBS_REDIS_URL": url})
        worker.wait_for_line("its certificate is refused: certificate has expired")
        assert worker.is_running
        assert "Traceback" not in worker.log.read_text()


def test_full_disk_fails_what_needs_it_and_nothing_else(
    bench: EngineBench, start_worker: StartWorker, files_disk: Path
) -> None:
    """A job that saves a file fails in the system's words; others run, and so does it when there is
    room again."""
    start_worker("--slots", "1")
    wait_for_workers(bench.admin, 1)
    engine = bench.start(executors={"*": "rq"}, **REMOTE)
    saves = {"name": "a.bin", "size": 1000 * _ROOM_KB // 2}
    filler = files_disk / "filler"
    filler.write_bytes(os.urandom(1024 * (_ROOM_KB - 16)))
    job = bench.run(engine, "sample.save", saves)
    assert job.status is JobStatus.FAILED
    assert job.error
    assert "No space left on device" in job.error["message"]
    assert not job.files
    assert bench.run(engine, "sample.echo").status is JobStatus.SUCCEEDED
    filler.unlink()
    assert bench.run(engine, "sample.save", saves).status is JobStatus.SUCCEEDED


def test_job_waits_for_a_worker_whose_task_takes_its_arguments(
    bench: EngineBench, start_worker: StartWorker
) -> None:
    """It is not sent to the one of another version, says so, and begins when another comes."""
    start_worker("--slots", "1", tasks=(f"{HERE}.other_tasks",))
    wait_for_workers(bench.admin, 1)
    engine = bench.start(executors={"processes": "rq"}, **REMOTE)
    job_id = bench.submit(engine, "child.echo", {"value": "x"})
    waiting_for = partial(reason_of, bench, engine, job_id)
    wait_until(waiting_for, timeout_s=30, what="it says for what it waits")
    words = "only workers with other arguments or another version of child.echo are alive"
    assert waiting_for() == words
    start_worker("--slots", "1", log="right.log")
    job = bench.outcome(engine, job_id, timeout_s=60)
    assert (job.status, job.result, job.attempt) == (JobStatus.SUCCEEDED, ["x"], 1)
    assert waiting_for() is None


def test_worker_from_before_signatures_fails_an_attempt_in_the_checks_words(
    bench: EngineBench, start_worker: StartWorker
) -> None:
    """It tells names only, and is taken at its word: the job says which argument it is, and nobody
    else's waits."""
    tasks = (f"{HERE}.other_tasks",)
    kind = kind_of(load_tasks(tasks), "rq", labels=(), secrets=(SECRET,))
    bench.admin.set(keyspace.kind(kind.id), replace(kind, signatures={}, keys=()).text)
    start_worker("--slots", "1", tasks=tasks)
    wait_for_workers(bench.admin, 1)
    engine = bench.start(executors={"processes": "rq"}, **REMOTE)
    job = bench.run(engine, "child.echo", {"value": "x"})
    assert job.status is JobStatus.FAILED
    assert job.error
    assert "words" in job.error["message"]
    assert "WorkerLost" not in job.error["type"]


def test_file_that_is_not_in_a_workers_storage_is_not_called_gone(
    bench: EngineBench, start_worker: StartWorker, tmp_path: Path
) -> None:
    """A worker that was told of no storage, or of another, says which setting is meant."""
    start_worker("--slots", "1", settings={"GATEHOUSE_JOB_FILES_URL": f"file://{tmp_path / 'own'}"})
    wait_for_workers(bench.admin, 1)
    engine = bench.start(executors={"*": "rq"}, **REMOTE)
    upload = give(engine, bench.owner)
    job = bench.run(engine, "inputs.read", {"file": upload.id})
    assert job.error
    assert job.error["message"] == (
        "The uploaded file a.txt is not in this worker's storage (GATEHOUSE_JOB_FILES_URL)."
    )
