"""E-mail beside the requests: a form is answered at once, whatever the mail server does.

One that hangs would hold a thread of the server for each form that sends a mail, and anybody may
ask for a reset; the time of the answer would tell for which addresses there is something to send.
So a server process has one thread that sends, from a bounded queue, and tries again while the mail
server is away. A process that dies loses what its queue holds; a stop sends what the drain deadline
leaves time for. What is lost is a line of the log. Without that thread (a command of manage.py)
mail is sent at once.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from smtplib import SMTPException, SMTPRecipientsRefused
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend

from django_site.publishing.background import STOP_S, RepeatedWork

log = logging.getLogger("gatehouse.mail")

SENT_BY = "django.core.mail.backends.smtp.EmailBackend"
_BESIDE = f"{__name__}.BackgroundEmailBackend"
MOST_WAITING = 1_000
GIVE_UP_AFTER_S = 900.0
_AGAIN_AFTER_S = 5.0
_LOOK_EVERY_S = 0.2


def waiting_connection() -> Any:
    """Return a connection for a thread that nobody waits for: it sends before it returns, and
    raises what SMTP raises."""
    return get_connection(SENT_BY if settings.EMAIL_BACKEND == _BESIDE else None)


class MailNotTaken(SMTPException):
    """So many mails wait already that another one is refused."""


class MailSender(RepeatedWork):
    """The thread that sends, and its queue. Thread-safe."""

    name = "gatehouse-mail"
    log = log
    failure = "sending e-mail failed"

    def __init__(self, *, again_after_s: float = _AGAIN_AFTER_S) -> None:
        super().__init__(every_s=_LOOK_EVERY_S)
        self._again_after_s = again_after_s
        self._lock = threading.Lock()
        self._waiting: deque[tuple[float, EmailMessage]] = deque()

    def start(self) -> None:
        """Start the thread; from now on this process's mails go through it."""
        _running.append(self)
        super().start()

    def put(self, message: EmailMessage) -> None:
        """Let a mail be sent soon. Raises MailNotTaken."""
        with self._lock:
            if len(self._waiting) >= MOST_WAITING:
                raise MailNotTaken(f"{MOST_WAITING} e-mails wait to be sent already")
            self._waiting.append((time.monotonic() + GIVE_UP_AFTER_S, message))

    def work(self) -> None:
        """Send what waits, the oldest first; when the mail server is away, rest and go on later."""
        while not self.stopping.is_set() and self._send_oldest():
            pass

    def begin_stop(self) -> None:
        """Go on: requests that are still being answered may send mail."""

    def stop(self, *, deadline_s: float = STOP_S) -> None:
        """Send what waits for as long as there is time, and end the thread. Idempotent."""
        if self in _running:
            _running.remove(self)
        super().stop(deadline_s=deadline_s)
        with self._lock:
            if self._waiting:
                log.error("e-mails lost at the stop", extra={"count": len(self._waiting)})
                self._waiting.clear()

    def _repeat(self) -> None:
        super()._repeat()
        while self._send_oldest():  # the last ones
            pass

    def _send_oldest(self) -> bool:
        """Send one mail; False when none waits, or the mail server is away."""
        with self._lock:
            if not self._waiting:
                return False
            give_up_at, message = self._waiting.popleft()
        try:
            get_connection(SENT_BY).send_messages([message])
        except SMTPRecipientsRefused:  # it will be the next time, too
            log.exception("e-mail not sent", extra={"subject": message.subject})
        except (OSError, SMTPException):
            self._put_back(give_up_at, message)
            self.stopping.wait(self._again_after_s)
            return False
        return True

    def _put_back(self, give_up_at: float, message: EmailMessage) -> None:
        if time.monotonic() >= give_up_at:
            log.exception("e-mail not sent", extra={"subject": message.subject})
            return
        log.warning("e-mail not sent yet; it is tried again", exc_info=True)
        with self._lock:
            self._waiting.append((give_up_at, message))  # behind those that may be taken


_running: list[MailSender] = []  # that of this process, once its server has started it


class BackgroundEmailBackend(BaseEmailBackend):
    """Django's for SMTP, beside the requests where a server runs."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._options = options

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Take the mails, or send them; return how many. Raises what SMTP raises."""
        if not _running:
            sent: int = get_connection(SENT_BY, **self._options).send_messages(email_messages)
            return sent
        for message in email_messages:
            _running[-1].put(message)
        return len(email_messages)
