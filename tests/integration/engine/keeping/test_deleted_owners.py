"""Somebody is deleted or deactivated by Django:
what waits of theirs in Flask is cancelled, what they shared opens nothing."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from flask import Flask

from flask_api.gate.state import gate_state
from flask_api.http.state import api_state
from flask_api.jobs.deleted_owners import DeletedOwners
from flask_api.jobs.records import keyspace
from flask_api.jobs.records.job import Owner
from flask_api.testing import running_api
from shared.contract.entries import principal_entry
from shared.contract.gone import GONE_LATEST, GonePeople, gone_entry
from shared.contract.signing import EntrySigner
from shared.settings import ApiSettings
from tests.integration.engine import sample_tasks
from tests.integration.gate.gate_bench import (
    SAMPLE_TASKS,
    Visitor,
    ask,
    new_visitor,
    post,
    submit_batch,
)
from tests.integration.tables.test_tables_rows import run
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("site")

TASKS = (SAMPLE_TASKS, "tests.integration.tables.row_tasks")


@pytest.fixture
def app(api_settings: ApiSettings, tmp_path: Path) -> Iterator[Flask]:
    """The API with one thread for jobs, so that jobs wait."""
    sample_tasks.RELEASE.clear()
    url = f"file://{tmp_path / 'files'}"
    with running_api(api_settings, task_modules=TASKS, job_files_url=url, job_threads=1) as app:
        yield app
        sample_tasks.RELEASE.set()


@pytest.fixture
def visit(app: Flask, admin: redis.Redis) -> Callable[..., int]:
    """Visit who is gone, whoever's turn it is."""
    state = gate_state(app)
    gone = GonePeople(state.store, EntrySigner(state.settings.secrets))

    def visit(**options: Any) -> int:
        admin.delete(keyspace.DEPARTURES_TURN)
        jobs = api_state(app).jobs_store
        return DeletedOwners(jobs, gone, api_state(app).engine.cancel, **options).visit()

    visit()  # who was marked by other tests
    return visit


def delete(visitor: Visitor) -> None:
    """Delete the person."""
    visitor.person.delete()


def deactivate(visitor: Visitor) -> None:
    """Deactivate the person."""
    set_active(visitor, is_active=False)


def set_active(visitor: Visitor, *, is_active: bool) -> None:
    """Let the person in, or not."""
    visitor.person.is_active = is_active
    visitor.person.save()


def submit_waiting(app: Flask, visitor: Visitor, **options: Any) -> str:
    """Submit a job that waits for its time."""
    return str(
        post(
            app, visitor, "/api/jobs", {"task": "sample.echo", "delay_s": 3600, **options}
        ).get_json()["id"]
    )


def record(admin: redis.Redis, job: str) -> dict[str, str]:
    """Return what is stored of a job."""
    stored: Any = admin.hgetall(keyspace.record(job))
    return {key.decode(): value.decode() for key, value in stored.items()}


def status(admin: redis.Redis, job: str) -> str:
    """Return a job's status."""
    return record(admin, job).get("status", "")


def test_waiting_jobs_of_who_is_gone_are_cancelled_by_the_server(
    app: Flask, admin: redis.Redis
) -> None:
    """Queued, delayed and of a batch; a running one stops at its next checkpoint;
    another person's go on."""
    deleted, deactivated, stays = (new_visitor() for _ in range(3))
    running = post(app, deleted, "/api/jobs", {"task": "sample.hang"}).get_json()["id"]
    wait_until(lambda: status(admin, running) == "running", timeout_s=20)
    batches = [submit_batch(app, each, "sample.echo", [{}, {}]) for each in (deleted, stays)]
    ours, others = (
        [job.decode() for job in admin.lrange(keyspace.members(batch), 0, -1)]  # type: ignore[union-attr]
        for batch in batches
    )
    delayed = [submit_waiting(app, each) for each in (deleted, deactivated, stays)]
    owners = [str(each.person.pk) for each in (deleted, deactivated)]
    delete(deleted)
    deactivate(deactivated)
    for job in (*ours, *delayed[:2], running):
        wait_until(
            lambda job=job: status(admin, job) == "cancelled",  # type: ignore[misc]
            timeout_s=30,
            what=f"{job} is cancelled",
        )
    assert not [owner for owner in owners if admin.exists(keyspace.opened(owner))], (
        "nothing of theirs is unfinished"
    )
    assert int(admin.hget(keyspace.batch(batches[0]), "cancelled")) == 2  # type: ignore[arg-type]
    assert status(admin, delayed[2]) == "queued"
    for job in others:
        wait_until(lambda job=job: status(admin, job) == "succeeded", timeout_s=30)  # type: ignore[misc]


@pytest.mark.parametrize("leave", [delete, deactivate])
def test_share_of_who_is_gone_opens_nothing_from_the_next_request_on(
    app: Flask, admin: redis.Redis, visit: Callable[..., int], leave: Callable[[Visitor], None]
) -> None:
    """And is removed soon, so that it does not come back with them."""
    owner, guest = new_visitor(), new_visitor()
    job = run(app, owner)
    made = ask(
        app, f"/api/jobs/{job['id']}/shares", method="POST", cookie=owner.cookie, json={}
    ).get_json()
    url = made["url"]
    assert ask(app, url, cookie=guest.cookie).status_code == 200
    leave(owner)
    assert ask(app, url, cookie=guest.cookie).status_code == 404
    visit()
    wait_until(lambda: not admin.exists(keyspace.share(made["id"])), timeout_s=20)
    if leave is deactivate:
        set_active(owner, is_active=True)
        assert ask(app, url, cookie=guest.cookie).status_code == 404, "nothing comes back"


def test_reactivated_person_works_and_nothing_comes_back(
    app: Flask, admin: redis.Redis, visit: Callable[..., int]
) -> None:
    """What was cancelled stays so; no later visit touches what is new,
    though the person was marked before."""
    visitor = new_visitor()
    old = submit_waiting(app, visitor)
    deactivate(visitor)
    visit()
    wait_until(lambda: status(admin, old) == "cancelled", timeout_s=20)
    set_active(visitor, is_active=True)
    new = submit_waiting(app, visitor)
    admin.delete(keyspace.DEPARTURES_SEEN)
    assert visit(again_s=-60) == 0, "both rounds, from the beginning"
    assert (status(admin, old), status(admin, new)) == ("cancelled", "queued")


def test_person_who_is_back_before_the_visit_keeps_what_they_have(
    app: Flask, admin: redis.Redis, visit: Callable[..., int]
) -> None:
    """A visitor that read of the departure, and was slow, asks again before it ends anything:
    the list alone is no mark."""
    visitor = new_visitor()
    waiting = submit_waiting(app, visitor)
    admin.zadd(GONE_LATEST, {str(visitor.person.pk): 2**52})
    try:
        visit()
        assert status(admin, waiting) == "queued"
        admin.set(gone_entry(str(visitor.person.pk)), "forged")
        admin.delete(keyspace.DEPARTURES_SEEN)
        visit()
        assert status(admin, waiting) == "queued", "a mark that Django did not sign is none"
    finally:
        admin.delete(gone_entry(str(visitor.person.pk)), keyspace.DEPARTURES_SEEN)
        admin.zrem(GONE_LATEST, str(visitor.person.pk))


def test_job_accepted_just_after_the_mark_is_cancelled_by_the_second_visit(
    app: Flask, admin: redis.Redis, visit: Callable[..., int]
) -> None:
    """Its submit passed the gate just before the deactivation;
    the first visit was over when it was accepted."""
    visitor = new_visitor()
    deactivate(visitor)
    visit()
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    owner = Owner(id=str(visitor.person.pk), username="late")
    # past the gate
    late = api_state(app).engine.submit("sample.echo", {}, owner=owner, start_at=tomorrow).id
    visit()
    assert status(admin, late) == "queued"
    visit(again_s=-60)
    assert status(admin, late) == "cancelled"


def test_lost_write_of_a_departure_is_repeated(
    app: Flask, admin: redis.Redis, visit: Callable[..., int]
) -> None:
    """A deletion while Redis is away, in a process that is killed before it can repeat it,
    is found by the reconciler."""
    from django_site.publishing.rebuild import rebuild

    visitor = new_visitor()
    waiting, person = submit_waiting(app, visitor), str(visitor.person.pk)
    published = admin.get(principal_entry(person))
    delete(visitor)
    admin.set(principal_entry(person), published)  # type: ignore[arg-type]  # as if nothing of the deletion had been written
    admin.delete(gone_entry(person))
    admin.zrem(GONE_LATEST, person)
    visit()
    assert status(admin, waiting) == "queued"
    rebuild()
    visit()
    wait_until(lambda: status(admin, waiting) == "cancelled", timeout_s=20)
