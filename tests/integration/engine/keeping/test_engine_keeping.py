"""Files and retention: what is kept, for whom, how much of it, and for how long."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from flask_api.jobs import expiry
from flask_api.jobs.errors import JobExpired, JobNotFound, TaskError
from flask_api.jobs.expiry import Sweeper
from flask_api.jobs.files.storage import FileStore, stored_name
from flask_api.jobs.files.uploads import Uploads
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import JobStatus
from flask_api.jobs.records.job_reader import open_job_connections
from tests.folders import files_below, saved_as, stored_file
from tests.integration.engine.engine_bench import EngineBench
from tests.waiting import wait_until


def stored_files(bench: EngineBench) -> list[str]:
    """Return the paths of all stored files, relative to their folder, as their jobs named them."""
    folder = bench.folder / "files"
    return [str(path.relative_to(folder).with_name(saved_as(path))) for path in files_below(folder)]


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        ".hidden",
        "../up",
        "a/b",
        "/etc/passwd",
        "a\\b",
        "a b",
        "é",
        "a\n",
        "x" * 101,
        "a\x00",
    ],
)
def test_file_name_that_could_lead_elsewhere_fails_the_job(bench: EngineBench, name: str) -> None:
    """The error says what is accepted; nothing is stored anywhere."""
    job = bench.run(bench.start(), "sample.save", {"name": name, "size": 1})
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert (job.error["type"], job.files) == ("TaskError", [])
    assert "letters" in job.error["message"]
    assert stored_files(bench) == []


def test_file_of_the_limit_is_kept_and_a_larger_one_is_not(bench: EngineBench) -> None:
    """The message names the limit, and nothing of the file stays."""
    engine = bench.start(job_file_max_bytes=1000)
    kept = bench.run(engine, "sample.save", {"name": "a.bin", "size": 1000})
    assert kept.files == [{"name": "a.bin", "size": 1000, "media_type": "application/octet-stream"}]
    refused = bench.run(engine, "sample.save", {"name": "b.bin", "size": 1001})
    assert refused.error is not None
    assert "1000" in refused.error["message"]
    assert stored_files(bench) == [f"{kept.id}/a.bin"]


def test_files_of_a_job_are_counted(bench: EngineBench) -> None:
    """One too many fails the job; what it had saved stays listed."""
    engine = bench.start(job_files_max=3)
    assert len(bench.run(engine, "sample.save", {"name": "a", "size": 1, "count": 3}).files) == 3
    job = bench.run(engine, "sample.save", {"name": "a", "size": 1, "count": 4})
    assert job.status is JobStatus.FAILED
    assert [file["name"] for file in job.files] == ["0-a", "1-a", "2-a"]


def test_only_listed_files_are_opened(bench: EngineBench) -> None:
    """No name leads to what the record does not list, and a file that vanished is absent,
    not an error."""
    engine = bench.start()
    job = bench.run(engine, "sample.save", {"name": "a", "size": 1})
    (bench.folder / "files" / job.id / "secret").write_text("x")
    for name in ("secret", "../a", "", "b"):
        with pytest.raises(JobNotFound):
            engine.open_file(job, name)
    stored_file(bench.folder / "files" / job.id, "a").unlink()
    with pytest.raises(JobNotFound):
        engine.open_file(job, "a")


def test_expired_job_is_gone_with_all_it_kept(
    bench: EngineBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the moment that its record names; swept later:
    listing, log, files and result are gone, 410 stays."""
    engine = bench.start()
    job = bench.run(engine, "sample.brief", {"folder": str(bench.folder)})
    kept = bench.run(engine, "sample.echo")
    assert job.expires_at is not None
    assert job.finished_at is not None
    assert 0.9 < (job.expires_at - job.finished_at).total_seconds() < 1.1
    assert stored_files(bench) == [f"{job.id}/brief.txt"]
    wait_until(lambda: _is_expired(bench, engine, job.id), timeout_s=3, what="its time is over")
    assert bench.sweep() == 1
    assert _is_expired(bench, engine, job.id)
    assert stored_files(bench) == []
    assert not bench.admin.exists(keyspace.log(job.id))
    assert "result" not in bench.record(job.id)
    assert [each.id for each in engine.jobs.list_of(bench.owner.id, limit=10).jobs] == [kept.id]
    assert int(str(bench.admin.ttl(keyspace.record(job.id)))) > 86_400
    assert engine.get(kept.id, viewer=bench.owner).result == [None]
    assert bench.sweep() == 0


def test_one_of_many_processes_sweeps(bench: EngineBench) -> None:
    """In each interval it is one process's turn, whichever asks first."""
    engine = bench.start()
    jobs = [bench.run(engine, "sample.brief", {"folder": str(bench.folder)}) for _ in range(2)]
    wait_until(
        lambda: all(_is_expired(bench, engine, job.id) for job in jobs),
        timeout_s=4,
        what="both are expired",
    )
    bench.admin.delete(keyspace.SWEEP_TURN)
    store = open_job_connections(bench.settings())
    files = FileStore(bench.settings())
    sweepers = [Sweeper(store, files, Uploads(store, files, bench.settings())) for _ in range(4)]
    assert sorted(sweeper.sweep() for sweeper in sweepers) == [0, 0, 0, 2]
    assert 0 < int(str(bench.admin.ttl(keyspace.SWEEP_TURN))) <= expiry.INTERVAL_S
    store.close()


def test_retried_job_does_not_expire(bench: EngineBench) -> None:
    """What was to be forgotten is kept once more, from its new end on."""
    engine = bench.start()
    job = bench.run(engine, "sample.fail", {"message": "no"})
    engine.retry(job)
    again = bench.outcome(engine, job.id)
    assert again.expires_at is not None
    assert job.expires_at is not None
    assert again.expires_at > job.expires_at
    assert bench.admin.zcard(keyspace.EXPIRING) == 1


def test_ended_batch_leaves_nothing_for_ever(bench: EngineBench) -> None:
    """Once it is swept, its lists are gone, and what says that it is expired has a time to live."""
    engine = bench.start()
    batch_id = engine.submit_batch(
        "sample.brief", [{"folder": str(bench.folder)}] * 2, owner=bench.owner
    ).id
    members = engine.batches.members(batch_id)
    jobs = [bench.outcome(engine, job_id) for job_id in members]
    wait_until(
        lambda: all(_is_expired(bench, engine, job.id) for job in jobs),
        timeout_s=4,
        what="both are expired",
    )
    assert bench.sweep() == 2
    assert not bench.admin.exists(
        keyspace.members(batch_id), keyspace.ended(batch_id), keyspace.batches(bench.owner.id)
    )
    entries = [keyspace.batch(batch_id), *map(keyspace.record, members)]
    assert all(int(str(bench.admin.ttl(entry))) > 0 for entry in entries)


def test_batch_that_was_never_accepted_is_swept(
    bench: EngineBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that died while it wrote a batch's records leaves nothing for ever."""
    engine = bench.start()
    members = [bench.run(engine, "sample.echo").id for _ in range(3)]
    bench.admin.rpush(keyspace.members("lost"), *members)
    bench.admin.zadd(keyspace.STAGED, {"lost": 1.0})
    bench.sweep()
    assert not bench.admin.exists(
        keyspace.members("lost"), keyspace.STAGED, *map(keyspace.record, members)
    )


def _is_expired(bench: EngineBench, engine: object, job_id: str) -> bool:
    try:
        engine.get(job_id, viewer=bench.owner)  # type: ignore[attr-defined]  # any engine
    except JobExpired:
        return True
    return False


def test_files_folder_is_made_on_first_use(bench: EngineBench) -> None:
    """A service without files has no folder for them."""
    engine = bench.start()
    assert bench.run(engine, "sample.echo").status is JobStatus.SUCCEEDED
    assert not Path(bench.folder / "files").exists()


def test_file_that_is_being_saved_again_leaves_the_former_one_alone(bench: EngineBench) -> None:
    """A kill in the middle leaves what an earlier attempt saved;
    so does a new one that is too large, and one that is whole: the record says which counts."""
    files = FileStore(bench.settings(job_file_max_bytes=10))
    former = files.save("job", "a", "former", kept={})
    source = bench.folder / "source"
    os.mkfifo(source)
    with ThreadPoolExecutor(1) as pool:
        saving = pool.submit(files.save, "job", "a", source, kept={"a": former})
        with source.open("wb", buffering=0) as half:
            half.write(b"lat")
            wait_until(lambda: len(stored_files(bench)) > 1, timeout_s=5, what="it is stored")
            assert _read(files, former) == b"former"
            half.write(b"er")
        later = saving.result(5)
    assert later["size"] == 5
    assert _read(files, later) == b"later"
    assert _read(files, former) == b"former"
    with pytest.raises(TaskError):
        files.save("job", "a", b"x" * 11, kept={"a": later})
    assert stored_files(bench) == ["job/a", "job/a"]


def _read(files: FileStore, entry: dict[str, Any]) -> bytes:
    with files.open("job", stored_name(entry)) as opened:
        return opened.read()


def test_what_a_killed_attempt_stored_and_never_listed_goes_with_the_job(
    bench: EngineBench,
) -> None:
    """Between storing a file and listing it a process may die: the folder is found all the same."""
    engine = bench.start()
    job = bench.run(engine, "sample.save", {"name": "a.bin", "size": 11})
    bench.admin.hset(keyspace.record(job.id), "files", "[]")
    folder = bench.folder / "files" / job.id
    assert stored_file(folder, "a.bin").exists()
    bench.admin.zadd(keyspace.EXPIRING, {job.id: 1.0})
    assert bench.sweep() == 1
    assert not folder.exists()
