"""Files that attempts stored and no record lists: each goes, and is counted as long as it stays."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from flask_api.jobs.errors import JobCancelled, QuotaExceeded, TaskError
from flask_api.jobs.files.storage import FileStore
from flask_api.jobs.records.job import JobStatus
from flask_api.jobs.records.job_writer import JobWriter
from flask_api.jobs.records.usage import Quota
from flask_api.jobs.workers.reporter import AttemptReporter
from shared.errors import JobStoreUnavailable
from tests.integration.engine.engine_bench import EngineBench
from tests.integration.engine.files.attempts_case import Case


def test_attempt_that_wakes_after_the_job_was_deleted_leaves_nothing(case: Case) -> None:
    """Nobody would come back for its file, nor for the folder."""
    early = case.begin(1)

    def delete() -> None:
        case.end()
        case.engine.delete(case.job)
        assert not case.folder.exists()

    case.files.before = delete
    with pytest.raises(JobCancelled):
        early.save_file("a.txt", "stale")
    assert not case.folder.exists()
    assert case.counted() == 0


def test_what_a_killed_attempt_stored_goes_with_the_next_save(case: Case) -> None:
    """However many die in the middle: no more than one's bytes lie there uncounted."""
    for number in range(1, 4):
        case.files.after = _die
        with pytest.raises(KeyboardInterrupt):
            _without_cleaning(case.begin(number)).save_file("a.txt", "x" * number)
        assert case.stored() == [b"x" * number]
        assert case.counted() == number
    case.begin(4).save_file("b.txt", "kept")
    assert (case.stored(), case.counted()) == ([b"kept"], 4)


def test_what_a_killed_attempt_stored_goes_with_the_job(case: Case) -> None:
    """When no later attempt saves anything: until then it counts."""
    case.begin(1).save_file("a.txt", "kept")
    case.files.after = _die
    with pytest.raises(KeyboardInterrupt):
        _without_cleaning(case.begin(1)).save_file("b.txt", "x" * 100)
    assert case.begin(2).find_file("b.txt") is None
    assert (len(case.stored()), case.counted(), case.read()) == (2, 104, b"kept")
    case.end()
    case.engine.delete(case.job)
    assert (case.folder.exists(), case.counted()) == (False, 0)


def test_attempt_that_saves_no_file_asks_the_storage_for_no_list(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does it give the job a list: that would cost its removal a look at the storage."""
    monkeypatch.setattr(case.files, "stored", lambda _: pytest.fail("asked"))
    for number in (1, 2):
        assert case.begin(number).find_file("a.txt") is None
    assert "files" not in case.bench.record(case.job_id)
    case.begin(2).save_file("a.txt", "first of all")
    opened = case.begin(3).find_file("a.txt")
    assert opened is not None
    opened.close()


def test_job_that_is_done_waits_for_no_storage(
    bench: EngineBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its storage hangs once the file is saved. A time-out, a cancel or a stop would take the
    outcome from a task that has returned, and it would run again."""
    released = threading.Event()
    monkeypatch.setattr(FileStore, "stored", lambda *_: set() if released.wait(60) else None)
    try:
        job = bench.run(bench.start(), "sample.save_twice", {"size": 4})
    finally:
        released.set()
    assert (job.status, len(job.files)) == (JobStatus.SUCCEEDED, 1)


def test_listing_whose_answer_is_lost_loses_no_file(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be written or not: former and new one stay until the next write says which."""
    attempt = case.begin(1)
    attempt.save_file("a.txt", "former")
    note_files = attempt._note_files
    for is_written in (True, False):

        def lose(*, saved: Any = None, more: int = 0, is_written: bool = is_written) -> Any:
            if more or (saved and is_written):
                answer = note_files(saved=saved, more=more)
            if more:
                return answer
            raise JobStoreUnavailable("no answer")

        monkeypatch.setattr(attempt, "_note_files", lose)
        with pytest.raises(JobStoreUnavailable):
            attempt.save_file("a.txt", f"new {is_written}")
        monkeypatch.undo()
        assert case.read() == b"new True"
        assert len(case.stored()) == 2
    attempt.save_file("a.txt", "last")
    assert (case.read(), case.stored(), case.counted()) == (b"last", [b"last"], 4)


@pytest.mark.parametrize("lost", [1, 2])
def test_listing_that_comes_late_lists_what_is_stored(
    case: Case, monkeypatch: pytest.MonkeyPatch, lost: int
) -> None:
    """It went on its way, had no answer, and is carried out after all: when it was said again, or
    during the next save if that had no answer either."""
    attempt = case.begin(1)
    attempt.save_file("a.txt", "former")
    note, late = attempt._writer.note, list[Callable[[], Any]]()
    to_lose = iter(range(lost))

    def lose(*given: Any, event: str = "", **more: Any) -> Any:
        said = partial(note, *given, event=event, **more)
        if event and next(to_lose, None) is not None:
            late.append(said)
            raise JobStoreUnavailable("no answer")
        answer = said()
        if len(late) == 2:  # the next save has begun
            late.pop(0)()
        return answer

    monkeypatch.setattr(attempt._writer, "note", lose)
    with pytest.raises(JobStoreUnavailable):
        attempt.save_file("a.txt", "newer")
    if lost == 2:
        attempt.save_file("b.txt", "b")
    late.pop()()
    assert case.read() == b"newer"
    attempt.save_file("a.txt", "last")
    assert (case.read(), case.counted()) == (b"last", 4 + (lost == 2))
    # What a listing replaced that came so late goes with the job.
    assert sorted(case.stored()) == ([b"last"] if lost == 1 else [b"b", b"former", b"last"])


def test_file_that_may_not_be_listed_goes(case: Case) -> None:
    """Its entry is more text than its person may keep: what there was is the job's, and counts."""
    case.begin(1).save_file("a.txt", "kept")
    most = case.engine.usage(case.bench.owner).bytes
    quota = Quota(bytes=most, ended=10, file_bytes=100)
    case.writer = JobWriter(case.store, quota)
    attempt = case.begin(2)
    with pytest.raises(QuotaExceeded):
        attempt.save_file("b.txt", "one too many")
    assert (case.stored(), case.counted()) == ([b"kept"], 4)
    attempt.save_file("a.txt", "again")
    assert (case.read(), case.stored(), case.counted()) == (b"again", [b"again"], 5)


def test_save_that_fails_leaves_nothing_behind(case: Case) -> None:
    """Larger than it was when room was kept: the former file is the job's, and counts."""
    attempt = case.begin(1)
    attempt.save_file("a.txt", "former")
    growing = case.bench.folder / "growing"
    growing.write_text("small")
    case.files.before = lambda: growing.write_text("larger than it was")
    with pytest.raises(TaskError):
        attempt.save_file("a.txt", growing)
    assert (case.read(), case.stored(), case.counted()) == (b"former", [b"former"], 6)


def _die() -> None:
    raise KeyboardInterrupt


def _without_cleaning(reporter: AttemptReporter) -> AttemptReporter:
    """Let nothing follow the death of an attempt, as when its process is killed."""
    note_files = reporter._note_files

    def note(*, saved: Any = None, more: int = 0) -> Any:
        if not more:
            raise JobStoreUnavailable("it is dead")
        return note_files(saved=saved, more=more)

    reporter._note_files = note  # type: ignore[method-assign]
    return reporter
