"""Django code submits: in the person's name, once the transaction commits."""

from typing import TYPE_CHECKING, Any

import pytest
from django.db import connections, transaction
from flask import Flask

from django_site.contract import contract_settings
from django_site.submitting import ApiAway, SubmitRefused, submit
from django_site.submitting.asking import ask
from shared.http.beside import withdraw_api
from tests.ports import free_port
from tests.waiting import wait_until

if TYPE_CHECKING:
    from django_site.accounts.models import User

ECHO = "sample.echo"


def job_of(person: "User", job_id: str | None) -> dict[str, Any]:
    """Return the person's job by its id."""
    record: dict[str, Any] = ask(str(person.pk), "GET", f"/jobs/{job_id}")
    return record


def test_submit_outside_a_transaction_is_the_persons_job(beside: Flask, person: "User") -> None:
    """It is accepted on return, under the id that it was given, and runs."""
    submission = submit(ECHO, {"value": "grüße", "count": 2}, user=person, priority="high")
    assert submission.is_accepted
    wait_until(lambda: job_of(person, submission.id)["status"] == "succeeded", timeout_s=10)
    job = job_of(person, submission.id)
    assert job["result"] == ["grüße", "grüße"]
    assert job["owner"] == {"id": str(person.pk), "username": person.username}


def test_submit_in_a_transaction_is_sent_after_its_commit(beside: Flask, person: "User") -> None:
    """Before the commit there is an id and no job; after a roll-back neither is sent."""
    with transaction.atomic():
        submission = submit(ECHO, {"value": 1}, user=person)
        with pytest.raises(SubmitRefused) as refused:
            job_of(person, submission.id)
        assert (refused.value.status, submission.is_accepted) == (404, False)
    assert submission.is_accepted
    assert job_of(person, submission.id)["task"] == ECHO
    with transaction.atomic():
        given_up = submit(ECHO, {"value": 1}, user=person)
        transaction.set_rollback(True)
    assert not given_up.is_accepted
    with pytest.raises(SubmitRefused, match="no such job"):
        job_of(person, given_up.id)


def test_wrong_arguments_are_named_before_the_commit(beside: Flask, person: "User") -> None:
    """The view learns in its transaction which field is wrong, with the API's own words."""
    with pytest.raises(SubmitRefused) as refused, transaction.atomic():
        submit(ECHO, {"count": "two"}, user=person)
    assert refused.value.code == "invalid_arguments"
    assert refused.value.fields.keys() == {"count"}
    with pytest.raises(SubmitRefused) as at_once:
        submit(ECHO, {"count": "two"}, user=person)
    assert at_once.value.fields == refused.value.fields
    with pytest.raises(SubmitRefused, match="no task of this name"), transaction.atomic():
        submit("no.such", user=person)
    with pytest.raises(ValueError, match="not JSON compliant"):
        submit(ECHO, {"value": float("nan")}, user=person)


def test_person_who_is_new_in_the_transaction_may_submit(
    beside: Flask, new_person: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Who isn't committed yet can't be checked; their job is accepted after the commit."""
    with transaction.atomic():
        person = new_person()
        submission = submit(ECHO, {"value": 1}, user=person)
    assert submission.is_accepted


@pytest.mark.parametrize("how", ["deactivated", "deleted"])
def test_person_who_goes_before_it_is_sent_is_refused(
    beside: Flask, person: "User", how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The gate decides when it is sent, not when it was written."""
    told: list[Exception] = []
    with transaction.atomic():
        submission = submit(ECHO, {"value": 1}, user=person, on_problem=told.append)
        if how == "deleted":
            type(person).objects.get(pk=person.pk).delete()
        else:
            person.is_active = False
            person.save()
    assert isinstance(submission.problem, SubmitRefused)
    assert (submission.problem.status, told) == (401, [submission.problem])
    assert str(submission.problem).startswith("The API does not take this person's request: ")
    assert "not accepted after the commit" in caplog.text


def test_idempotency_key_leads_to_the_one_job(beside: Flask, person: "User") -> None:
    """The same key and body are the first job; with another body it is refused."""
    first = submit(ECHO, {"value": 1}, user=person, idempotency_key="invoice-17")
    again = submit(ECHO, {"value": 1}, user=person, idempotency_key="invoice-17")
    assert first.id == again.id is not None
    with pytest.raises(SubmitRefused, match="another body"):
        submit(ECHO, {"value": 2}, user=person, idempotency_key="invoice-17")


@pytest.mark.usefixtures("site")
def test_api_that_does_not_answer_is_named_by_the_setting(
    person: "User", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it is looked for is a matter of this setting."""
    contract_settings.cache_clear()
    monkeypatch.setenv("GATEHOUSE_API_URL", f"http://127.0.0.1:{free_port()}/api")
    try:
        with pytest.raises(ApiAway, match=r"doesn't answer at GATEHOUSE_API_URL: ConnectError\.$"):
            submit(ECHO, user=person)
    finally:
        monkeypatch.undo()
        contract_settings.cache_clear()


def test_without_an_api_it_says_what_is_missing(
    beside: Flask, person: "User", caplog: pytest.LogCaptureFixture
) -> None:
    """At once it raises; after a commit the caller is told, and other callbacks still run."""
    withdraw_api(beside)
    ran: list[bool] = []
    with pytest.raises(ApiAway, match="GATEHOUSE_API_URL"):
        submit(ECHO, user=person)
    with transaction.atomic():
        submission = submit(ECHO, user=person)
        transaction.on_commit(lambda: ran.append(True))
    assert isinstance(submission.problem, ApiAway)
    assert ran == [True]
    assert not connections["default"].in_atomic_block
