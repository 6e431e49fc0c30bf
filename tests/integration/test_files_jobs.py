"""Uploaded files as arguments of jobs: what a task gets, what is refused, and that nothing is taken from under a job."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from flask_api.jobs import names
from flask_api.jobs.engine import JobEngine
from flask_api.jobs.errors import InvalidArguments, UploadInUse, UploadNotFound, UploadQuotaExceeded, UploadTooSlow
from flask_api.jobs.files import FileStore
from flask_api.jobs.inline import run_inline
from flask_api.jobs.record import JobStatus, Owner
from flask_api.jobs.store import open_job_connections
from flask_api.jobs.uploads import PATIENCE_S, SLOWEST_BYTES_S, Upload, Uploads
from flask_api.testing import FakeClock
from tests.integration import input_tasks
from tests.integration.engine_bench import EngineBench, new_owner
from tests.waiting import wait_until

TASKS = ("tests.integration.input_tasks",)
ABSENT = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def engine(bench: EngineBench) -> JobEngine:
    """An engine with tasks that take files."""
    return bench.start(task_modules=TASKS)


def give(engine: JobEngine, owner: Owner, text: str = "content", name: str = "a.txt") -> Upload:
    """Upload a text."""
    return engine.uploads.receive([text.encode()], owner=owner, name=name)


def make_due(bench: EngineBench, file_id: str) -> None:
    """Let a file's time be over."""
    bench.admin.zadd(names.EXPIRING_UPLOADS, {file_id: time.time() - 1})
    bench.admin.hset(names.upload(file_id), "expires_at", "2020-01-01T00:00:00.000Z")


def stored(bench: EngineBench) -> list[str]:
    """Return the ids of files whose content is stored."""
    return sorted(path.name for path in (bench.folder / "files" / "uploads").iterdir())


@pytest.mark.parametrize("task", ["inputs.read", "inputs.read_apart"])
def test_task_gets_the_file_on_threads_and_on_processes(bench: EngineBench, engine: JobEngine, task: str) -> None:
    """Opened, by path, with what is known of it; the record shows the id."""
    upload = give(engine, bench.owner, "grüße", "greeting.txt")
    job = bench.run(engine, task, {"file": upload.id})
    assert job.result == {"name": "greeting.txt", "size": 7, "media_type": "text/plain", "text": "grüße"}, job.error
    assert job.arguments == {"file": upload.id}


def test_files_may_be_in_lists_and_left_out(bench: EngineBench, engine: JobEngine) -> None:
    """Wherever pydantic validates one."""
    ids = [give(engine, bench.owner, text).id for text in "abc"]
    assert bench.run(engine, "inputs.read_all", {"files": ids[:2], "more": ids[2]}).result == ["a", "b", "c"]
    assert bench.run(engine, "inputs.read_all", {"files": []}).result == []


def test_schema_marks_a_file_for_forms() -> None:
    """A string, a UUID, and the marker."""
    schema = input_tasks.read.arguments_schema["properties"]["file"]
    assert {"type": "string", "format": "uuid", "x-gatehouse-file": True}.items() <= schema.items()


def _expired(bench: EngineBench, engine: JobEngine) -> str:
    upload = give(engine, bench.owner)
    make_due(bench, upload.id)
    return upload.id


WRONG: dict[str, Callable[[EngineBench, JobEngine], Any]] = {
    "absent": lambda bench, engine: ABSENT,
    "another person's": lambda bench, engine: give(engine, new_owner()).id,
    "expired": _expired,
    "no UUID": lambda bench, engine: "../etc/passwd",
    "a number": lambda bench, engine: 7,
    "null": lambda bench, engine: None,
    "an object": lambda bench, engine: {"id": ABSENT},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_id_that_is_no_file_of_the_submitter_is_refused(
    bench: EngineBench, engine: JobEngine, wrong: Callable[[EngineBench, JobEngine], Any]
) -> None:
    """By pointer, for a job and in a batch; nothing is stored."""
    good, bad = give(engine, bench.owner).id, wrong(bench, engine)
    before = set(bench.admin.scan_iter())
    with pytest.raises(InvalidArguments) as refused:
        engine.submit("inputs.read", {"file": bad}, owner=bench.owner)
    assert [problem.pointer for problem in refused.value.problems] == ["/arguments/file"]
    with pytest.raises(InvalidArguments) as refused:
        engine.submit_batch("inputs.read_all", [{"files": [good]}, {"files": [good, bad]}], owner=bench.owner)
    assert [problem.pointer for problem in refused.value.problems] == ["/arguments/1/files/1"]
    assert set(bench.admin.scan_iter()) == before


def test_foreign_and_absent_file_look_alike(bench: EngineBench, engine: JobEngine) -> None:
    """Nobody learns which ids there are."""
    details = []
    for file_id in (ABSENT, give(engine, new_owner()).id, _expired(bench, engine)):
        with pytest.raises(InvalidArguments) as refused:
            engine.submit("inputs.read", {"file": file_id}, owner=bench.owner)
        details.append(refused.value.problems[0].detail)
    assert len(set(details)) == 1
    assert "upload" in details[0]


def test_expired_file_is_swept_with_its_content(bench: EngineBench, engine: JobEngine) -> None:
    """What is not due stays; nothing of the other is left, and its person has the room again."""
    gone, kept = give(engine, bench.owner), give(engine, bench.owner)
    make_due(bench, gone.id)
    with pytest.raises(UploadNotFound):
        engine.uploads.get(gone.id, viewer=bench.owner)
    assert [each.id for each in engine.uploads.list_of(bench.owner, limit=10).uploads] == [kept.id]
    assert engine.uploads.sweep(limit=10) == 1
    assert stored(bench) == [kept.id]
    assert not bench.admin.exists(names.upload(gone.id))
    assert list(bench.admin.hkeys(names.uploads(bench.owner.id))) == [kept.id]
    assert list(bench.admin.zrange(names.EXPIRING_UPLOADS, 0, -1)) == [kept.id]


@pytest.mark.parametrize("is_batch", [False, True])
def test_file_of_an_unfinished_job_stays(bench: EngineBench, engine: JobEngine, is_batch: bool) -> None:
    """Neither its time nor its owner takes it from under a job or a batch; once that has ended, both can."""
    upload = give(engine, bench.owner, "still here")
    arguments = {"file": upload.id, "path": bench.path()}
    if is_batch:
        batch = engine.submit_batch("inputs.hold", [arguments, arguments], owner=bench.owner).id
        job_id = engine._batches.members(batch)[-1]
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
    wait_until(lambda: not list(bench.admin.scan_iter("gatehouse:jobs:open:*")), timeout_s=5, what="all have ended")
    make_due(bench, upload.id)
    assert engine.uploads.sweep(limit=10) == 1
    assert stored(bench) == []


def test_refused_submit_holds_no_file(bench: EngineBench) -> None:
    """The queue was full: the file can be deleted."""
    engine = bench.start(task_modules=TASKS, job_person_limit=1)
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
    from flask_api.jobs.job_inputs import SubmittedInputs

    upload = give(engine, bench.owner)
    inputs = SubmittedInputs(engine.uploads, bench.owner.id)
    inputs.find(upload.id)
    engine.uploads.delete(upload)
    with pytest.raises(InvalidArguments):
        inputs.hold("job:x")
    assert not bench.admin.exists(names.holders(upload.id))


def test_file_that_is_held_between_look_and_drop_stays(bench: EngineBench, engine: JobEngine) -> None:
    """The sweeper looked before the submit and acts after it: the script sees the new time."""
    upload, now = give(engine, bench.owner), time.time()
    make_due(bench, upload.id)
    assert engine.uploads.entries.hold([upload.id], "job:not-yet-accepted")
    assert not engine.uploads.entries.drop(upload.id, expired_by=now)
    assert engine.uploads.find(upload.id) is not None


def test_failed_job_is_retried_with_its_file_or_refused(bench: EngineBench, engine: JobEngine) -> None:
    """While the file is there it is held again; after it is gone the retry is refused, by pointer."""
    upload = give(engine, bench.owner)
    job = bench.run(engine, "inputs.fail", {"file": upload.id})
    engine.retry(job)
    again = bench.outcome(engine, job.id)
    assert again.error is not None
    assert again.error["message"] == "a.txt"
    engine.uploads.delete(upload)
    with pytest.raises(InvalidArguments) as refused:
        engine.retry(again)
    assert refused.value.problems[0].pointer == "/arguments/file"


def test_job_whose_file_is_lost_fails_in_plain_words(bench: EngineBench, engine: JobEngine) -> None:
    """The storage was emptied by somebody: the owner reads that it is gone, without a traceback."""
    upload = give(engine, bench.owner)
    job_id = bench.submit(engine, "inputs.hold", {"file": upload.id, "path": bench.path()})
    bench.wait_for(job_id, JobStatus.RUNNING)
    (bench.folder / "files" / "uploads" / upload.id / "content").unlink()
    bench.go()
    assert bench.outcome(engine, job_id).error == {"type": "TaskError", "message": "The uploaded file a.txt is gone."}


def test_upload_of_a_process_that_died_is_swept(bench: EngineBench, engine: JobEngine) -> None:
    """Begun and never completed: its bytes count as its person's until then, and it is not listed."""
    entries = engine.uploads.entries
    limits = {"largest": 100, "person_bytes": 100, "person_files": 10}
    assert entries.reserve(ABSENT, owner_id=bench.owner.id, size=None, **limits) == 100
    FileStore(bench.settings()).create(f"uploads/{ABSENT}", "content").close()
    assert engine.uploads.list_of(bench.owner, limit=10).uploads == ()
    with pytest.raises(UploadNotFound):
        engine.uploads.get(ABSENT, viewer=bench.owner)
    assert entries.reserve("second", owner_id=bench.owner.id, size=1, **limits) == -2
    bench.admin.zadd(names.EXPIRING_UPLOADS, {ABSENT: 1.0})
    assert engine.uploads.sweep(limit=10) == 1
    assert stored(bench) == []
    assert entries.reserve("second", owner_id=bench.owner.id, size=1, **limits) == 1


def test_process_that_died_while_it_deleted_leaves_the_rest_to_the_sweeper(bench: EngineBench, engine: JobEngine) -> None:
    """Forgotten in Redis, its content not yet deleted."""
    upload = give(engine, bench.owner)
    assert engine.uploads.entries.drop(upload.id)
    assert stored(bench) == [upload.id]
    engine.uploads.sweep(limit=10)
    assert stored(bench) == []
    assert not bench.admin.exists(names.EXPIRING_UPLOADS)


def test_trickling_upload_is_ended(bench: EngineBench) -> None:
    """Slower than the slowest rate for longer than the patience: nothing is kept. A steady sender is not concerned."""
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
    assert not bench.admin.exists(names.uploads(bench.owner.id))
    assert uploads.receive(trickle(SLOWEST_BYTES_S), owner=bench.owner, name="x").size == 100 * SLOWEST_BYTES_S
    store.close()


def test_parallel_uploads_share_one_allowance(bench: EngineBench) -> None:
    """What is still being received counts."""
    engine = bench.start(task_modules=TASKS, upload_person_bytes=100)

    def begin_another() -> Any:
        with pytest.raises(UploadQuotaExceeded):
            give(engine, bench.owner, "x" * 60)
        yield b"x" * 60

    assert engine.uploads.receive(begin_another(), owner=bench.owner, name="x", size=60).size == 60


def test_storage_elsewhere_is_copied_for_who_needs_a_path(bench: EngineBench) -> None:
    """Any fsspec URL: the task sees no difference."""
    engine = bench.start(task_modules=TASKS, job_files_url="memory://gatehouse")
    job = bench.run(engine, "inputs.read", {"file": give(engine, bench.owner, "far away").id})
    assert job.result["text"] == "far away", job.error


def test_run_inline_takes_a_path(tmp_path: Path) -> None:
    """For tests of tasks: no upload is needed."""
    path = tmp_path / "a.csv"
    path.write_text("a,b")
    result = run_inline(input_tasks.read, {"file": path})
    assert result == {"name": "a.csv", "size": 3, "media_type": "text/csv", "text": "a,b"}
    assert run_inline(input_tasks.read_all, {"files": [path, path]}) == ["a,b", "a,b"]


def _counting_processes() -> list[str]:
    """Return the command lines of the processes that count a part of a text."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found.append(path.read_text().replace("\0", " "))
    return [line for line in found if "word_counting.py" in line]


def test_words_are_counted_on_several_processes(bench: EngineBench) -> None:
    """The whole way: uploaded, counted in a child and its helper, added up."""
    engine = bench.start(task_modules=("flask_api.tasks.text",))
    upload = engine.uploads.receive([b"one two three " * 100_000] * 4, owner=bench.owner, name="a.txt")
    job = bench.run(engine, "text.word_count", {"file": upload.id, "top": 1})
    assert job.result == {"words": 1_200_000, "distinct": 3, "top": [{"word": "one", "count": 400_000}]}, job.error
    assert job.progress is not None
    assert job.progress["total"] == upload.size


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")
def test_cancelled_count_leaves_no_helper(bench: EngineBench) -> None:
    """The child is killed by force; its helper hears that nobody listens."""
    engine = bench.start(task_modules=("flask_api.tasks.text",))
    upload = engine.uploads.receive([b"one two three " * 100_000] * 60, owner=bench.owner, name="a.txt")
    job_id = bench.submit(engine, "text.word_count", {"file": upload.id})
    wait_until(_counting_processes, timeout_s=10, what="the helper counts")
    engine.cancel(engine.get(job_id, viewer=bench.owner))
    assert bench.outcome(engine, job_id).status is JobStatus.CANCELLED
    wait_until(lambda: not _counting_processes(), timeout_s=10, what="the helper has ended")
