"""The outbox: written in the person's transaction, one job for each row, in order."""

import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone
from flask import Flask

from django_site.submitting import (
    ApiAway,
    OutboxFull,
    Submission,
    SubmitRefused,
    outbox,
    relay_thread,
    submit,
)
from django_site.submitting.asking import ask
from django_site.submitting.order import order_of
from django_site.submitting.relay_thread import Relay
from flask_api.testing import running_api
from shared.http.beside import offer_api, withdraw_api
from shared.settings import ROOT, ApiSettings
from tests.integration.api.api_server import served
from tests.integration.gate.gate_bench import SAMPLE_TASKS
from tests.waiting import wait_until

if TYPE_CHECKING:
    from django_site.accounts.models import User

ECHO = "sample.echo"
DIES_AFTER_ACCEPTANCE = """
import os, signal, django
django.setup()
from django_site.submitting import outbox
outbox._forget = lambda row: os.kill(os.getpid(), signal.SIGKILL)
outbox.relay()
"""


@pytest.fixture(autouse=True)
def _empty(site: None) -> Iterator[None]:
    """Each test has the outbox to itself."""
    rows().delete()
    yield
    rows().delete()


def rows() -> Any:
    """Return all rows."""
    from django_site.submitting.models import OutboxJob

    return OutboxJob.objects.all()


def write(person: "User", task: str = ECHO, **arguments: Any) -> Submission:
    """Write a job in a transaction of its own."""
    with transaction.atomic():
        return submit(task, arguments, user=person, outbox=True)


def jobs_of(person: "User") -> list[dict[str, Any]]:
    """Return the person's jobs, the first accepted first."""
    found = ask(str(person.pk), "GET", "/jobs")["jobs"]
    return sorted(found, key=lambda job: str(job["submitted_at"]))


def make_due() -> None:
    """Let every row's pause be over."""
    rows().update(next_try_at=timezone.now())


@contextmanager
def no_api(app: Flask) -> Iterator[None]:
    """Take the API away for a while."""
    withdraw_api(app)
    try:
        yield
    finally:
        offer_api(app)


def test_row_is_written_with_the_transaction_and_sent_after_it(
    beside: Flask, person: "User"
) -> None:
    """Rolled back there is neither row nor job; committed, the job is there at once."""
    with transaction.atomic():
        submit(ECHO, {"value": 1}, user=person, outbox=True)
        assert rows().count() == 1
        transaction.set_rollback(True)
    assert (rows().count(), jobs_of(person)) == (0, [])
    submission = write(person, value=2)
    assert submission.is_accepted
    assert [job["id"] for job in jobs_of(person)] == [submission.id]
    assert rows().count() == 0


def test_process_killed_between_acceptance_and_deletion_leaves_one_job(
    beside: Flask, person: "User", monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row is there still, is sent again, and is the same job, which ran once."""
    with no_api(beside):
        submission = write(person, value=1)
    make_due()
    with served(beside) as address:
        monkeypatch.setenv("GATEHOUSE_API_URL", f"{address}/api")
        command = [sys.executable, "-c", DIES_AFTER_ACCEPTANCE]
        died = subprocess.run(command, cwd=ROOT, check=False, timeout=60)
    assert died.returncode == -signal.SIGKILL
    assert [job["id"] for job in jobs_of(person)] == [submission.id]
    assert rows().count() == 1
    assert outbox.relay() == (1, True)
    assert rows().count() == 0
    wait_until(lambda: jobs_of(person)[0]["status"] == "succeeded", timeout_s=10)
    assert [(job["id"], job["attempt"]) for job in jobs_of(person)] == [(submission.id, 1)]


def test_row_of_a_job_that_is_deleted_since_is_done(beside: Flask, person: "User") -> None:
    """It was accepted: it is no second job, and no problem."""
    submission = write(person, value=1)
    wait_until(lambda: jobs_of(person)[0]["status"] == "succeeded", timeout_s=10)
    ask(str(person.pk), "DELETE", f"/jobs/{submission.id}")
    order = order_of(ECHO, {"value": 1}, user=person, job_id=str(submission.id))
    outbox.keep(order, user=person, using=None)
    make_due()
    assert outbox.relay() == (1, True)
    assert (rows().count(), jobs_of(person)) == (0, [])


def test_rows_wait_while_the_api_is_away_and_keep_their_order(
    beside: Flask, person: "User"
) -> None:
    """Each try pauses longer; one problem of the first keeps the others behind it."""
    with no_api(beside):
        submissions = [write(person, value=number) for number in range(3)]
        assert all(isinstance(each.problem, ApiAway) for each in submissions[:1])
        pauses = []
        for _ in range(4):
            make_due()
            assert outbox.relay() == (0, False)
            pauses.append(rows().first().next_try_at - timezone.now())
        assert pauses[3] > 2 * pauses[0]
        assert "GATEHOUSE_API_URL" in rows().first().problem
        make_due()
        with pytest.raises(CommandError, match="away"):
            call_command("relay_jobs")
    later = write(person, value=3)
    assert not later.is_accepted  # not before the others
    make_due()
    call_command("relay_jobs")
    assert [job["arguments"]["value"] for job in jobs_of(person)] == [0, 1, 2, 3]


def test_refused_row_is_marked_and_keeps_nobody_waiting(
    beside: Flask, person: "User", caplog: pytest.LogCaptureFixture, browser: Any, new_person: Any
) -> None:
    """Its problem names the field; staff see it, and send it again."""
    with no_api(beside):  # nobody can check it now
        write(person, count="two")
        write(person, "no.such")
        write(person, value=1)
    make_due()
    assert outbox.relay() == (1, True)
    wrong, unknown = rows()
    assert "count: " in wrong.problem
    assert "unknown_task" in unknown.problem
    assert None not in (wrong.refused_at, unknown.refused_at)
    assert caplog.text.count("a job of the outbox was refused") == 2
    browser.force_login(new_person(is_staff=True, is_superuser=True))
    page = "/admin/gatehouse_submitting/outboxjob/"
    assert "unknown_task" in browser.get(page).content.decode()
    assert browser.get(f"{page}{wrong.pk}/change/").status_code == 200
    browser.post(page, {"action": "send_again", "_selected_action": [wrong.pk]})
    assert [row.refused_at is None for row in rows()] == [True, False]
    outbox.relay()
    rows().update(refused_at=timezone.now() - outbox.REFUSED_KEPT - timedelta(days=1))
    outbox.forget_refused()
    assert rows().count() == 0


def test_limit_lets_a_row_wait_and_what_lasts_is_refused(
    site: None, api_settings: ApiSettings, person: "User", tmp_path: Any
) -> None:
    """Room below a limit comes; a day later it has not."""
    changes: dict[str, Any] = {"task_modules": (SAMPLE_TASKS,), "job_person_limit": 1}
    with running_api(api_settings, job_files_url=f"file://{tmp_path}", **changes) as app:
        offer_api(app)
        first = submit(ECHO, user=person, delay_s=3600)
        waits = write(person, value=1)
        assert isinstance(waits.problem, SubmitRefused)
        assert "too_many_unfinished" in rows().get().problem
        rows().update(created_at=timezone.now() - timedelta(days=2))
        make_due()
        outbox.relay()
        assert rows().get().refused_at
        ask(str(person.pk), "POST", f"/jobs/{first.id}/cancel")
        assert outbox.send_again(rows()) == 1
        assert outbox.relay() == (1, True)
        withdraw_api(app)


def test_person_who_was_deactivated_gets_no_job(
    beside: Flask, person: "User", new_person: Callable[..., "User"]
) -> None:
    """The gate decides when it is sent; others go on."""
    other = new_person()
    with no_api(beside):
        for each in (person, other):
            write(each, value=1)
    person.is_active = False
    person.save()
    make_due()
    assert outbox.relay() == (1, True)
    assert rows().get().person == person
    assert rows().get().refused_at
    person.delete()
    assert rows().count() == 0


def test_outbox_takes_so_much_of_one_person(
    beside: Flask, person: "User", new_person: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond it nothing is written; others have room."""
    monkeypatch.setattr(outbox, "MOST_ROWS", 2)
    with no_api(beside):
        for number in range(2):
            write(person, value=number)
        with pytest.raises(OutboxFull):
            write(person, value=2)
        write(new_person(), value=2)
    assert rows().count() == 3


def test_api_that_says_when_to_come_back_is_asked_then(beside: Flask, person: "User") -> None:
    """Later than the pause of a first try, which is a second."""
    busy = Flask("busy")
    busy.register_error_handler(404, lambda _: ({"detail": "busy"}, 503, {"Retry-After": "120"}))
    withdraw_api(beside)
    offer_api(busy)
    try:
        submission = write(person, value=1)
    finally:
        withdraw_api(busy)
    assert isinstance(submission.problem, ApiAway)
    assert rows().get().next_try_at > timezone.now() + timedelta(seconds=60)


def test_one_process_relays_beside_its_requests(
    beside: Flask, person: "User", monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a request could not send is sent by whoever holds the lease; nobody else looks. When
    that one stops, another goes on."""
    relays = [Relay(every_s=0.05) for _ in range(2)]
    looks: Counter[Relay] = Counter()

    def relay() -> tuple[int, bool]:
        looks.update(each for each in relays if each._thread is threading.current_thread())
        return outbox.relay()

    monkeypatch.setattr(relay_thread, "relay", relay)
    with no_api(beside):
        submission = write(person, value=1)
    make_due()
    for each in relays:
        each.start()
    try:
        wait_until(lambda: looks.total() >= 10 and rows().count() == 0, timeout_s=20)
        (holder,) = looks
        (other,) = set(relays) - {holder}
        holder.stop()
        wait_until(lambda: looks[other], timeout_s=20, what="the other one goes on")
    finally:
        for each in relays:
            each.stop()
    assert [job["id"] for job in jobs_of(person)] == [submission.id]
