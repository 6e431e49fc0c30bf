"""The sweep in the middle of things: a retry at its side, storage that fails or hangs,
its process at a stop."""

import json
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import pytest

from flask_api.jobs import membership
from flask_api.jobs.errors import IllegalTransition
from flask_api.jobs.expiry import Sweeper
from flask_api.jobs.files.storage import FileStore
from flask_api.jobs.files.uploads import Uploads
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job_reader import open_job_connections
from shared.errors import JobStoreUnavailable
from shared.redis import RedisClient, RedisGateway
from tests.integration.engine.engine_bench import EngineBench, give
from tests.waiting import wait_until

T = TypeVar("T")


def _has_files(bench: EngineBench, job_id: str) -> bool:
    return (bench.folder / "files" / job_id).exists()


class _Interrupted(RedisGateway):
    """A way to Redis on which something happens before each write, once it is set."""

    def __init__(self, client: RedisClient) -> None:
        super().__init__(client, unavailable=JobStoreUnavailable)
        self.before: list[Callable[[], object]] = []

    def write(self, command: Callable[[RedisClient], T]) -> T:
        """Let it happen, then write."""
        if self.before:
            self.before.pop(0)()
        return super().write(command)


@pytest.mark.parametrize("number", range(4))
def test_job_that_is_retried_while_it_is_swept_runs_whole_or_is_refused(
    bench: EngineBench, number: int
) -> None:
    """Before whichever write of the sweep the retry comes:
    never a job without its arguments, or one that is forgotten."""
    engine = bench.start()
    job = bench.run(engine, "sample.fail", {"message": "no"})
    bench.admin.zadd(keyspace.EXPIRING, {job.id: 1.0})
    bench.admin.delete(keyspace.SWEEP_TURN)
    store = _Interrupted(open_job_connections(bench.settings()).client)
    answers: list[str] = []

    def retry() -> None:
        try:
            engine.retry(job)
            answers.append("accepted")
        except IllegalTransition:
            answers.append("refused")

    store.before = [*([lambda: None] * number), retry]
    files = FileStore(bench.settings())
    Sweeper(store, files, Uploads(store, files, bench.settings())).sweep()
    if not answers:
        retry()
    record = bench.record(job.id)
    if answers == ["accepted"]:
        record = bench.wait_for(job.id, "failed")
        assert json.loads(record["arguments"]) == {"message": "no"}
        assert json.loads(record["error"])["type"] == "RuntimeError"
        assert (bench.admin.ttl(keyspace.record(job.id)), bench.admin.zcard(keyspace.EXPIRING)) == (
            -1,
            1,
        )
        assert [each.id for each in engine.jobs.list_of(bench.owner.id, limit=10).jobs] == [job.id]
    else:
        assert (record["status"], "arguments" in record) == ("failed", False)
        assert (
            int(str(bench.admin.ttl(keyspace.record(job.id)))) > 0,
            bench.admin.zcard(keyspace.EXPIRING),
        ) == (True, 0)
    assert answers == (["accepted"] if number < 2 else ["refused"])
    store.close()


class _StuckFiles(FileStore):
    """A storage on which the files of one job can't be deleted:
    at once, or not before it is let go."""

    def __init__(
        self, bench: EngineBench, job_id: str, *, hangs: bool, error: type[Exception] = OSError
    ) -> None:
        super().__init__(bench.settings())
        self._job_id = job_id
        self._error = error
        self.is_asked = threading.Event()
        self.is_let_go = threading.Event()
        if not hangs:
            self.is_let_go.set()

    def delete_all(self, job_id: str) -> None:
        """Delete them, unless it is that job."""
        if job_id == self._job_id:
            self.is_asked.set()
            self.is_let_go.wait(20)
            raise self._error("not now")
        super().delete_all(job_id)


class _OfThatStorageError(Exception):
    """What a storage of somebody's raises, as S3's raises errors of its own."""


@pytest.mark.parametrize("error", [PermissionError, _OfThatStorageError])
def test_files_that_cant_be_deleted_keep_no_others(
    bench: EngineBench, error: type[Exception]
) -> None:
    """They are tried again after a while, behind the others; what is due beside them goes."""
    engine = bench.start()
    stuck, other = (bench.run(engine, "sample.save", {"name": "a", "size": 1}).id for _ in range(2))
    bench.admin.zadd(keyspace.EXPIRING, {stuck: 1.0, other: 2.0})
    assert bench.sweep(files=_StuckFiles(bench, stuck, hangs=False, error=error)) == 1
    assert _has_files(bench, stuck)
    assert bench.admin.zrange(keyspace.EXPIRING, 0, -1) == [stuck]
    assert float(bench.admin.zscore(keyspace.EXPIRING, stuck) or 0) > time.time() + 200
    bench.admin.zadd(keyspace.EXPIRING, {stuck: 1.0})
    assert bench.sweep() == 1
    assert not _has_files(bench, stuck)
    assert not _has_files(bench, other)


def test_process_whose_sweep_takes_long_is_not_taken_for_dead(
    bench: EngineBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its heart beats meanwhile, what it runs is its own, and it stops when it is asked to."""
    monkeypatch.setattr(membership, "_SWEEP_EVERY_S", 0.05)
    engine = bench.make()
    first = bench.start()
    job_id = bench.run(first, "sample.save", {"name": "a", "size": 1}).id
    bench.stop(first)
    stuck = _StuckFiles(bench, job_id, hangs=True)
    engine._membership._sweeper._removal._files = stuck
    bench.admin.delete(keyspace.SWEEP_TURN)
    bench.admin.zadd(keyspace.EXPIRING, {job_id: 1.0})
    engine.start()
    try:
        wait_until(stuck.is_asked.is_set, timeout_s=5, what="it sweeps")
        bench.admin.delete(keyspace.heartbeat(engine.instance))
        wait_until(
            lambda: bench.admin.exists(keyspace.heartbeat(engine.instance)),
            timeout_s=2,
            what="it beats",
        )
        began = time.monotonic()
        bench.stop(engine)
        assert time.monotonic() - began < 5
    finally:
        stuck.is_let_go.set()


class _StuckUploads(FileStore):
    """A storage that deletes no upload."""

    error: type[Exception] = PermissionError

    def delete_all(self, job_id: str) -> None:
        """Refuse it for those."""
        if job_id.startswith("uploads/"):
            raise self.error("not now")
        super().delete_all(job_id)


@pytest.mark.parametrize("error", [PermissionError, _OfThatStorageError])
def test_upload_that_cant_be_deleted_keeps_no_job(
    bench: EngineBench, error: type[Exception]
) -> None:
    """It is tried again after a while; ended jobs and other uploads go."""
    engine = bench.start()
    upload = give(engine, bench.owner)
    engine.uploads._files = stuck = _StuckUploads(bench.settings())
    stuck.error = error
    job = bench.run(engine, "sample.echo").id
    bench.admin.zadd(keyspace.EXPIRING_UPLOADS, {upload.id: 1.0})
    bench.admin.zadd(keyspace.EXPIRING, {job: 1.0})
    bench.sweep(engine)
    assert "arguments" not in bench.record(job), "only its stub is left"
    assert float(bench.admin.zscore(keyspace.EXPIRING_UPLOADS, upload.id) or 0) > time.time() + 200
    assert stuck is engine._membership._sweeper._uploads._files


@pytest.mark.parametrize("broken", ["upload", "batch"])
def test_entry_that_cant_be_read_keeps_no_job(bench: EngineBench, broken: str) -> None:
    """One part of the sweep that fails for whatever reason stops no other, at each turn again."""
    engine = bench.start()
    job = bench.run(engine, "sample.echo").id
    bench.admin.zadd(keyspace.EXPIRING, {job: 1.0})
    name = keyspace.holders("x") if broken == "upload" else keyspace.members("x")
    bench.admin.set(name, "neither a set nor a list")
    bench.admin.zadd(
        keyspace.EXPIRING_UPLOADS if broken == "upload" else keyspace.STAGED, {"x": 1.0}
    )
    assert bench.sweep(engine) == 1
    assert "arguments" not in bench.record(job), "only its stub is left"


@pytest.mark.parametrize("kind", ["job", "upload"])
def test_full_redis_is_freed_though_some_files_cant_be_deleted(
    bench: EngineBench, kind: str
) -> None:
    """When those are tried again can be noted there, too."""
    engine = bench.start()
    stuck = bench.run(engine, "sample.save", {"name": "a", "size": 1}).id
    other = bench.run(engine, "sample.echo").id
    upload = give(engine, bench.owner)
    files: FileStore = _StuckFiles(bench, stuck, hangs=False)
    bench.admin.zadd(keyspace.EXPIRING, {stuck: 1.0, other: 2.0})
    if kind == "upload":
        files = _StuckUploads(bench.settings())
        bench.admin.zadd(keyspace.EXPIRING_UPLOADS, {upload.id: 1.0})
    bench.admin.config_set("maxmemory", 1)
    try:
        bench.sweep(files=files)
    finally:
        bench.admin.config_set("maxmemory", 0)
    assert "arguments" not in bench.record(other), "only its stub is left"
