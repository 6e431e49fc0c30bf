"""Files of a job that more than one attempt saves: the record says which is the job's, whatever
lies in the storage."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from flask_api.jobs.engine import JobEngine
from flask_api.jobs.errors import JobCancelled, JobNotFound, StopReason
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import JobStatus
from tests.folders import files_below
from tests.integration.engine.engine_bench import RESCUE_S, EngineBench
from tests.integration.engine.files.attempts_case import Case
from tests.waiting import wait_until


@pytest.mark.parametrize("prefix", ["sample", "child"])
def test_server_that_was_paused_while_it_saved_changes_no_file(
    bench: EngineBench, prefix: str
) -> None:
    """SIGSTOP in the middle of a save, rescue, SIGCONT: the file is that of the attempt that
    succeeded, its size is the record's, and nothing else stays."""
    paused = bench.start_process()
    (job_id,) = paused.submit(f"{prefix}.save_slowly", [{"path": bench.path()}], owner=bench.owner)
    stopped = Path(bench.path() + ".stopped")
    wait_until(stopped.exists, timeout_s=20, what="it saves")
    paused.send_signal(signal.SIGSTOP)
    engine = bench.start()
    job = bench.outcome(engine, job_id, timeout_s=2 * RESCUE_S)
    assert (job.status, job.result) == (JobStatus.SUCCEEDED, 2)
    bench.go()
    if prefix == "sample":  # a child was not stopped, and its server would end it
        paused.send_signal(signal.SIGCONT)
    wait_until(Path(bench.path() + ".saved1").exists, timeout_s=20, what="it has saved")
    paused.send_signal(signal.SIGCONT)
    folder = bench.folder / "files" / job_id
    wait_until(lambda: len(files_below(folder)) == 1, timeout_s=20, what="its file is gone")
    with engine.open_file(job, "a.txt") as opened:
        assert opened.read() == b"attempt 2attempt 2"
    assert [file["size"] for file in job.files] == [18]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_attempt_that_lost_the_job_while_it_saved_changes_nothing(case: Case, moment: str) -> None:
    """Before it stores, or between that and the listing: the other's file is the job's."""
    late, early = case.begin(2), case.begin(1)
    early.save_file("a.txt", "first")

    def take_over() -> None:
        case.begin(2)
        late.save_file("a.txt", "right")

    setattr(case.files, moment, take_over)
    with pytest.raises(JobCancelled):
        early.save_file("a.txt", "stale and longer")
    assert case.signals == [StopReason.LOST]
    assert (case.read(), case.stored(), case.counted()) == (b"right", [b"right"], 5)


def test_attempt_that_lost_the_job_deletes_nothing_of_the_other(case: Case) -> None:
    """It looks while the other has stored a file and not listed it yet: that is no leftover."""
    early = case.begin(1)
    early.save_file("a.txt", "first")
    idle, late = case.begin(1), case.begin(2)

    def go_on() -> None:
        assert idle.find_file("b.txt") is None
        with pytest.raises(JobCancelled):
            idle.save_file("c.txt", "stale")

    case.files.after = go_on
    late.save_file("b.txt", "right")
    assert (case.read("a.txt"), case.read("b.txt")) == (b"first", b"right")
    assert (case.stored(), case.counted()) == ([b"first", b"right"], 10)


def test_file_that_is_saved_again_replaces_the_former_once_it_is_listed(case: Case) -> None:
    """Of an earlier attempt or the same: a reader gets one or the other whole, and one stays."""
    first = case.begin(1)
    first.save_file("a.txt", "former")
    first.save_file("b.txt", "stays")
    second = case.begin(2)
    opened = second.find_file("a.txt")
    assert opened is not None
    case.files.after = lambda: case.read() == b"former" or pytest.fail("not listed yet")
    second.save_file("a.txt", "later")
    with opened:
        assert opened.read() == b"former"
    assert (case.read(), case.read("b.txt")) == (b"later", b"stays")
    second.save_file("a.txt", "last one")
    assert (case.stored(), case.counted()) == ([b"last one", b"stays"], 13)
    assert [file["name"] for file in case.job.files] == ["a.txt", "b.txt"]


def test_reader_whose_file_is_saved_again_gets_the_new_one(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between looking where it lies and opening it: not "no such file"."""
    attempt = case.begin(1)
    attempt.save_file("a.txt", "former")
    job, open_stored = case.job, case.engine.files.open

    def save_first(folder: str, stored_as: str) -> Any:
        monkeypatch.setattr(case.engine.files, "open", open_stored)
        attempt.save_file("a.txt", "later")
        return open_stored(folder, stored_as)

    monkeypatch.setattr(case.engine.files, "open", save_first)
    with case.engine.open_file(job, "a.txt") as opened:
        assert opened.read() == b"later"


def test_file_that_an_older_version_stored_is_read_and_replaced(case: Case) -> None:
    """Its entry doesn't say as what it is stored: it lies under its name."""
    entry = {"name": "a.txt", "size": 3, "media_type": "text/plain"}
    other = {**entry, "name": "b.txt"}
    case.folder.mkdir(parents=True)
    for name in ("a.txt", "b.txt", ".0123abcd"):
        (case.folder / name).write_text("old")
    case.bench.admin.hset(
        keyspace.record(case.job_id),
        mapping={"files": json.dumps([entry, other]), "file_bytes": "6"},
    )
    case.bench.admin.hset(keyspace.kept(case.bench.owner.id), "file_bytes", "6")
    assert case.engine.job_files.find_path(case.job_id, "a.txt") == case.folder / "a.txt"
    attempt = case.begin(2)
    opened = attempt.find_file("a.txt")
    assert opened is not None
    opened.close()
    assert (case.read(), case.job.files) == (b"old", [entry, other])
    attempt.save_file("a.txt", "newer")
    assert (case.read(), case.read("b.txt")) == (b"newer", b"old")
    assert (case.stored(), case.counted()) == ([b"newer", b"old"], 8)


def test_name_in_the_storage_is_nobody_s_business(case: Case) -> None:
    """Neither the job nor an event says it, and no file is opened by it."""
    case.begin(1).save_file("a.txt", "text")
    entry = {"name": "a.txt", "size": 4, "media_type": "text/plain"}
    assert case.job.files == [entry]
    events: Any = case.bench.admin.xrange(keyspace.events(case.bench.owner.id))
    told = [json.loads(fields["event"]) for _, fields in events]
    assert [event["files"] for event in told if "files" in event] == [[entry]]
    (stored,) = files_below(case.folder)
    assert stored.name.endswith("-a.txt")
    with pytest.raises(JobNotFound):
        case.engine.open_file(case.job, stored.name)


def test_any_storage_keeps_the_files_of_attempts(bench: EngineBench) -> None:
    """One that is no local folder: saved again, found by the next attempt, gone with the job."""
    engine: JobEngine = bench.start(job_files_url="memory://attempts")
    job = bench.run(
        engine, "sample.count", {"path": bench.path(), "to": 6, "stop_at": 4, "how": "error"}
    )
    assert (job.status, job.attempt, len(job.files)) == (JobStatus.SUCCEEDED, 2, 6)
    again = bench.run(engine, "sample.save_twice", {"size": 4})
    with engine.open_file(again, "same") as opened:
        assert opened.read() == b"bbbb"
    assert [len(engine.files.stored(each.id)) for each in (job, again)] == [6, 1]
    engine.delete(again)
    assert engine.files.stored(again.id) == set()
