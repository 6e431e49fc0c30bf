"""The engine's entries in a real Valkey: written atomically and fenced by the writer,
read and listed by the store."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from pydantic import SecretStr

from flask_api.jobs.records import keyspace
from flask_api.jobs.records.acceptance import Acceptance, Acceptances
from flask_api.jobs.records.holdings import Holdings
from flask_api.jobs.records.job import JobStatus, Owner, queued_job_of
from flask_api.jobs.records.job_reader import JobReader, open_job_connections
from flask_api.jobs.records.job_writer import JobWriter
from flask_api.jobs.records.reading import tail
from shared.errors import JobStoreUnavailable
from tests.contract.job_place import TTL_S, Place, attempt_at, new_job
from tests.integration.engine.engine_bench import EngineBench


def test_accepted_job_is_found_whole(place: Place, owner: Owner) -> None:
    """What was accepted is what is found; without a time to live, since it has not ended."""
    job = new_job(owner, priority=1, max_attempts=3)
    assert place.add(job) is Acceptance.ACCEPTED
    assert place.store.find(job.id) == job
    assert place.store.find_status(job.id) is JobStatus.QUEUED
    assert place.store.find_instance(job.id) == "a"
    assert place.store.list_of(owner.id, limit=10).jobs == (job,)
    assert place.bench.admin.ttl(keyspace.record(job.id)) == -1


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
    """Beginning counts an attempt and sets the time;
    asked again by the same instance it is the same attempt."""
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
    place.bench.admin.sadd(keyspace.held("a"), job.id)
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
    assert place.bench.admin.zscore(keyspace.EXPIRING, job.id) is not None
    place.bench.check_nothing_is_left()


@pytest.mark.parametrize(("instance", "attempt"), [("b", 1), ("", 1), ("a", 2), ("a", 0)])
def test_who_does_not_hold_the_attempt_changes_nothing(
    instance: str, attempt: int, place: Place, owner: Owner
) -> None:
    """Another instance or another attempt writes no outcome, no progress and no line."""
    job = new_job(owner)
    place.add(job)
    place.start(job)
    before = place.bench.record(job.id)
    assert (
        place.end(
            job, JobStatus.FAILED, instance=instance, attempt=attempt, error={"type": "Stale"}
        )
        == 0
    )
    told = place.writer.report(
        attempt_at(job, attempt, instance), changes={"progress": {}}, lines=["{}"]
    )
    assert told == -1
    assert place.bench.record(job.id) == before
    assert place.store.read_log(job.id) == []


def test_log_is_read_from_its_end_as_far_as_a_page_goes(
    place: Place, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By bytes too: two thousand long lines would outlast the time-out."""
    job = new_job(owner)
    place.add(job)
    place.start(job)
    lines = [f"{number:05}" for number in range(250)]
    assert place.writer.report(attempt_at(job), lines=lines) == 0
    for room, first in ((5, 249), (9, 249), (1, 249), (500, 150), (505, 149), (1249, 1), (1250, 0)):
        monkeypatch.setattr(tail, "PAGE_BYTES", room)
        assert place.store.read_log(job.id) == lines[first:], room


def test_reports_are_kept_and_bounded(place: Place, owner: Owner) -> None:
    """The last progress and the last two thousand lines."""
    job = new_job(owner)
    place.add(job)
    place.start(job)
    for first in range(0, 2400, 200):
        lines = [str(number) for number in range(first, first + 200)]
        changes = {"progress": {"done": first}}
        assert place.writer.report(attempt_at(job), changes=changes, lines=lines) == 0
    assert place.store.read_log(job.id) == [str(number) for number in range(400, 2400)]
    found = place.store.find(job.id)
    assert found is not None
    assert found.progress == {"done": 2200}


def test_many_at_once_are_accepted_and_begun_once(place: Place, owner: Owner) -> None:
    """Eight threads begin each of twenty jobs for two instances:
    the holder's attempt is the first and only one."""
    jobs = [new_job(owner) for _ in range(20)]
    for job in jobs:
        place.add(job)
    together = threading.Barrier(8)

    def start(number: int) -> list[int]:
        together.wait(timeout=10)
        return [place.start(job, instance="ab"[number % 2]) for job in jobs]

    with ThreadPoolExecutor(8) as pool:
        rows = list(pool.map(start, range(8)))
    assert all(
        row == ([1] * 20 if number % 2 == 0 else [0] * 20) for number, row in enumerate(rows)
    )


def test_persons_limit_holds_at_the_same_moment(place: Place, owner: Owner) -> None:
    """Of eight at once exactly as many are accepted as may be."""
    together = threading.Barrier(8)

    def add(number: int) -> Acceptance:
        together.wait(timeout=10)
        return place.acceptances.accept(
            new_job(owner), instance="ab"[number % 2], limit=5
        ).acceptance

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(add, range(8)))
    assert sorted(answers) == [Acceptance.ACCEPTED] * 5 + [Acceptance.FULL] * 3


def test_every_method_says_that_redis_is_away(bench: EngineBench, owner: Owner) -> None:
    """Without a server each call is JobStoreUnavailable,
    never a driver's error and never an empty answer."""
    settings = bench.settings(api_redis_url=SecretStr("unix:///nowhere/valkey.sock"))
    connections = open_job_connections(settings)
    store, writer, job = JobReader(connections), JobWriter(connections), new_job(owner)
    acceptances, holdings = Acceptances(connections), Holdings(connections)
    calls: list[Callable[[], object]] = [
        lambda: store.find(job.id),
        lambda: store.find_many([job.id]),
        lambda: store.find_status(job.id),
        lambda: store.find_instance(job.id),
        lambda: store.read_log(job.id),
        lambda: store.list_of(owner.id, limit=1),
        lambda: acceptances.accept(job, instance="a", limit=1),
        lambda: acceptances.stage(job, [(job.id, job.arguments)], first=0, batch="b", instance="a"),
        lambda: acceptances.accept_batch(
            "b", {"total": 1, "task": "a.b"}, owner_id=owner.id, instance="a", limit=1
        ),
        lambda: writer.turn("a", beginnings=[queued_job_of(job)]),
        lambda: writer.report(attempt_at(job), lines=["{}"]),
        lambda: writer.cancel(replace(job), instance="a", ttl_s=1),
        lambda: acceptances.retry(job, instance="a", attempts=1, limit=1),
        lambda: holdings.beat("a", ttl_s=1),
        lambda: holdings.adopt("b", instance="a"),
        lambda: holdings.claim("a", limit=1),
        lambda: holdings.give_up([job.id], instance="a"),
        lambda: holdings.hand_over("a"),
    ]
    for call in calls:
        with pytest.raises(JobStoreUnavailable):
            call()
    connections.close()
