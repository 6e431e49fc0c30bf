"""Look whether what people wait for has ended, and send the mails: in one process of the
installation, which holds a lease.

A look asks the API in the person's name, so nobody is told of what they may no longer see. The
pause between two looks grows with the wait, to a tenth of it: a job of an hour is told of two
minutes late at most, and what never ends costs little. What fails at one wish is that wish's own:
it is put off, and the next one has its turn.

A row is deleted before its mail is sent, and put back when the mail server doesn't take it. So a
process that dies in between loses that mail, and nobody gets one twice but by a mail server that
takes it and breaks off before it says so.
"""

import logging
from datetime import datetime, timedelta
from smtplib import SMTPRecipientsRefused
from typing import Any

from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.utils import timezone, translation

from django_site.mail_sender import waiting_connection
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
AT_A_TIME = 100
_LONGEST_PAUSE_S = 30.0
_LONGEST_LOOK = timedelta(minutes=2)
# Of a job that begins later: it may be cancelled before.
_LONGEST_SLEEP = timedelta(minutes=10)
_AGAIN_AFTER, _AGAIN_AT_LAST = timedelta(minutes=1), timedelta(hours=1)


def look() -> tuple[int, bool]:
    """Send the mails of what has ended, the longest due first; return how many wishes were looked
    at, a hundred at most, and whether the API is there."""
    due = EndMail.objects.filter(look_at__lte=timezone.now()).select_related("person")
    wishes = list(due.order_by("look_at", "pk")[:AT_A_TIME])
    for wish in wishes:
        try:
            _look_at(wish)
        except ApiAway as away:
            if not away.is_of_one_request:
                return 0, False
            _put_off(wish)
        except Exception:
            log.exception("looking whether %s has ended failed; it is tried again", wish)
            _put_off(wish)
    return len(wishes), True


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
        """Look at all that is due, when it is this process's turn."""
        if not self._lease.hold():
            return
        count, is_there = look()
        while count == AT_A_TIME and self._lease.hold() and not self.stopping.is_set():
            count, is_there = look()
        doubled_s = min(_LONGEST_PAUSE_S, 2 * self._pause_s)
        self._pause_s = self._first_pause_s if is_there else doubled_s
        self.stopping.wait(self._pause_s - self._first_pause_s)

    def stop(self, *, deadline_s: float = STOP_S) -> None:
        """End the thread, wait for it and leave the lease to another process. Idempotent."""
        super().stop(deadline_s=deadline_s)
        self._lease.give_back()


def _look_at(wish: EndMail) -> None:
    path = f"/{EndMail.PATHS[wish.kind]}/{wish.work_id}"
    try:
        record = ask(id_of(wish.person.pk), "GET", path, as_of_now=False)
    except SubmitRefused as refused:
        if refused.code == "job_expired":  # it has ended, or it would be kept
            _send(wish, {})
        elif refused.status == 404 or not wish.person.is_active:
            wish.delete()
            log.info("%s is gone, or its person is: no mail about its end", wish)
        else:  # of a limit, or of keys and clocks that are not alike just now
            _put_off(wish)
        return
    if record["finished_at"] is None:
        _put_off(wish, start_at=record.get("start_at"))
    else:
        _send(wish, record)


def _put_off(wish: EndMail, *, start_at: str | None = None) -> None:
    now = timezone.now()
    pause = min(_LONGEST_LOOK, max(FIRST_LOOK, (now - wish.asked_at) / 10))
    if start_at:
        pause = max(pause, min(_LONGEST_SLEEP, datetime.fromisoformat(start_at) - now))
    EndMail.objects.filter(pk=wish.pk).update(look_at=now + pause)


def _send(wish: EndMail, record: dict[str, Any]) -> None:
    address = proved_address(wish.person)
    mail = _mail(wish, record, address)
    taken, _ = EndMail.objects.filter(pk=wish.pk).delete()
    if not taken or not address:
        return
    try:
        mail.send()
    except SMTPRecipientsRefused:  # it will be the next time, too
        log.exception("e-mail not sent", extra={"subject": mail.subject})
    except Exception:  # whatever a backend raises
        log.warning("e-mail of an end not sent yet; it is tried again", exc_info=True)
        now = timezone.now()
        pause = min(_AGAIN_AT_LAST, max(_AGAIN_AFTER, (now - wish.asked_at) / 10))
        wish.pk, wish.look_at = None, now + pause
        wish.save(force_insert=True)


def _mail(wish: EndMail, record: dict[str, Any], address: str) -> EmailMessage:
    """Return the mail about a record; about one that is kept no longer when it is empty."""
    with translation.override(wish.language or None):
        context: dict[str, Any] = {"task": wish.task, "page": wish.page, "kind": wish.kind}
        if "status" in record:
            context["state"] = STATUS_WORDS[record["status"]]
        context["counts"] = [
            (STATUS_WORDS[state], count)
            for state, count in record.get("counts", {}).items()
            if count
        ]
        subject = " ".join(render_to_string("work/email/ended_subject.txt", context).split())
        message = render_to_string("work/email/ended_message.txt", context)
    return EmailMessage(
        subject,
        message.strip() + "\n",
        to=[address],
        headers={"Auto-Submitted": "auto-generated"},  # RFC 3834: no out-of-office note comes back
        connection=waiting_connection(),
    )
