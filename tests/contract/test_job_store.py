"""The job store against a real Valkey: atomic, fenced, listed by time."""

import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deploy.valkey import EmbeddedValkey, new_passwords
from flask_api.jobs import store as store_module
from flask_api.jobs.record import Job, JobStatus, Owner, from_fields, new_job_id, to_fields
from flask_api.jobs.store import Hold, JobStore, open_job_store, owner_key, record_key
from shared.errors import JobStoreUnavailable
from shared.redis import Client, build_client
from tests.waiting import wait_until


@pytest.fixture
def jobs(valkey: EmbeddedValkey) -> Iterator[JobStore]:
    """A job store as the API opens it."""
    store, connections = open_job_store(valkey.url("api"), timeout_s=1, max_connections=16)
    yield store
    connections.close()


@pytest.fixture
def admin(valkey: EmbeddedValkey) -> Iterator[Client]:
    """A client that may look at everything."""
    client = build_client(valkey.url("admin"), timeout_s=1, max_connections=2)
    yield client
    client.connection_pool.disconnect()


@pytest.fixture
def owner() -> Owner:
    """A person nobody else is."""
    return Owner(id=uuid.uuid4().hex, username="ada")


def new_job(owner: Owner, **fields: Any) -> Job:
    """Return a job as it is when it is stored: times have milliseconds."""
    values: dict[str, Any] = {
        "id": new_job_id(),
        "task": "example.task",
        "arguments": {"n": [1, "é"]},
        "executor": "threads",
        "owner": owner,
        "submitted_at": datetime.now(UTC),
    }
    job = Job(**{**values, **fields})
    return from_fields(job.id, to_fields(job))


def test_added_job_is_found_whole(jobs: JobStore, owner: Owner) -> None:
    """What was added is what is found; without a time to live, since it has not ended."""
    job = new_job(owner, batch="b1", max_attempts=3)
    assert jobs.add(job)
    assert jobs.find(job.id) == job
    assert jobs.find_status(job.id) is JobStatus.QUEUED
    assert jobs.list_of(owner.id, limit=10).jobs == (job,)


def test_absent_job_is_none(jobs: JobStore) -> None:
    """No job, no status, nothing to start."""
    absent = new_job_id()
    assert jobs.find(absent) is None
    assert jobs.find_status(absent) is None
    assert jobs.start(absent, holder="h") is None
    assert jobs.find(absent) is None


def test_taken_id_is_refused_and_changes_nothing(jobs: JobStore, owner: Owner) -> None:
    """Adding again, by another owner too, leaves the first job and every listing as they were."""
    job, thief = new_job(owner), Owner(id=uuid.uuid4().hex, username="eve")
    assert jobs.add(job)
    assert not jobs.add(job)
    assert not jobs.add(replace(job, owner=thief, task="evil.task"))
    assert jobs.find(job.id) == job
    assert jobs.list_of(thief.id, limit=10).jobs == ()


def test_one_of_many_adders_of_an_id_wins(jobs: JobStore, owner: Owner) -> None:
    """Added by eight threads at once, the job is the winner's in every field."""
    job_id, together = new_job_id(), threading.Barrier(8)

    def add(number: int) -> bool:
        together.wait(timeout=10)
        return jobs.add(new_job(owner, id=job_id, task=f"example.task{number}", arguments={"number": number}))

    with ThreadPoolExecutor(8) as pool:
        won = [number for number, added in enumerate(pool.map(add, range(8))) if added]
    (winner,) = won
    job = jobs.find(job_id)
    assert job is not None
    assert (job.task, job.arguments) == (f"example.task{winner}", {"number": winner})


def test_started_job_is_running_and_held(jobs: JobStore, owner: Owner) -> None:
    """Starting counts an attempt and sets the time; a running job is not started again."""
    job = new_job(owner)
    jobs.add(job)
    assert jobs.start(job.id, holder="h1") == Hold(job_id=job.id, holder="h1", attempt=1)
    assert jobs.start(job.id, holder="h2") is None
    running = jobs.find(job.id)
    assert running is not None
    assert (running.status, running.attempt) == (JobStatus.RUNNING, 1)
    assert running.started_at is not None
    assert running.started_at >= job.submitted_at


@pytest.mark.parametrize("status", [status for status in JobStatus if status is not JobStatus.QUEUED])
def test_only_a_queued_job_is_started(status: JobStatus, jobs: JobStore, owner: Owner) -> None:
    """A job in any other state stays as it is."""
    job = new_job(owner, status=status)
    jobs.add(job)
    assert jobs.start(job.id, holder="h") is None
    assert jobs.find(job.id) == job


def test_one_of_many_starters_wins(jobs: JobStore, owner: Owner) -> None:
    """Eight threads start each of twenty jobs at once: one attempt each."""
    added = [new_job(owner) for _ in range(20)]
    for job in added:
        jobs.add(job)
    together = threading.Barrier(8)

    def start(number: int) -> list[Hold | None]:
        together.wait(timeout=10)
        return [jobs.start(job.id, holder=f"h{number}") for job in added]

    with ThreadPoolExecutor(8) as pool:
        rows = list(pool.map(start, range(8)))
    for at, job in enumerate(added):
        (hold,) = [row[at] for row in rows if row[at] is not None]
        assert hold is not None
        assert hold.attempt == 1
        assert jobs.update(hold, progress={"done": 1}), f"the winner of {job.id} holds it"


def test_holder_writes_and_finishes(jobs: JobStore, owner: Owner, admin: Client) -> None:
    """Each write is seen at once; with the outcome the record gets its time to live, and not before."""
    job = new_job(owner)
    jobs.add(job)
    hold = jobs.start(job.id, holder="h")
    assert hold is not None
    progress = {"done": 1, "total": None, "message": "é\n"}
    assert jobs.update(hold, progress=progress)
    assert jobs.update(hold, progress=progress), "the same write again is harmless"
    assert admin.ttl(record_key(job.id)) == -1
    finished_at = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
    assert jobs.update(hold, ttl_s=100, status=JobStatus.SUCCEEDED, result={"a": [None]}, finished_at=finished_at)
    assert 98 <= int(str(admin.ttl(record_key(job.id)))) <= 100
    ended = jobs.find(job.id)
    assert ended is not None
    assert (ended.status, ended.result, ended.progress) == (JobStatus.SUCCEEDED, {"a": [None]}, progress)
    assert ended.finished_at == finished_at


@pytest.mark.parametrize(
    "other",
    [
        lambda hold: replace(hold, holder="h2"),
        lambda hold: replace(hold, holder=""),
        lambda hold: replace(hold, attempt=2),
        lambda hold: replace(hold, attempt=0),
    ],
)
def test_who_does_not_hold_the_job_changes_nothing(
    other: Callable[[Hold], Hold], jobs: JobStore, owner: Owner, admin: Client
) -> None:
    """Another holder or another attempt writes no field and no time to live."""
    job = new_job(owner)
    jobs.add(job)
    hold = jobs.start(job.id, holder="h1")
    assert hold is not None
    before = jobs.find(job.id)
    assert not jobs.update(other(hold), ttl_s=1, status=JobStatus.FAILED, error={"type": "Stale"})
    assert jobs.find(job.id) == before
    assert admin.ttl(record_key(job.id)) == -1


def test_outcome_is_written_once(jobs: JobStore, owner: Owner) -> None:
    """After the outcome the hold is lost: a late second outcome changes nothing."""
    job = new_job(owner)
    jobs.add(job)
    hold = jobs.start(job.id, holder="h")
    assert hold is not None
    assert jobs.update(hold, ttl_s=100, status=JobStatus.SUCCEEDED, result=1)
    assert not jobs.update(hold, ttl_s=100, status=JobStatus.FAILED, error={})
    ended = jobs.find(job.id)
    assert ended is not None
    assert (ended.status, ended.result, ended.error) == (JobStatus.SUCCEEDED, 1, None)


def test_hold_on_an_absent_job_makes_none(jobs: JobStore, owner: Owner) -> None:
    """A write to a record that expired does not bring half of it back."""
    hold = Hold(job_id=new_job_id(), holder="h", attempt=1)
    assert not jobs.update(hold, progress={"done": 1})
    assert jobs.find(hold.job_id) is None


def test_listing_goes_newest_first_through_every_page(jobs: JobStore, owner: Owner) -> None:
    """250 jobs, page by page: each once, in order, without results; what comes meanwhile moves nothing."""
    ids = sorted((new_job_id() for _ in range(250)), reverse=True)
    for job_id in ids:
        jobs.add(new_job(owner, id=job_id, result="large"))
    jobs.add(new_job(Owner(id=uuid.uuid4().hex, username="eve")))
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = jobs.list_of(owner.id, limit=30, cursor=cursor)
        seen += [job.id for job in page.jobs]
        assert all(job.result is None for job in page.jobs)
        if page.cursor is None:
            break
        assert len(page.jobs) == 30
        cursor = page.cursor
        jobs.add(new_job(owner))
    assert seen == ids


def test_listing_filters_by_status_and_task(jobs: JobStore, owner: Owner) -> None:
    """A page is filled with what matches, across what doesn't."""
    for number in range(30):
        status = JobStatus.FAILED if number % 3 == 0 else JobStatus.QUEUED
        jobs.add(new_job(owner, task=f"example.task{number % 2}", status=status))
    assert len(jobs.list_of(owner.id, limit=100, status=JobStatus.FAILED).jobs) == 10
    assert len(jobs.list_of(owner.id, limit=100, task="example.task1").jobs) == 15
    both = jobs.list_of(owner.id, limit=3, status=JobStatus.FAILED, task="example.task1")
    assert [(job.status, job.task) for job in both.jobs] == [(JobStatus.FAILED, "example.task1")] * 3
    rest = jobs.list_of(owner.id, limit=100, status=JobStatus.FAILED, task="example.task1", cursor=both.cursor)
    assert (len(rest.jobs), rest.cursor) == (2, None)
    assert jobs.list_of(owner.id, limit=100, status=JobStatus.CANCELLED).jobs == ()


def test_rare_match_gives_a_short_page_with_a_cursor(jobs: JobStore, owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    """One call looks at a bounded number of records, however many a person has; the cursor goes on."""
    monkeypatch.setattr(store_module, "_MAX_SCANNED", 10)
    jobs.add(new_job(owner, id=str(uuid.UUID(int=1)), status=JobStatus.FAILED))
    for _ in range(15):
        jobs.add(new_job(owner))
    first = jobs.list_of(owner.id, limit=5, status=JobStatus.FAILED)
    assert first.jobs == ()
    assert first.cursor is not None
    second = jobs.list_of(owner.id, limit=5, status=JobStatus.FAILED, cursor=first.cursor)
    assert (len(second.jobs), second.cursor) == (1, None)


@pytest.mark.parametrize("cursor", ["zzz", "0", "+", "-", "(", "[", "\x00", "é", "x" * 10_000])
def test_any_text_is_a_harmless_cursor(cursor: str, jobs: JobStore, owner: Owner) -> None:
    """A cursor comes from the client: it only says where the order goes on."""
    jobs.add(new_job(owner))
    assert jobs.list_of(owner.id, limit=5, cursor=cursor).cursor is None


def test_expired_records_leave_the_listing(jobs: JobStore, owner: Owner, admin: Client) -> None:
    """What Redis has dropped is neither listed nor kept in the person's set."""
    kept, gone = new_job(owner), [new_job(owner) for _ in range(5)]
    for job in (kept, *gone):
        jobs.add(job)
    for job in gone:
        admin.pexpire(record_key(job.id), 1)
    wait_until(lambda: not admin.exists(*(record_key(job.id) for job in gone)), timeout_s=5, what="the records expired")
    assert jobs.list_of(owner.id, limit=10).jobs == (kept,)
    assert admin.zrange(owner_key(owner.id), 0, -1) == [kept.id]


def test_every_method_says_that_redis_is_away(tmp_path: Path, owner: Owner) -> None:
    """Without a server each call is JobStoreUnavailable, never a driver's error and never an empty answer."""
    with EmbeddedValkey(tmp_path / "valkey", passwords=new_passwords()) as server:
        jobs, connections = open_job_store(server.url("api"), timeout_s=0.2, max_connections=2)
        job = new_job(owner)
        jobs.add(job)
        hold = jobs.start(job.id, holder="h")
        assert hold is not None
    calls: list[Callable[[], object]] = [
        lambda: jobs.add(new_job(owner)),
        lambda: jobs.start(job.id, holder="h"),
        lambda: jobs.update(hold, progress={}),
        lambda: jobs.find(job.id),
        lambda: jobs.find_status(job.id),
        lambda: jobs.list_of(owner.id, limit=1),
    ]
    for call in calls:
        with pytest.raises(JobStoreUnavailable):
            call()
    connections.close()
