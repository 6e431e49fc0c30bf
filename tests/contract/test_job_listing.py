"""A person's jobs, listed: newest first, page by page, filtered, whatever cursor comes."""

import uuid

import pytest

from flask_api.jobs.records import job_reader as store_module
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import JobStatus, Owner
from flask_api.jobs.records.reading import under_way as under_way_module
from flask_api.jobs.records.reading.under_way import JobsUnderWay
from shared.job_ids import new_job_id
from tests.contract.job_place import Place, new_job
from tests.integration.engine.engine_bench import new_owner


def test_listing_goes_newest_first_through_every_page(place: Place, owner: Owner) -> None:
    """250 jobs, page by page: each once, in order, without results;
    what comes meanwhile moves nothing."""
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
    assert len(found(owner.id, limit=100, statuses={JobStatus.FAILED}).jobs) == 10
    assert len(found(owner.id, limit=100, task="example.task1").jobs) == 15
    both = found(owner.id, limit=3, statuses={JobStatus.FAILED}, task="example.task1")
    assert [(job.status, job.task) for job in both.jobs] == [
        (JobStatus.FAILED, "example.task1")
    ] * 3
    rest = found(
        owner.id, limit=100, statuses={JobStatus.FAILED}, task="example.task1", cursor=both.cursor
    )
    assert (len(rest.jobs), rest.cursor) == (2, None)
    assert found(owner.id, limit=100, statuses={JobStatus.CANCELLED}).jobs == ()


def new_ids(count: int) -> list[str]:
    """Return ids of jobs."""
    return [new_job_id() for _ in range(count)]


def test_jobs_under_way_are_found_wherever_they_stand(
    place: Place, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Running ones first, then the newest that wait; none that has ended, is in a batch, or is
    somebody else's. Of many only the oldest and the newest are looked at."""
    monkeypatch.setattr(under_way_module, "_OLDEST", 3)
    monkeypatch.setattr(under_way_module, "_NEWEST", 2)
    under_way = JobsUnderWay(place.connections, place.store)
    # ids of one millisecond are in no order
    first, second, *others = [new_job(owner, id=each) for each in sorted(new_ids(6))]
    running, waiting = [first, second], others
    for job in running:
        place.add(job)
        assert place.start(job)
    for _ in range(60):
        ended = new_job(owner)
        place.add(ended)
        place.start(ended)
        place.end(ended, JobStatus.SUCCEEDED)
    for job in waiting:
        place.add(job)
    place.add(new_job(new_owner()))
    place.connections.write(lambda client: client.sadd(keyspace.opened(owner.id), new_job_id()))

    def found(limit: int) -> list[str]:
        return [job.id for job in under_way.find(owner.id, limit=limit)]

    # The second of those that wait is neither among the oldest three nor the newest two.
    newest_first = [running[1], running[0], waiting[3], waiting[2], waiting[0]]
    assert found(10) == [job.id for job in newest_first]
    assert found(3) == [job.id for job in newest_first[:3]]
    assert under_way.find("nobody", limit=3) == []


def test_rare_match_gives_a_short_page_with_a_cursor(
    place: Place, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One call looks at a bounded number of records, however many a person has;
    the cursor goes on."""
    monkeypatch.setattr(store_module, "_MAX_SCANNED", 10)
    place.add(new_job(owner, id=str(uuid.UUID(int=1)), status=JobStatus.FAILED))
    for _ in range(15):
        place.add(new_job(owner))
    first = place.store.list_of(owner.id, limit=5, statuses={JobStatus.FAILED})
    assert first.jobs == ()
    assert first.cursor is not None
    second = place.store.list_of(
        owner.id, limit=5, statuses={JobStatus.FAILED}, cursor=first.cursor
    )
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
    place.bench.admin.delete(keyspace.record(gone.id))
    assert place.store.list_of(owner.id, limit=10).jobs == (kept,)
    assert place.store.find_many([gone.id, kept.id]) == [kept]
