"""How long uploaded files stay: nothing is taken from under a job,
and nothing outlives its time or a broken upload."""

import time
from functools import partial
from typing import Any

import pytest

from flask_api.jobs.engine import JobEngine
from flask_api.jobs.errors import (
    InvalidArguments,
    UploadInUse,
    UploadNotFound,
    UploadQuotaExceeded,
    UploadTooSlow,
)
from flask_api.jobs.files import upload_entries
from flask_api.jobs.files.storage import FileStore
from flask_api.jobs.files.upload_entries import RECEIVING_S
from flask_api.jobs.files.upload_pace import PATIENCE_S, RENEWED_EVERY_S, SLOWEST_BYTES_S
from flask_api.jobs.files.uploads import Uploads
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import JobStatus
from flask_api.jobs.records.job_reader import open_job_connections
from flask_api.testing import FakeClock
from shared.job_ids import new_job_id
from tests.integration.engine.engine_bench import ABSENT, EngineBench, give, make_due
from tests.waiting import wait_until


def stored(bench: EngineBench) -> list[str]:
    """Return the ids of files whose content is stored."""
    return sorted(path.name for path in (bench.folder / "files" / "uploads").iterdir())


def test_expired_file_is_swept_with_its_content(bench: EngineBench, engine: JobEngine) -> None:
    """What is not due stays; nothing of the other is left, and its person has the room again."""
    gone, kept = give(engine, bench.owner), give(engine, bench.owner)
    make_due(bench, gone.id)
    with pytest.raises(UploadNotFound):
        engine.uploads.get(gone.id, viewer=bench.owner)
    assert [each.id for each in engine.uploads.list_of(bench.owner, limit=10).uploads] == [kept.id]
    assert engine.uploads.sweep(limit=10) == 1
    assert stored(bench) == [kept.id]
    assert not bench.admin.exists(keyspace.upload(gone.id))
    assert list(bench.admin.hkeys(keyspace.uploads(bench.owner.id))) == [kept.id]
    assert list(bench.admin.zrange(keyspace.EXPIRING_UPLOADS, 0, -1)) == [kept.id]


@pytest.mark.parametrize("is_batch", [False, True])
def test_file_of_an_unfinished_job_stays(
    bench: EngineBench, engine: JobEngine, is_batch: bool
) -> None:
    """Neither its time nor its owner takes it from under a job or a batch;
    once that has ended, both can."""
    upload = give(engine, bench.owner, "still here")
    arguments = {"file": upload.id, "path": bench.path()}
    if is_batch:
        batch = engine.submit_batch("inputs.hold", [arguments, arguments], owner=bench.owner).id
        job_id = engine.batches.members(batch)[-1]
    else:
        job_id = bench.submit(engine, "inputs.hold", arguments)
    bench.wait_for(job_id, JobStatus.RUNNING)
    make_due(bench, upload.id)
    assert engine.uploads.sweep(limit=10) == 1
    assert stored(bench) == [upload.id]
    assert engine.uploads.sweep(limit=10) == 0, "it is not due for a while"
    found = engine.uploads.get(upload.id, viewer=bench.owner)
    assert found.expires_at.timestamp() > time.time() + 3000
    with pytest.raises(UploadInUse):
        engine.uploads.delete(found)
    bench.go()
    assert bench.outcome(engine, job_id).result == "still here"
    wait_until(
        lambda: not list(bench.admin.scan_iter("gatehouse:jobs:open:*")),
        timeout_s=5,
        what="all have ended",
    )
    make_due(bench, upload.id)
    assert engine.uploads.sweep(limit=10) == 1
    assert stored(bench) == []


def test_refused_submit_holds_no_file(bench: EngineBench) -> None:
    """The queue was full: the file can be deleted."""
    engine = bench.start(job_person_limit=1)
    upload = give(engine, bench.owner)
    first = bench.submit(engine, "inputs.hold", {"file": upload.id, "path": bench.path()})
    other = give(engine, bench.owner)
    with pytest.raises(Exception, match="unfinished"):
        engine.submit("inputs.read", {"file": other.id}, owner=bench.owner)
    engine.uploads.delete(other)
    bench.go()
    assert bench.outcome(engine, first).result == "content"


def test_file_deleted_during_a_submit_refuses_it(bench: EngineBench, engine: JobEngine) -> None:
    """Found, then gone, before it is held."""
    from flask_api.jobs.files.job_inputs import SubmittedInputs

    upload = give(engine, bench.owner)
    inputs = SubmittedInputs(engine.uploads, bench.owner.id)
    inputs.find(upload.id)
    engine.uploads.delete(upload)
    with pytest.raises(InvalidArguments):
        inputs.hold("job:x")
    assert not bench.admin.exists(keyspace.holders(upload.id))


def test_file_that_is_held_between_look_and_drop_stays(
    bench: EngineBench, engine: JobEngine
) -> None:
    """The sweeper looked before the submit and acts after it: the script sees the new time."""
    upload, now = give(engine, bench.owner), time.time()
    make_due(bench, upload.id)
    assert engine.uploads.entries.hold([upload.id], "job:not-yet-accepted")
    assert not engine.uploads.entries.drop(upload.id, expired_by=now)
    assert engine.uploads.find(upload.id) is not None


def test_upload_of_a_process_that_died_is_swept(bench: EngineBench, engine: JobEngine) -> None:
    """Begun and never completed: its bytes count as its person's until then,
    and it is not listed."""
    entries = engine.uploads.entries
    limits = {"largest": 100, "person_bytes": 100, "person_files": 10}
    assert entries.reserve(ABSENT, owner_id=bench.owner.id, size=None, **limits) == 100
    FileStore(bench.settings()).create(f"uploads/{ABSENT}", "content").close()
    assert engine.uploads.list_of(bench.owner, limit=10).uploads == ()
    with pytest.raises(UploadNotFound):
        engine.uploads.get(ABSENT, viewer=bench.owner)
    assert entries.reserve("second", owner_id=bench.owner.id, size=1, **limits) == -2
    bench.admin.zadd(keyspace.EXPIRING_UPLOADS, {ABSENT: 1.0})
    assert engine.uploads.sweep(limit=10) == 1
    assert stored(bench) == []
    assert entries.reserve("second", owner_id=bench.owner.id, size=1, **limits) == 1


def test_room_is_kept_for_minutes_and_for_as_long_as_something_comes(bench: EngineBench) -> None:
    """A server that is killed while it receives takes nobody's room for a day; an upload that takes
    longer is not swept."""
    clock, left = FakeClock(0.0), []
    store = open_job_connections(bench.settings())
    uploads = Uploads(store, FileStore(bench.settings()), bench.settings(), clock=clock)

    def left_s() -> float:
        ranked: Any = bench.admin.zrange(keyspace.EXPIRING_UPLOADS, 0, -1, withscores=True)
        ((_, due_at),) = ranked
        return float(due_at) - time.time()

    def come() -> Any:
        left.append(left_s())
        (file_id,) = bench.admin.zrange(keyspace.EXPIRING_UPLOADS, 0, -1)
        bench.admin.zadd(keyspace.EXPIRING_UPLOADS, {str(file_id): time.time() + 5})
        yield b"x" * 2_000_000
        left.append(left_s())
        clock.advance(RENEWED_EVERY_S)
        yield b"x"
        left.append(left_s())

    upload = uploads.receive(come(), owner=bench.owner, name="x")
    assert upload.size == 2_000_001
    assert [round(each / 10) * 10 for each in left] == [RECEIVING_S, 0, RECEIVING_S]
    assert RENEWED_EVERY_S * 3 < RECEIVING_S <= 600
    store.close()


@pytest.mark.parametrize(
    ("pause_s", "is_swept"), [(RENEWED_EVERY_S, True), (RECEIVING_S + 1, False)]
)
def test_upload_that_was_forgotten_is_ended(
    bench: EngineBench, pause_s: float, is_swept: bool
) -> None:
    """Its room is its person's again, or may be: whatever came now would be counted by nobody."""
    clock = FakeClock(0.0)
    store = open_job_connections(bench.settings())
    uploads = Uploads(store, FileStore(bench.settings()), bench.settings(), clock=clock)

    def come() -> Any:
        yield b"x" * 6_000_000
        if is_swept:
            (file_id,) = bench.admin.zrange(keyspace.EXPIRING_UPLOADS, 0, -1)
            make_due(bench, str(file_id))
            assert uploads.sweep(limit=10) == 1
        clock.advance(pause_s)
        yield b"x"
        pytest.fail("more is taken")

    with pytest.raises(UploadTooSlow, match="forgotten"):
        uploads.receive(come(), owner=bench.owner, name="x")
    assert stored(bench) == []
    assert not bench.admin.exists(keyspace.uploads(bench.owner.id), keyspace.EXPIRING_UPLOADS)
    store.close()


@pytest.mark.parametrize("is_due", [False, True])
def test_file_that_thousands_of_jobs_named_goes_as_any_other(
    bench: EngineBench, engine: JobEngine, is_due: bool
) -> None:
    """A script that submits jobs of one file all day stops nobody's sweep, nor its own deletion."""
    upload = give(engine, bench.owner)
    bench.admin.sadd(keyspace.holders(upload.id), *(f"job:{number}" for number in range(10_000)))
    if is_due:
        make_due(bench, upload.id)
        assert engine.uploads.sweep(limit=10) == 1
    else:
        engine.uploads.delete(upload)
    assert stored(bench) == []
    assert not bench.admin.exists(keyspace.EXPIRING_UPLOADS, keyspace.holders(upload.id))


def test_file_does_not_know_of_all_jobs_that_ever_named_it(
    bench: EngineBench, engine: JobEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that were refused and those that have ended would fill Redis, counted by nobody. One
    that runs needs it, and one that may be accepted just now will."""
    monkeypatch.setattr(upload_entries, "_HOLDERS", 10)
    upload = give(engine, bench.owner)
    hold = partial(engine.uploads.entries.hold, [upload.id])
    arguments = {"file": upload.id, "path": bench.path()}
    running = bench.submit(engine, "inputs.hold", arguments, job_id=new_job_id(at=1))
    coming = f"job:{new_job_id()}"
    assert hold(coming)
    assert all(hold(f"job:{new_job_id(at=2 + number)}") for number in range(25))
    found = set(bench.admin.smembers(keyspace.holders(upload.id)))
    assert {f"job:{running}", coming} < found
    assert len(found) < 10
    for number in range(10):  # retries of ended jobs, about to be queued
        assert hold(retried := f"job:{new_job_id(at=50 + number)}")
        assert bench.admin.sismember(keyspace.holders(upload.id), retried)
    bench.go()


def test_process_that_died_while_it_deleted_leaves_the_rest_to_the_sweeper(
    bench: EngineBench, engine: JobEngine
) -> None:
    """Forgotten in Redis, its content not yet deleted."""
    upload = give(engine, bench.owner)
    assert engine.uploads.entries.drop(upload.id)
    assert stored(bench) == [upload.id]
    engine.uploads.sweep(limit=10)
    assert stored(bench) == []
    assert not bench.admin.exists(keyspace.EXPIRING_UPLOADS)


def test_trickling_upload_is_ended(bench: EngineBench) -> None:
    """Slower than the slowest rate for longer than the patience: nothing is kept.
    A steady sender is not concerned."""
    clock = FakeClock(0.0)
    store = open_job_connections(bench.settings())
    uploads = Uploads(store, FileStore(bench.settings()), bench.settings(), clock=clock)

    def trickle(bytes_s: int) -> Any:
        for _ in range(100):
            clock.advance(1)
            yield b"x" * bytes_s

    with pytest.raises(UploadTooSlow):
        uploads.receive(trickle(1), owner=bench.owner, name="x")
    assert PATIENCE_S < clock() < PATIENCE_S + 5
    assert stored(bench) == []
    assert not bench.admin.exists(keyspace.uploads(bench.owner.id))
    assert (
        uploads.receive(trickle(SLOWEST_BYTES_S), owner=bench.owner, name="x").size
        == 100 * SLOWEST_BYTES_S
    )
    store.close()


def test_parallel_uploads_share_one_allowance(bench: EngineBench) -> None:
    """What is still being received counts."""
    engine = bench.start(upload_person_bytes=100)

    def begin_another() -> Any:
        with pytest.raises(UploadQuotaExceeded):
            give(engine, bench.owner, "x" * 60)
        yield b"x" * 60

    assert engine.uploads.receive(begin_another(), owner=bench.owner, name="x", size=60).size == 60
