"""Something else answers in the API's place, or the outbox's own side fails: what is kept stays."""

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone
from flask import Flask, Response

from django_site.submitting import outbox, submit
from shared.http.beside import offer_api, withdraw_api

if TYPE_CHECKING:
    from django_site.accounts.models import User

ECHO = "sample.echo"
TEXT, JSON, PROBLEM = "text/html", "application/json", "application/problem+json"


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


def write(person: "User", api: Flask) -> Any:
    """Write a job while nobody answers, and return its row."""
    withdraw_api(api)
    with transaction.atomic():
        submit(ECHO, {"value": 1}, user=person, outbox=True)
    offer_api(api)
    rows().update(next_try_at=timezone.now(), tries=0, problem="")
    return rows().get(person=person)


def odd(status: int, content: str, content_type: str) -> Flask:
    """Return an application that says this to everything."""
    app = Flask(__name__)

    @app.route("/<path:path>", methods=["GET", "POST"])
    def say(path: str) -> Response:
        del path
        return Response(content, status, content_type=content_type)

    return app


@pytest.mark.parametrize(
    ("status", "content", "content_type", "is_refused"),
    [
        (200, "<h1>Welcome</h1>", TEXT, False),
        (202, "", JSON, False),
        (202, '["id"]', JSON, False),
        (202, '{"id": null}', JSON, False),
        (422, '{"detail": "no", "errors": [{"loc": ["limit"]}, 1]}', PROBLEM, True),
        (422, '{"detail": "no", "errors": ["x"]}', PROBLEM, True),
        (422, '{"detail": "no", "errors": "wrong"}', PROBLEM, True),
        (422, '{"detail": "no", "errors": [{"pointer": 1, "detail": []}]}', PROBLEM, True),
    ],
)
def test_row_is_settled_whatever_is_answered(
    beside: Flask, person: "User", status: int, content: str, content_type: str, *, is_refused: bool
) -> None:
    """What is no answer of the API's is nobody's; a refusal counts, however it gives its reasons."""
    write(person, beside)
    other = odd(status, content, content_type)
    offer_api(other)
    try:
        assert outbox.relay() == (0, is_refused)
    finally:
        withdraw_api(other)
    row = rows().get()
    assert (row.tries, bool(row.refused_at)) == (1, is_refused)
    assert row.problem


def test_only_errors_that_say_where_are_fields() -> None:
    """The others say nothing of an argument."""
    from django_site.submitting import SubmitRefused

    good = {"pointer": "/arguments/limit", "detail": "too large"}
    said = {"errors": [good, {"pointer": "/arguments/x"}, "x", None]}
    error = SubmitRefused(422, said)
    assert (list(error.errors), error.fields) == ([good], {"limit": "too large"})


def test_row_that_fails_by_itself_holds_nobody(
    beside: Flask,
    person: "User",
    new_person: Any,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is logged and tried later; others are sent now."""
    first, other = write(person, beside), write(new_person(), beside)
    send = outbox._send

    def fail_at_first(row: Any) -> str:
        if row.pk == first.pk:
            raise RuntimeError("broken")
        return send(row)

    monkeypatch.setattr(outbox, "_send", fail_at_first)
    assert outbox.relay() == (1, True)
    left = rows().get()
    assert (left.pk, left.tries) == (first.pk, 1)
    assert other.pk != left.pk
    assert left.next_try_at > first.next_try_at
    assert "broken" in caplog.text
    monkeypatch.undo()
    rows().update(next_try_at=timezone.now(), tries=0, problem="")
    assert outbox.relay() == (1, True)


def test_relay_that_stays_forgets_what_was_refused_long_ago(
    beside: Flask, person: "User", monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the thread of a server does."""
    from django_site.submitting.management.commands import relay_jobs

    class Interrupted(Exception):
        """Ends the watch."""

    def end(pause_s: float) -> None:
        raise Interrupted(pause_s)

    row = write(person, beside)
    long_ago = timezone.now() - 2 * outbox.REFUSED_KEPT
    rows().filter(pk=row.pk).update(refused_at=long_ago)
    clock = SimpleNamespace(monotonic=time.monotonic, sleep=end)
    monkeypatch.setattr(relay_jobs, "time", clock)
    with pytest.raises((Interrupted, CommandError)):
        call_command("relay_jobs", "--watch")
    assert rows().count() == 0
