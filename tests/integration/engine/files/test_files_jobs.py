"""Uploaded files as arguments of jobs: what a task gets, and which ids are refused."""

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from flask_api.jobs.engine import JobEngine
from flask_api.jobs.errors import InvalidArguments
from flask_api.jobs.records.job import JobStatus
from flask_api.jobs.tasks.inline import run_inline
from tests.integration.engine import input_tasks
from tests.integration.engine.engine_bench import ABSENT, EngineBench, give, make_due, new_owner
from tests.waiting import wait_until


@pytest.mark.parametrize("task", ["inputs.read", "inputs.read_apart"])
def test_task_gets_the_file_on_threads_and_on_processes(
    bench: EngineBench, engine: JobEngine, task: str
) -> None:
    """Opened, by path, with what is known of it; the record shows the id."""
    upload = give(engine, bench.owner, "grüße", "greeting.txt")
    job = bench.run(engine, task, {"file": upload.id})
    assert job.result == {
        "name": "greeting.txt",
        "size": 7,
        "media_type": "text/plain",
        "text": "grüße",
    }, job.error
    assert json.loads(job.arguments) == {"file": upload.id}


def test_file_that_is_not_in_an_executors_storage_is_not_called_gone(bench: EngineBench) -> None:
    """A cluster's machines may have no such folder: the setting is named."""
    engine = bench.start(executors={"*": "tests.contract.pools:threads"})
    upload = give(engine, bench.owner)
    shutil.rmtree(bench.folder / "files/uploads" / upload.id)
    job = bench.run(engine, "inputs.read", {"file": upload.id})
    assert job.error
    assert job.error["message"] == (
        "The uploaded file a.txt is not in this executor's storage (GATEHOUSE_JOB_FILES_URL)."
    )


def test_files_may_be_in_lists_and_left_out(bench: EngineBench, engine: JobEngine) -> None:
    """Wherever pydantic validates one."""
    ids = [give(engine, bench.owner, text).id for text in "abc"]
    assert bench.run(engine, "inputs.read_all", {"files": ids[:2], "more": ids[2]}).result == [
        "a",
        "b",
        "c",
    ]
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
        engine.submit_batch(
            "inputs.read_all", [{"files": [good]}, {"files": [good, bad]}], owner=bench.owner
        )
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


def test_failed_job_is_retried_with_its_file_or_refused(
    bench: EngineBench, engine: JobEngine
) -> None:
    """While the file is there it is held again;
    after it is gone the retry is refused, by pointer."""
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
    assert bench.outcome(engine, job_id).error == {
        "type": "TaskError",
        "message": "The uploaded file a.txt is gone.",
        "bases": ["Exception"],
    }


def test_storage_elsewhere_is_copied_for_who_needs_a_path(bench: EngineBench) -> None:
    """Any fsspec URL: the task sees no difference."""
    engine = bench.start(job_files_url="memory://gatehouse")
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
    upload = engine.uploads.receive(
        [b"one two three " * 100_000] * 4, owner=bench.owner, name="a.txt"
    )
    job = bench.run(engine, "text.word_count", {"file": upload.id, "top": 1})
    assert job.result == {
        "words": 1_200_000,
        "distinct": 3,
        "top": [{"word": "one", "count": 400_000}],
    }, job.error
    assert job.progress is not None
    assert job.progress["total"] == upload.size


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")
def test_cancelled_count_leaves_no_helper(bench: EngineBench) -> None:
    """The child is killed by force; its helper hears that nobody listens."""
    engine = bench.start(task_modules=("flask_api.tasks.text",))
    upload = engine.uploads.receive(
        [b"one two three " * 100_000] * 60, owner=bench.owner, name="a.txt"
    )
    job_id = bench.submit(engine, "text.word_count", {"file": upload.id})
    wait_until(_counting_processes, timeout_s=10, what="the helper counts")
    engine.cancel(engine.get(job_id, viewer=bench.owner))
    assert bench.outcome(engine, job_id).status is JobStatus.CANCELLED
    wait_until(lambda: not _counting_processes(), timeout_s=10, what="the helper has ended")
