"""What one person may keep: refused when it is reached, failed in plain words while it runs,
free again after a deletion."""

from typing import Any

import pytest

from flask_api.http.job_json import count_left_out
from flask_api.jobs.engine import JobEngine
from flask_api.jobs.errors import IllegalTransition, JobExpired, JobNotFound, PersonQuotaExceeded
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import ATTEMPTS_KEPT, JobStatus
from flask_api.jobs.removal import Removal
from flask_api.jobs.sharing.share import Terms
from flask_api.jobs.sharing.shares import Shares
from shared.contract.gone import GonePeople
from shared.contract.signing import EntrySigner
from tests.contract.recount import check_counters
from tests.integration.engine import sample_tasks
from tests.integration.engine.engine_bench import EngineBench, new_owner
from tests.waiting import wait_until

BYTES = 50_000


def _check(bench: EngineBench, engine: JobEngine) -> None:
    check_counters(engine._store, bench.admin, bench.owner.id)


def test_person_at_the_limit_of_bytes_is_refused_and_others_are_not(bench: EngineBench) -> None:
    """The refusal says how much is kept; deleting makes room at once;
    nothing of what was refused is stored."""
    engine = bench.start(person_bytes=BYTES)
    kept = [bench.run(engine, "sample.big", {"size": 14_000}) for _ in range(3)]
    before = set(bench.admin.scan_iter("gatehouse:jobs:*"))
    with pytest.raises(PersonQuotaExceeded) as refused:
        bench.submit(engine, "sample.echo", {"value": "x" * 10_000})
    quota = refused.value.quota
    assert (quota.kind, quota.limit, quota.used) == (
        "bytes",
        BYTES,
        engine.usage(bench.owner).bytes,
    )
    with pytest.raises(PersonQuotaExceeded):
        engine.submit_batch("sample.echo", [{"value": "x" * 4_000}] * 3, owner=bench.owner)
    assert set(bench.admin.scan_iter("gatehouse:jobs:*")) == before
    other = new_owner()
    assert engine.submit("sample.echo", {"value": "x" * 10_000}, owner=other).job is not None
    engine.delete(kept[0])
    assert bench.run(engine, "sample.echo", {"value": "x" * 5_000}).status is JobStatus.SUCCEEDED
    _check(bench, engine)


def test_person_at_the_limit_of_ended_jobs_is_refused(bench: EngineBench) -> None:
    """Nothing is dropped for what is new; a deleted job makes room for one."""
    engine = bench.start(person_ended_jobs=2)
    first, second = (bench.run(engine, "sample.echo") for _ in range(2))
    for submit in (
        lambda: bench.submit(engine, "sample.echo"),
        lambda: engine.submit_batch("sample.echo", [{}], owner=bench.owner),
    ):
        with pytest.raises(PersonQuotaExceeded) as refused:
            submit()
        assert refused.value.quota.kind == "ended_jobs"
    assert engine.get(first.id, viewer=bench.owner).result == [None]
    engine.delete(second)
    assert bench.run(engine, "sample.echo").status is JobStatus.SUCCEEDED


def test_error_with_bytes_that_are_no_text_is_kept_at_the_limit(bench: EngineBench) -> None:
    """A traceback is left out, and the words stay: the job is not taken for one whose process died,
    which would run it again."""
    engine = bench.start(person_bytes=BYTES)
    bench.run(engine, "sample.big", {"size": BYTES - 2_400})
    job = bench.run(engine, "sample.fail_on_bytes", {"count": 300})
    assert job.error
    assert (job.error["type"], job.attempt) == ("RuntimeError", 1)
    assert job.error["message"].startswith(r"caf\udce9caf\udce9")
    assert len(job.error["message"]) == 2_000
    assert "traceback" not in job.error
    _check(bench, engine)


@pytest.mark.parametrize(
    ("task", "arguments"),
    [
        ("sample.big", {"size": 60_000}),
        ("sample.keep", {"size": 60_000}),
        ("child.keep", {"size": 60_000}),
        ("sample.talk", {"lines": 60, "size": 1_000}),
        ("sample.save", {"name": "a", "size": 3_001}),
    ],
)
def test_running_job_that_wants_to_keep_more_fails_in_plain_words(
    task: str, arguments: dict[str, Any], bench: EngineBench
) -> None:
    """A result, a state, log lines or a file: failed as QuotaExceeded, not tried again,
    and the outcome is stored."""
    engine = bench.start(person_bytes=BYTES, person_file_bytes=3_000)
    job = bench.run(engine, task, arguments)
    assert (job.status, job.error and job.error["type"], job.attempt) == (
        JobStatus.FAILED,
        "QuotaExceeded",
        1,
    )
    assert job.error is not None
    assert "traceback" not in job.error
    assert "elete" in job.error["message"]
    assert engine.usage(bench.owner).bytes < BYTES
    _check(bench, engine)


def test_outcome_is_stored_however_much_is_kept(bench: EngineBench) -> None:
    """At the limit a small result is kept whole, an error without its traceback;
    progress goes on."""
    engine = bench.start(person_bytes=BYTES)
    going = bench.submit(engine, "sample.hang")
    failing = bench.submit(
        engine, "sample.hold_and_fail", {"path": bench.path(), "message": "m" * 300}
    )
    wait_until(
        lambda: bench.runs() and bench.status(going) == "running", timeout_s=20, what="both run"
    )
    room = BYTES - engine.usage(bench.owner).bytes - 1_100
    bench.submit(engine, "sample.echo", {"value": "x" * room, "count": 0})
    sample_tasks.RELEASE.set()
    bench.go()
    assert bench.outcome(engine, going).result == "released"
    failed = bench.outcome(engine, failing)
    assert failed.error == {"type": "RuntimeError", "message": "m" * 300, "bases": ["Exception"]}
    _check(bench, engine)


def test_file_that_is_saved_again_counts_once(bench: EngineBench) -> None:
    """Room is kept for old and new while it is written; then the old one's is free."""
    engine = bench.start(person_file_bytes=10_000)
    job = bench.run(engine, "sample.save_twice", {"size": 4_000})
    assert job.status is JobStatus.SUCCEEDED, job.error
    assert engine.usage(bench.owner).file_bytes == 4_000
    _check(bench, engine)
    engine.delete(job)
    assert engine.usage(bench.owner).file_bytes == 0
    assert not (bench.folder / "files" / job.id).exists()


def test_deleted_job_is_gone_with_all_that_it_kept(bench: EngineBench) -> None:
    """Record, log, files, shares, its Idempotency-Key:
    nothing is left but the event, and it is as if it had never been."""
    engine = bench.start()
    job, other = (bench.run(engine, "sample.save", {"name": "a", "size": 10}) for _ in range(2))
    shares = Shares(engine._store, GonePeople(engine._store, EntrySigner(["s" * 40])))
    ended, stands = (shares.make(each, Terms(), life_s=600)[0] for each in (job, other))
    engine.delete(job)
    assert not bench.admin.exists(keyspace.share(ended.id))
    names: Any = bench.admin.zrange(keyspace.shares(bench.owner.id), 0, -1)
    assert names == [f"{other.id}:{stands.id}"]
    engine.delete(other)
    assert not bench.admin.exists(keyspace.share(stands.id))
    with pytest.raises(JobNotFound):
        engine.get(job.id, viewer=bench.owner)
    assert engine.jobs.list_of(bench.owner.id, limit=10).jobs == ()
    left = {str(name) for name in bench.admin.scan_iter("gatehouse:jobs:*") if job.id in str(name)}
    assert left == set()
    assert not bench.admin.exists(keyspace.EXPIRING)
    assert engine.usage(bench.owner).bytes == 0
    entries: Any = bench.admin.xrevrange(keyspace.events(bench.owner.id), count=1)
    last = entries[0][1]
    assert (last["job"], last["event"]) == (other.id, '{"event": "deleted"}')


def test_unfinished_job_is_not_deleted(bench: EngineBench) -> None:
    """Neither one that runs nor one that waits, nor a batch with one; cancelled, it is."""
    engine = bench.start()
    running = bench.submit(engine, "sample.hold", {"path": bench.path()})
    batch_id = engine.submit_batch("sample.hold", [{"path": bench.path()}], owner=bench.owner).id
    batch = engine.get_batch(batch_id, viewer=bench.owner)
    job = engine.get(running, viewer=bench.owner)
    with pytest.raises(IllegalTransition, match="cancel"):
        engine.delete(job)
    with pytest.raises(IllegalTransition, match="cancel"):
        engine.delete_batch(batch)
    engine.cancel(job)
    bench.wait_for(running, "cancelled")
    engine.delete(job)
    engine.cancel_batch(batch)
    wait_until(
        lambda: engine.get_batch(batch_id, viewer=bench.owner).finished_at,
        timeout_s=5,
        what="the batch has ended",
    )
    engine.delete_batch(batch)
    assert engine.usage(bench.owner).bytes == 0
    bench.check_nothing_is_left()


def test_deleted_batch_is_gone_with_its_jobs(bench: EngineBench) -> None:
    """Its jobs go with it and not alone; it is listed until then."""
    engine = bench.start()
    batch_id = engine.submit_batch(
        "sample.save", [{"name": "a", "size": 5}] * 3, owner=bench.owner
    ).id
    batch = engine.get_batch(batch_id, viewer=bench.owner)
    members = engine.batches.members(batch_id)
    jobs = [bench.outcome(engine, job_id) for job_id in members]
    with pytest.raises(IllegalTransition, match=batch_id):
        engine.delete(jobs[0])
    assert [each.id for each in engine.batches.list_of(bench.owner.id, limit=5)[0]] == [batch_id]
    engine.delete_batch(batch)
    with pytest.raises(JobNotFound):
        engine.get_batch(batch_id, viewer=bench.owner)
    assert engine.batches.list_of(bench.owner.id, limit=5) == ([], None)
    left = {str(name) for name in bench.admin.scan_iter("gatehouse:jobs:*")}
    assert not [name for name in left if any(each in name for each in (batch_id, *members))]
    assert list((bench.folder / "files").iterdir()) == []
    _check(bench, engine)


def test_expired_batch_says_so(bench: EngineBench) -> None:
    """Once the results of its jobs are forgotten it is expired, not a batch of empty results;
    a stub of it stays a while."""
    engine = bench.start()
    batch_id = engine.submit_batch(
        "sample.brief", [{"folder": str(bench.folder)}] * 2, owner=bench.owner
    ).id
    wait_until(
        lambda: bench.admin.hget(keyspace.batch(batch_id), "expires_at"),
        timeout_s=5,
        what="it has ended",
    )

    def is_expired() -> bool:
        try:
            engine.get_batch(batch_id, viewer=bench.owner)
        except JobExpired:
            return True
        return False

    wait_until(is_expired, timeout_s=5, what="it is expired")


def test_stubs_of_forgotten_jobs_are_bounded(
    bench: EngineBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one person so many say 410; the oldest of more are gone, with their Idempotency-Key."""
    monkeypatch.setattr("flask_api.jobs.removal.STUBS_KEPT", 2)
    engine = bench.start()
    jobs = [bench.run(engine, "sample.echo").id for _ in range(4)]
    bench.admin.zadd(keyspace.EXPIRING, {job: 1.0 + number for number, job in enumerate(jobs)})
    Removal(engine._store, engine.files).expire(jobs)
    assert [bool(bench.admin.exists(keyspace.record(job))) for job in jobs] == [
        False,
        False,
        True,
        True,
    ]
    assert engine.usage(bench.owner).bytes == 0


def test_events_of_one_person_are_bounded_in_bytes(bench: EngineBench) -> None:
    """However much a job says, its person's stream holds ten million bytes, and knows how many."""
    engine = bench.start()
    job = bench.run(engine, "sample.talk", {"lines": 1_500, "size": 7_900})
    assert job.status is JobStatus.SUCCEEDED, job.error
    kept = engine.usage(bench.owner)
    assert 8_000_000 < kept.event_bytes < 11_100_000
    _check(bench, engine)


def test_retries_end_at_the_limit_of_bytes_and_attempts_are_the_last_ones(
    bench: EngineBench,
) -> None:
    """What each leaves is counted and bounded: the record says how many attempts came before."""
    engine = bench.start(person_bytes=BYTES)
    job = bench.run(engine, "sample.fail", {"message": "m" * 600})
    for _ in range(ATTEMPTS_KEPT + 2):
        engine.retry(job)
        job = bench.outcome(engine, job.id)
    assert [each["attempt"] for each in job.attempts] == list(range(4, ATTEMPTS_KEPT + 4))
    assert count_left_out(job) == 3
    full = bench.start(person_bytes=engine.usage(bench.owner).bytes)
    with pytest.raises(PersonQuotaExceeded) as refused:
        full.retry(job)
    assert refused.value.quota.kind == "bytes"
    assert engine.get(job.id, viewer=bench.owner) == job
    _check(bench, engine)
