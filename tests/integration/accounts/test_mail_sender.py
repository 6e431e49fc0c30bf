"""E-mail beside the requests: nobody waits for a mail server, and none is lost to a short outage."""

import logging
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.ports import free_port
from tests.waiting import wait_until

if TYPE_CHECKING:
    from django.test import Client

    from django_site.accounts.models import User


class _Smtp(socketserver.StreamRequestHandler):
    """As much of an SMTP server as takes a mail; one that ``hangs`` says nothing at all."""

    server: "_Server"

    def handle(self) -> None:
        """Answer one client."""
        if self.server.hangs:
            self.server.ended.wait(30)
            return
        self._say("220 here")
        while (line := self.rfile.readline().strip().upper()) not in (b"QUIT", b""):
            self._say("354 go on" if line == b"DATA" else "250 fine")
            if line == b"DATA":
                self.server.mails.append(b"".join(iter(self.rfile.readline, b".\r\n")).decode())
                self._say("250 taken")

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


class _Server(socketserver.ThreadingTCPServer):
    """A mail server on this machine."""

    daemon_threads = allow_reuse_address = True

    def __init__(self, port: int, *, hangs: bool = False) -> None:
        super().__init__(("127.0.0.1", port), _Smtp)
        self.hangs = hangs
        self.mails: list[str] = []
        self.ended = threading.Event()


@contextmanager
def _mail_server(port: int, *, hangs: bool = False) -> Iterator[_Server]:
    with _Server(port, hangs=hangs) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.ended.set()
            server.shutdown()
            thread.join()


@pytest.fixture
def port(site: None) -> Iterator[int]:
    """Return the port that the site sends its mail to, as a server with GATEHOUSE_EMAIL_URL does."""
    from django.test import override_settings

    found = free_port()
    with override_settings(
        EMAIL_BACKEND="django_site.mail_sender.BackgroundEmailBackend",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=found,
        EMAIL_USE_TLS=False,
        EMAIL_TIMEOUT=60,
    ):
        yield found


def _send(subject: str) -> None:
    from django.core.mail import send_mail

    send_mail(subject, "text", "a@example.org", ["b@example.org"])


def test_form_and_stop_wait_for_no_mail_server(
    port: int,
    new_person: "Callable[..., User]",
    browser: "Client",
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One that hangs holds a socket for a minute here; what the stop leaves is counted in the log."""
    from django_site.mail_sender import MailSender

    person, sender = new_person(), MailSender()
    with _mail_server(port, hangs=True), caplog.at_level(logging.ERROR, logger="gatehouse.mail"):
        sender.start()
        started = time.monotonic()
        try:
            for email in (person.email, f"nobody-{person.email}"):
                form = {"email": email}
                assert browser.post("/accounts/password/reset/", form).status_code == 302
            _send("another")
        finally:
            sender.stop(deadline_s=0.3)
        assert time.monotonic() - started < 30
    lost: list[Any] = [r for r in caplog.records if r.message == "e-mails lost at the stop"]
    assert sum(record.count for record in lost) >= 1
    wait_until(
        lambda: "gatehouse-mail" not in {thread.name for thread in threading.enumerate()},
        timeout_s=30,
        what="the thread ends when the server is gone",
    )


def test_mail_waits_for_a_server_that_is_away_and_is_sent_before_a_stop(port: int) -> None:
    """In the order of its tries; once the sender is stopped, mail is sent at once."""
    from django_site.mail_sender import MailSender

    sender = MailSender(again_after_s=0.05)
    sender.start()
    try:
        _send("first")
        with _mail_server(port) as server:
            wait_until(lambda: server.mails, timeout_s=20, what="the mail is sent")
            _send("second")
            sender.stop(deadline_s=20)
            _send("third")
            subjects = [mail.partition("Subject: ")[2].split("\r")[0] for mail in server.mails]
        assert subjects == ["first", "second", "third"]
    finally:
        sender.stop(deadline_s=20)


def test_mail_that_no_server_takes_for_long_is_given_up(
    port: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is an error of the log, and holds no place in the queue."""
    from django_site import mail_sender

    del port
    monkeypatch.setattr(mail_sender, "GIVE_UP_AFTER_S", 0.1)
    sender = mail_sender.MailSender(again_after_s=0.05)
    with caplog.at_level(logging.WARNING, logger="gatehouse.mail"):
        sender.start()
        try:
            _send("nobody takes it")
            wait_until(
                lambda: "e-mail not sent" in [record.message for record in caplog.records],
                timeout_s=20,
                what="the mail is given up",
            )
            assert not sender._waiting
        finally:
            sender.stop(deadline_s=20)
    (given_up,) = (record for record in caplog.records if record.levelno == logging.ERROR)
    assert (given_up.message, given_up.__dict__["subject"]) == (
        "e-mail not sent",
        "nobody takes it",
    )


def test_queue_of_mails_has_a_bound(port: int) -> None:
    """The page then says that no mail could be sent."""
    from django.core.mail import EmailMessage

    from django_site.mail_sender import MOST_WAITING, MailNotTaken, MailSender

    del port
    sender = MailSender()
    for _ in range(MOST_WAITING):
        sender.put(EmailMessage())
    with pytest.raises(MailNotTaken):
        sender.put(EmailMessage())
