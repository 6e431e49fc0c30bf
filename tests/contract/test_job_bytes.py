"""However much a person's jobs hold, what reads them is bounded in bytes: counted at Redis."""

from functools import partial

import pytest

from flask_api.jobs.batches import Batches, new_batch
from flask_api.jobs.files.storage import FileStore
from flask_api.jobs.job_search import JobSearch
from flask_api.jobs.operating.all_jobs import AllJobs, WantedJobs
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import JobStatus, Owner
from flask_api.jobs.records.job_reader import open_job_connections
from flask_api.jobs.records.reading.pages import Page, pieces
from flask_api.jobs.removal import Removal
from shared.errors import JobStoreUnavailable
from tests.contract.job_place import Place, new_job

SIZE, COUNT = 700_000, 12
SMALL = 100_000
PAGE, TRIP = 4_000_000, 1_000_000


@pytest.fixture
def ids(place: Place, owner: Owner) -> list[str]:
    """Jobs with much to say, newest first."""
    text = "x" * SIZE
    jobs = [new_job(owner, arguments=f'{{"text":"{text}"}}') for _ in range(COUNT)]
    for job in jobs:
        place.add(job)
    return sorted((job.id for job in jobs), reverse=True)


def test_what_is_filtered_out_is_not_read(place: Place, owner: Owner, ids: list[str]) -> None:
    """By a task or a state that none has, by whoever asks; nor is it to choose or to cancel."""
    search = JobSearch(place.connections, place.store)
    everybody = AllJobs(place.connections, place.store, search)
    before = place.bench.sent_bytes()
    assert place.store.list_of(owner.id, limit=100, task="none").jobs == ()
    assert place.store.list_of(owner.id, limit=100, statuses={JobStatus.FAILED}).jobs == ()
    assert search.find(owner.id, "x", limit=20, task="none")[0].jobs == ()
    place.bench.admin.zadd(keyspace.EXPIRING, dict.fromkeys(ids, 1.0))
    assert (
        everybody.find(WantedJobs(task="none", statuses={JobStatus.FAILED}), limit=20)[0].jobs == ()
    )
    assert len(place.store.find_heads(ids)) == COUNT
    assert len(place.store.find_unfinished(ids, only_to_choose=True)) == COUNT
    assert place.bench.sent_bytes() - before < SMALL


def test_page_is_bounded_in_bytes_and_the_walk_finds_all(
    place: Place, owner: Owner, ids: list[str]
) -> None:
    """Each page and each search reads four megabytes at most, and goes on from there."""
    search = JobSearch(place.connections, place.store)

    def listed(cursor: str | None) -> Page:
        return place.store.list_of(owner.id, limit=100, cursor=cursor)

    def searched(cursor: str | None) -> Page:
        return search.find(owner.id, "xx", limit=100, cursor=cursor)[0]

    for find in (listed, searched):
        found: list[str] = []
        cursor: str | None = None
        while cursor or not found:
            before = place.bench.sent_bytes()
            page = find(cursor)
            assert 0 < len(page.jobs) <= PAGE // SIZE + 1
            assert place.bench.sent_bytes() - before < PAGE + SIZE + SMALL
            found += [job.id for job in page.jobs]
            cursor = page.cursor
        assert found == ids


def test_results_come_in_pieces(place: Place, owner: Owner) -> None:
    """A reader at the first line of a batch holds a megabyte of it, not all."""
    batch = new_batch("b", task="example.task", owner=owner, total=COUNT)
    for number in range(COUNT):
        job = new_job(
            owner, batch="b", position=number, result="x" * SIZE, status=JobStatus.SUCCEEDED
        )
        place.add(job)
        place.bench.admin.rpush(keyspace.members("b"), job.id)
    batches = Batches(
        place.connections,
        place.acceptances,
        Removal(place.connections, FileStore(place.bench.settings())),
    )
    before = place.bench.sent_bytes()
    lines = batches.results(batch, in_order=True, after=0)
    first = next(lines)
    assert first is not None
    assert first.result == "x" * SIZE
    assert place.bench.sent_bytes() - before < TRIP + SMALL
    assert [job.position for job in lines if job] == list(range(1, COUNT))


def test_large_answer_that_is_late_cuts_off_nobody_else(place: Place) -> None:
    """It is unavailable to who asked for it; the breaker of all stays closed."""
    connections = open_job_connections(place.bench.settings(), timeout_ms=100)
    late = partial(connections.read, lambda client: client.blpop("gatehouse:jobs:late", timeout=5))
    is_broken = []
    for is_large in (True, False):
        with pytest.raises(JobStoreUnavailable):
            late(is_large=is_large)
        is_broken.append(connections.is_broken)
    assert is_broken == [False, True]
    connections.close()


def test_pieces_are_bounded_in_bytes_and_hold_one_at_least() -> None:
    """In the order given; one that is too large for any comes alone."""
    sizes = {"a": 600_000, "b": 400_000, "c": 1, "d": 3_000_000, "e": 5, "f": 5}
    assert [list(piece) for piece in pieces(sizes)] == [["a", "b"], ["c"], ["d"], ["e", "f"]]
    assert list(pieces({})) == []
