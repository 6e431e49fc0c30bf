"""Mail when a job or a batch ends: who gets one, once, about what, and what keeps it from being
sent."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from smtplib import SMTPRecipientsRefused, SMTPServerDisconnected
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.test import override_settings
from django.utils import timezone
from flask import Flask, Response
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from shared.http.beside import API, offer_api, withdraw_api
from tests.integration.gate.gate_bench import Visitor, new_visitor, post, submit, submit_batch
from tests.integration.submitting.conftest import beside
from tests.waiting import wait_until

__all__ = ["beside"]

ECHO = "sample.echo"


def rows() -> Any:
    """Return all wishes."""
    from django_site.work.models import EndMail

    return EndMail.objects.all()


class AwayBackend(BaseEmailBackend):
    """A mail server that hangs up."""

    error: Exception = SMTPServerDisconnected("not taken")

    def send_messages(self, email_messages: Any) -> int:
        """Take none."""
        del email_messages
        raise self.error


class OddBackend(AwayBackend):
    """A service for mail whose errors are its own."""

    error = LookupError("not taken")


class RefusingBackend(AwayBackend):
    """A mail server that has no such box."""

    error = SMTPRecipientsRefused({"ada@example.org": (550, b"no such user")})


@pytest.fixture
def ada(beside: Flask) -> Iterator[Visitor]:
    """A person with a proved address, whose browser finds the API beside the site."""
    rows().delete()
    visitor = new_visitor()
    defaults: dict[str, Any] = visitor.browser.defaults
    defaults |= {API: beside.wsgi_app, "HTTP_HOST": "localhost"}
    with override_settings(EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend"):
        mail.outbox = []
        yield visitor


def later(app: Flask, visitor: Visitor) -> str:
    """Submit a job that begins in an hour, and so ends by being cancelled."""
    wanted = {"task": ECHO, "arguments": {"value": "a"}, "delay_s": 3600}
    return str(post(app, visitor, "/api/jobs", wanted).json["id"])  # type: ignore[index]


def want(visitor: Visitor, path: str, **form: str) -> str:
    """Send the form of a page; return the page that follows."""
    answer = visitor.browser.post(f"{path}mail/", form or {"wanted": "yes"}, follow=True)
    assert answer.status_code == 200
    return str(answer.content.decode())


def look_now() -> bool:
    """Look at all there are, due or not."""
    from django_site.work.end_mail.sending import look

    rows().update(look_at=timezone.now())
    return look()[1]


def test_one_mail_comes_when_a_job_has_ended(beside: Flask, ada: Visitor) -> None:
    """Not before, and not twice: to the proved address, with a link and nothing that it made."""
    job_id = later(beside, ada)
    path = f"/jobs/{job_id}/"
    page = ada.browser.get(path).content.decode()
    assert "Mail me when it ends" in page
    assert ada.person.email in want(ada, path)
    assert look_now()
    assert mail.outbox == []
    ada.browser.post(f"/jobs/{job_id}/cancel/")
    look_now()
    look_now()
    [sent] = mail.outbox
    assert (sent.to, sent.subject) == ([ada.person.email], f"{ECHO}: Cancelled")
    assert f"http://localhost{path}" in sent.body.split()
    assert sent.extra_headers == {"Auto-Submitted": "auto-generated"}
    assert "Mail me" not in ada.browser.get(path).content.decode()


def test_mail_of_a_batch_says_how_many_ended_how(beside: Flask, ada: Visitor) -> None:
    """In the language in which it was asked for."""
    batch_id = submit_batch(beside, ada, ECHO, [{"value": "a"}, {"value": "b"}])
    rows().create(
        person_id=ada.person.pk,
        work_id=batch_id,
        kind="batch",
        task=ECHO,
        page=f"http://localhost/batches/{batch_id}/",
        language="de",
        asked_at=timezone.now(),
        look_at=timezone.now(),
    )
    wait_until(lambda: look_now() and mail.outbox, timeout_s=20)
    assert "Erfolgreich: 2" in mail.outbox[0].body
    assert f"http://localhost/batches/{batch_id}/" in mail.outbox[0].body


def test_who_changes_their_mind_gets_none(beside: Flask, ada: Visitor) -> None:
    """Another person's wish about the same job stays theirs to have."""
    job_id = later(beside, ada)
    path = f"/jobs/{job_id}/"
    want(ada, path)
    assert "Mail me when it ends" in want(ada, path, wanted_no_more="yes")
    assert not rows().exists()


def test_addresses_that_are_not_proved_get_none(beside: Flask, ada: Visitor) -> None:
    """Neither when it is asked for, nor when the proof went meanwhile."""
    job_id = later(beside, ada)
    path = f"/jobs/{job_id}/"
    want(ada, path)
    ada.person.emailaddress_set.update(verified=False)
    assert "Confirm your e-mail address first" in want(ada, path)
    ada.browser.post(f"/jobs/{job_id}/cancel/")
    look_now()
    assert mail.outbox == []
    assert not rows().exists()


def test_nobody_is_told_of_anothers_job(beside: Flask, ada: Visitor) -> None:
    """Asking is a 404; a wish about what one may no longer see, or is gone, is dropped."""
    job_id = later(beside, new_visitor())
    answer = ada.browser.post(f"/jobs/{job_id}/mail/", {"wanted": "yes"})
    assert (answer.status_code, rows().count()) == (404, 0)
    for work_id in (job_id, str(uuid4())):
        _wish(ada, work_id)
    assert look_now()
    assert (mail.outbox, rows().count()) == ([], 0)


def test_wishes_are_bounded(beside: Flask, ada: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more is refused in words; one that has ended isn't written at all."""
    monkeypatch.setattr("django_site.work.end_mail.wishes.MOST", 1)
    first, second = later(beside, ada), later(beside, ada)
    want(ada, f"/jobs/{first}/")
    want(ada, f"/jobs/{first}/")
    assert "which is the most" in want(ada, f"/jobs/{second}/")
    done = submit(beside, ada, ECHO, wait=10, value="a")
    assert "It has ended already." in want(ada, f"/jobs/{done}/")
    assert rows().get().work_id == UUID(first)


@pytest.mark.parametrize("backend", ["AwayBackend", "OddBackend"])
def test_mail_that_is_not_taken_is_tried_again(beside: Flask, ada: Visitor, backend: str) -> None:
    """And an API that is away loses none."""
    _wish(ada, submit(beside, ada, ECHO, wait=10, value="a"))
    with override_settings(EMAIL_BACKEND=f"{__name__}.{backend}"):
        look_now()
    assert rows().get().look_at > timezone.now()
    withdraw_api(beside)
    assert look_now() is False
    offer_api(beside)
    assert look_now()
    assert (len(mail.outbox), rows().count()) == (1, 0)


def test_mail_to_a_box_that_is_none_is_given_up(
    beside: Flask, ada: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    """With a line in the log: it would be refused the next time, too."""
    _wish(ada, submit(beside, ada, ECHO, wait=10, value="a"))
    with override_settings(EMAIL_BACKEND=f"{__name__}.RefusingBackend"):
        assert look_now()
    assert rows().count() == 0
    assert "e-mail not sent" in caplog.text


@pytest.mark.parametrize(
    ("status", "content"), [(500, '{"code": "internal_error"}'), (200, "{}"), (401, "{}")]
)
def test_what_fails_at_one_wish_holds_up_no_other(
    beside: Flask, ada: Visitor, status: int, content: str
) -> None:
    """It is looked at again, and nobody's wish is lost by an answer that passes."""
    odd = _wish(ada, str(uuid4()))
    _wish(ada, submit(beside, ada, ECHO, wait=10, value="a"))
    answer = Response(content, status, content_type="application/json")
    front = DispatcherMiddleware(beside.wsgi_app, {f"/jobs/{odd.work_id}": answer})
    offer_api(front)
    try:
        assert look_now()
    finally:
        withdraw_api(front)
    assert (len(mail.outbox), rows().get().pk) == (1, odd.pk)


def test_end_that_is_kept_no_longer_is_told_of(beside: Flask, ada: Visitor, tmp_path: Path) -> None:
    """A job may be kept for less long than the pause between two looks."""
    job_id = submit(beside, ada, "sample.brief", wait=10, folder=str(tmp_path))
    _wish(ada, job_id)
    wait_until(lambda: ada.browser.get(f"/jobs/{job_id}/").status_code == 410, timeout_s=20)
    look_now()
    [sent] = mail.outbox
    assert "has ended, and is no longer kept" in sent.body


def test_end_of_a_batch_that_is_kept_no_longer_is_told_of(
    beside: Flask, ada: Visitor, tmp_path: Path
) -> None:
    """Also when it has expired and all of its jobs are swept away."""
    batch_id = submit_batch(beside, ada, "sample.brief", [{"folder": str(tmp_path)}] * 2)
    _wish(ada, batch_id, kind="batch")
    wait_until(lambda: ada.browser.get(f"/batches/{batch_id}/").status_code == 410, timeout_s=20)
    look_now()
    [sent] = mail.outbox
    assert "has ended, and is no longer kept" in sent.body


def test_mail_waits_in_this_thread_where_others_wait_in_a_queue(site: None) -> None:
    """A queue of this process would lose with it what its row no longer holds."""
    from django_site.mail_sender import BackgroundEmailBackend, waiting_connection

    beside_requests = f"{BackgroundEmailBackend.__module__}.BackgroundEmailBackend"
    with override_settings(EMAIL_BACKEND=beside_requests):
        assert type(waiting_connection()).__module__ == "django.core.mail.backends.smtp"


def test_pause_grows_with_the_wait(beside: Flask, ada: Visitor, tmp_path: Path) -> None:
    """To a tenth of it, at least five seconds and at most two minutes; of a job that begins later
    it is longer."""
    held = tmp_path / "go"
    _wish(ada, submit(beside, ada, "sample.hold", path=str(held)))
    for waited_s, pause_s in ((1, 5), (300, 30), (86_400, 120)):
        rows().update(asked_at=timezone.now() - timedelta(seconds=waited_s))
        look_now()
        assert pause_s - 2 < _pause_s() < pause_s + 1
    held.touch()
    rows().delete()
    _wish(ada, later(beside, ada))
    look_now()
    assert 590 < _pause_s() <= 600


def _pause_s() -> float:
    return float((rows().get().look_at - timezone.now()).total_seconds())


def test_a_server_process_sends_them(beside: Flask, ada: Visitor) -> None:
    """In a thread beside the requests, while it holds the lease."""
    from django_site.work.end_mail.sending import EndMailSender

    _wish(ada, submit(beside, ada, ECHO, wait=10, value="a"))
    sender = EndMailSender(every_s=0.05)
    sender.start()
    try:
        wait_until(lambda: mail.outbox, timeout_s=20)
    finally:
        sender.stop()


def _wish(visitor: Visitor, job_id: str, kind: str = "job") -> Any:
    return rows().create(
        person_id=visitor.person.pk,
        work_id=job_id,
        kind=kind,
        task=ECHO,
        page=f"http://localhost/jobs/{job_id}/",
        asked_at=timezone.now(),
        look_at=timezone.now(),
    )
