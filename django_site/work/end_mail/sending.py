"""Look whether what people wait for has ended, and send the mails: in one process of the
installation, which holds a lease.

A look asks the API in the person's name, so nobody is told of what they may no longer see. The
pause between two looks grows with the wait, to a tenth of it: a job of an hour is told of some
minutes late at most, and what never ends costs little. A row is deleted before its mail is handed
on, so that nobody gets two; a mail that isn't taken has its row back.
"""

import logging
from datetime import timedelta
from smtplib import SMTPException
from typing import Any

from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.utils import timezone, translation

from django_site.publishing.background import STOP_S, RepeatedWork
from django_site.publishing.lease import Lease
from django_site.publishing.people import id_of
from django_site.submitting.asking import ask
from django_site.submitting.errors import ApiAway, SubmitRefused
from django_site.work.end_mail.wishes import FIRST_LOOK, proved_address
from django_site.work.listing.job_list import STATUS_WORDS
from django_site.work.models import EndMail

log = logging.getLogger("gatehouse.mail")

EVERY_S = 2.0
_LONGEST_PAUSE_S = 30.0
_LONGEST_LOOK = timedelta(minutes=2)
_AGAIN_AFTER = timedelta(minutes=1)
_AT_A_TIME = 100


def look() -> bool:
    """Send the mails of what has ended; return whether the API is there.

    Those that were due longest come first, at most a hundred: the next look goes on."""
    due = EndMail.objects.filter(look_at__lte=timezone.now()).select_related("person")
    for wish in due.order_by("look_at", "pk")[:_AT_A_TIME]:
        try:
            record = ask(
                id_of(wish.person.pk),
                "GET",
                f"/{EndMail.PATHS[wish.kind]}/{wish.work_id}",
                as_of_now=False,
            )
        except ApiAway:
            return False
        except SubmitRefused as refused:
            if refused.may_pass_later:
                _put_off(wish)
            else:  # it is gone, or its person is
                wish.delete()
            continue
        if record["finished_at"] is None:
            _put_off(wish)
        else:
            _send(wish, record)
    return True


class EndMailSender(RepeatedWork):
    """The thread that looks. While the API is away it asks less and less often."""

    name = "gatehouse-end-mail"
    log = log
    failure = "looking for ends to tell of by mail failed; it is tried again"

    def __init__(self, *, every_s: float = EVERY_S) -> None:
        super().__init__(every_s=every_s, after_failure_s=_LONGEST_PAUSE_S)
        self._lease = Lease("end-mail")
        self._first_pause_s = self._pause_s = every_s

    def work(self) -> None:
        """Look, when it is this process's turn."""
        if not self._lease.hold():
            return
        is_there = look()
        doubled_s = min(_LONGEST_PAUSE_S, 2 * self._pause_s)
        self._pause_s = self._first_pause_s if is_there else doubled_s
        self.stopping.wait(self._pause_s - self._first_pause_s)

    def stop(self, *, deadline_s: float = STOP_S) -> None:
        """End the thread, wait for it and leave the lease to another process. Idempotent."""
        super().stop(deadline_s=deadline_s)
        self._lease.give_back()


def _put_off(wish: EndMail) -> None:
    now = timezone.now()
    pause = min(_LONGEST_LOOK, max(FIRST_LOOK, (now - wish.asked_at) / 10))
    EndMail.objects.filter(pk=wish.pk).update(look_at=now + pause)


def _send(wish: EndMail, record: dict[str, Any]) -> None:
    address = proved_address(wish.person)
    taken, _ = EndMail.objects.filter(pk=wish.pk).delete()
    if not taken or not address:
        return
    try:
        _mail(wish, record, address).send()
    except (OSError, SMTPException):
        log.warning("e-mail of an end not taken; it is tried again", exc_info=True)
        wish.pk, wish.look_at = None, timezone.now() + _AGAIN_AFTER
        wish.save(force_insert=True)


def _mail(wish: EndMail, record: dict[str, Any], address: str) -> EmailMessage:
    with translation.override(wish.language or None):
        context = {"task": record["task"], "page": wish.page, "kind": wish.kind}
        if wish.kind == "job":
            context["state"] = STATUS_WORDS[record["status"]]
        else:
            context["counts"] = [
                (STATUS_WORDS[state], count) for state, count in record["counts"].items() if count
            ]
        subject = " ".join(render_to_string("work/email/ended_subject.txt", context).split())
        message = render_to_string("work/email/ended_message.txt", context)
    headers = {"Auto-Submitted": "auto-generated"}  # RFC 3834: no out-of-office note comes back
    return EmailMessage(subject, message.strip() + "\n", to=[address], headers=headers)
