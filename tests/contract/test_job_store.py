"""The engine's entries in a real Valkey: written atomically and fenced by the ledger, read and listed by the store."""

import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from flask_api.jobs import names
from flask_api.jobs import store as store_module
from flask_api.jobs.ledger import Acceptance, Claim, Ending, Ledger
from flask_api.jobs.record import Job, JobStatus, Owner, from_fields, new_job_id, to_fields
from flask_api.jobs.store import JobStore, open_job_connections
from shared.errors import JobStoreUnavailable
from tests.integration.engine_bench import EngineBench, new_owner

LIMIT = 1000
TTL_S = 100


class Place:
    """A store and a ledger, and two instances that are registered."""

    def __init__(self, bench: EngineBench) -> None:
        self.bench = bench
        self.connections = open_job_connections(bench.settings())
        self.store = JobStore(self.connections)
        self.ledger = Ledger(self.connections)
        for instance in ("a", "b"):
            self.ledger.beat(instance, ttl_s=60, register=True)

    def add(self, job: Job, *, instance: str = "a") -> Acceptance:
        """Accept a job."""
        return self.ledger.accept(job, instance=instance, limit=LIMIT).acceptance

    def start(self, job: Job, *, instance: str = "a") -> int:
        """Begin a job; return its attempt, 0 when it may not begin."""
        (attempt,) = self.ledger.turn(instance, beginnings=[claim(job)])
        return attempt

    def end(self, job: Job, status: JobStatus, *, instance: str = "a", attempt: int = 1, **changes: Any) -> int:
        """End an attempt; return 1, or 0 when nothing was changed."""
        ending = Ending(claim=claim(job), attempt=attempt, status=status, changes=changes, due_at=0.0)
        (kept,) = self.ledger.turn(instance, endings=[ending], ttl_s=TTL_S)
        return kept


def claim(job: Job) -> Claim:
    """Return what the ledger must know of a job."""
    return Claim(job_id=job.id, owner_id=job.owner.id)


@pytest.fixture
def place(bench: EngineBench) -> Iterator[Place]:
    """A store and a ledger as the API opens them."""
    place = Place(bench)
    yield place
    place.connections.close()


@pytest.fixture
def owner() -> Owner:
    """A person nobody else is."""
    return new_owner()


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


def test_accepted_job_is_found_whole(place: Place, owner: Owner) -> None:
    """What was accepted is what is found; without a time to live, since it has not ended."""
    job = new_job(owner, priority=1, max_attempts=3)
    assert place.add(job) is Acceptance.ACCEPTED
    assert place.store.find(job.id) == job
    assert place.store.find_status(job.id) is JobStatus.QUEUED
    assert place.store.find_instance(job.id) == "a"
    assert place.store.list_of(owner.id, limit=10).jobs == (job,)
    assert place.bench.admin.ttl(names.record(job.id)) == -1


def test_absent_job_is_none(place: Place, owner: Owner) -> None:
    """No job, no status, nothing to begin; asking makes none."""
    absent = new_job(owner)
    assert place.store.find(absent.id) is None
    assert place.store.find_status(absent.id) is None
    assert place.start(absent) == 0
    assert place.end(absent, JobStatus.SUCCEEDED) == 0
    assert place.store.find(absent.id) is None


def test_instance_that_was_declared_dead_accepts_nothing(place: Place, owner: Owner) -> None:
    """It must come back under a new name first; nothing was stored."""
    job = new_job(owner)
    assert place.add(job, instance="nobody") is Acceptance.LOST
    assert place.store.find(job.id) is None


def test_begun_job_is_running_and_counted(place: Place, owner: Owner) -> None:
    """Beginning counts an attempt and sets the time; asked again by the same instance it is the same attempt."""
    job = new_job(owner)
    place.add(job)
    assert place.start(job) == 1
    assert place.start(job) == 1, "a lost reply is asked for again"
    running = place.store.find(job.id)
    assert running is not None
    assert (running.status, running.attempt) == (JobStatus.RUNNING, 1)
    assert running.started_at is not None
    assert running.started_at >= job.submitted_at


def test_only_its_holder_begins_a_job(place: Place, owner: Owner) -> None:
    """Another instance does not, and changes nothing."""
    job = new_job(owner)
    place.add(job)
    assert place.start(job, instance="b") == 0
    assert place.store.find(job.id) == job
    assert place.start(job) == 1


@pytest.mark.parametrize("status", [status for status in JobStatus if status.is_outcome])
def test_ended_job_is_not_begun(status: JobStatus, place: Place, owner: Owner) -> None:
    """Whoever holds it."""
    job = new_job(owner)
    place.add(job)
    place.start(job)
    assert place.end(job, status) == 1
    place.bench.admin.sadd(names.held("a"), job.id)
    assert place.start(job) == 0
    assert place.store.find_status(job.id) is status


def test_outcome_is_written_once_with_its_time_to_live(place: Place, owner: Owner) -> None:
    """After the outcome the hold is gone: a late second outcome changes nothing."""
    job = new_job(owner)
    place.add(job)
    place.start(job)
    assert place.end(job, JobStatus.SUCCEEDED, result={"a": [None]}) == 1
    assert place.end(job, JobStatus.FAILED, error={}) == 0
    ended = place.store.find(job.id)
    assert ended is not None
    assert (ended.status, ended.result, ended.error) == (JobStatus.SUCCEEDED, {"a": [None]}, None)
    assert ended.finished_at is not None
    assert ended.expires_at is not None
    assert abs((ended.expires_at - ended.finished_at).total_seconds() - TTL_S) < 0.1
    assert int(str(place.bench.admin.ttl(names.record(job.id)))) > TTL_S
    place.bench.check_nothing_is_left()


@pytest.mark.parametrize(("instance", "attempt"), [("b", 1), ("", 1), ("a", 2), ("a", 0)])
def test_who_does_not_hold_the_attempt_changes_nothing(instance: str, attempt: int, place: Place, owner: Owner) -> None:
    """Another instance or another attempt writes no outcome, no progress and no line."""
    job = new_job(owner)
    place.add(job)
    place.start(job)
    before = place.bench.record(job.id)
    assert place.end(job, JobStatus.FAILED, instance=instance, attempt=attempt, error={"type": "Stale"}) == 0
    told = place.ledger.report(claim(job), instance=instance, attempt=attempt, changes={"progress": {}}, lines=["{}"])
    assert told == -1
    assert place.bench.record(job.id) == before
    assert place.store.read_log(job.id) == []


def test_reports_are_kept_and_bounded(place: Place, owner: Owner) -> None:
    """The last progress and the last two thousand lines."""
    job = new_job(owner)
    place.add(job)
    place.start(job)
    for first in range(0, 2400, 200):
        lines = [str(number) for number in range(first, first + 200)]
        assert place.ledger.report(claim(job), instance="a", attempt=1, changes={"progress": {"done": first}}, lines=lines) == 0
    assert place.store.read_log(job.id) == [str(number) for number in range(400, 2400)]
    found = place.store.find(job.id)
    assert found is not None
    assert found.progress == {"done": 2200}


def test_many_at_once_are_accepted_and_begun_once(place: Place, owner: Owner) -> None:
    """Eight threads begin each of twenty jobs for two instances: the holder's attempt is the first and only one."""
    jobs = [new_job(owner) for _ in range(20)]
    for job in jobs:
        place.add(job)
    together = threading.Barrier(8)

    def start(number: int) -> list[int]:
        together.wait(timeout=10)
        return [place.start(job, instance="ab"[number % 2]) for job in jobs]

    with ThreadPoolExecutor(8) as pool:
        rows = list(pool.map(start, range(8)))
    assert all(row == ([1] * 20 if number % 2 == 0 else [0] * 20) for number, row in enumerate(rows))


def test_persons_limit_holds_at_the_same_moment(place: Place, owner: Owner) -> None:
    """Of eight at once exactly as many are accepted as may be."""
    together = threading.Barrier(8)

    def add(number: int) -> Acceptance:
        together.wait(timeout=10)
        return place.ledger.accept(new_job(owner), instance="ab"[number % 2], limit=5).acceptance

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(add, range(8)))
    assert sorted(answers) == [Acceptance.ACCEPTED] * 5 + [Acceptance.FULL] * 3


def test_listing_goes_newest_first_through_every_page(place: Place, owner: Owner) -> None:
    """250 jobs, page by page: each once, in order, without results; what comes meanwhile moves nothing."""
    ids = sorted((new_job_id() for _ in range(250)), reverse=True)
    for job_id in ids:
        place.add(new_job(owner, id=job_id, result="large"))
    place.add(new_job(new_owner()))
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = place.store.list_of(owner.id, limit=30, cursor=cursor)
        seen += [job.id for job in page.jobs]
        assert all(job.result is None for job in page.jobs)
        if page.cursor is None:
            break
        assert len(page.jobs) == 30
        cursor = page.cursor
        place.add(new_job(owner))
    assert seen == ids


def test_listing_filters_by_status_and_task(place: Place, owner: Owner) -> None:
    """A page is filled with what matches, across what doesn't."""
    for number in range(30):
        status = JobStatus.FAILED if number % 3 == 0 else JobStatus.QUEUED
        place.add(new_job(owner, task=f"example.task{number % 2}", status=status))
    found = place.store.list_of
    assert len(found(owner.id, limit=100, status=JobStatus.FAILED).jobs) == 10
    assert len(found(owner.id, limit=100, task="example.task1").jobs) == 15
    both = found(owner.id, limit=3, status=JobStatus.FAILED, task="example.task1")
    assert [(job.status, job.task) for job in both.jobs] == [(JobStatus.FAILED, "example.task1")] * 3
    rest = found(owner.id, limit=100, status=JobStatus.FAILED, task="example.task1", cursor=both.cursor)
    assert (len(rest.jobs), rest.cursor) == (2, None)
    assert found(owner.id, limit=100, status=JobStatus.CANCELLED).jobs == ()


def test_rare_match_gives_a_short_page_with_a_cursor(place: Place, owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    """One call looks at a bounded number of records, however many a person has; the cursor goes on."""
    monkeypatch.setattr(store_module, "_MAX_SCANNED", 10)
    place.add(new_job(owner, id=str(uuid.UUID(int=1)), status=JobStatus.FAILED))
    for _ in range(15):
        place.add(new_job(owner))
    first = place.store.list_of(owner.id, limit=5, status=JobStatus.FAILED)
    assert first.jobs == ()
    assert first.cursor is not None
    second = place.store.list_of(owner.id, limit=5, status=JobStatus.FAILED, cursor=first.cursor)
    assert (len(second.jobs), second.cursor) == (1, None)


@pytest.mark.parametrize("cursor", ["zzz", "0", "+", "-", "(", "[", "\x00", "é", "x" * 10_000])
def test_any_text_is_a_harmless_cursor(cursor: str, place: Place, owner: Owner) -> None:
    """A cursor comes from the client: it only says where the order goes on."""
    place.add(new_job(owner))
    assert place.store.list_of(owner.id, limit=5, cursor=cursor).cursor is None


def test_records_that_redis_dropped_are_not_listed(place: Place, owner: Owner) -> None:
    """A stray name in a person's set is no job."""
    kept, gone = new_job(owner), new_job(owner)
    for job in (kept, gone):
        place.add(job)
    place.bench.admin.delete(names.record(gone.id))
    assert place.store.list_of(owner.id, limit=10).jobs == (kept,)
    assert place.store.find_many([gone.id, kept.id]) == [kept]


def test_every_method_says_that_redis_is_away(bench: EngineBench, owner: Owner) -> None:
    """Without a server each call is JobStoreUnavailable, never a driver's error and never an empty answer."""
    settings = bench.settings(api_redis_url=SecretStr("unix:///nowhere/valkey.sock"))
    connections = open_job_connections(settings)
    store, ledger, job = JobStore(connections), Ledger(connections), new_job(owner)
    calls: list[Callable[[], object]] = [
        lambda: store.find(job.id),
        lambda: store.find_many([job.id]),
        lambda: store.find_status(job.id),
        lambda: store.find_instance(job.id),
        lambda: store.read_log(job.id),
        lambda: store.list_of(owner.id, limit=1),
        lambda: ledger.accept(job, instance="a", limit=1),
        lambda: ledger.stage([job], batch="b", instance="a"),
        lambda: ledger.accept_batch("b", {"total": 1, "task": "a.b"}, owner_id=owner.id, instance="a", limit=1),
        lambda: ledger.turn("a", beginnings=[claim(job)]),
        lambda: ledger.report(claim(job), instance="a", attempt=1, lines=["{}"]),
        lambda: ledger.cancel(replace(job), instance="a", ttl_s=1),
        lambda: ledger.retry(job, instance="a", attempts=1, limit=1),
        lambda: ledger.beat("a", ttl_s=1),
        lambda: ledger.adopt("b", instance="a"),
        lambda: ledger.claim("a", limit=1),
        lambda: ledger.give_up([job.id], instance="a"),
        lambda: ledger.hand_over("a"),
    ]
    for call in calls:
        with pytest.raises(JobStoreUnavailable):
            call()
    connections.close()
