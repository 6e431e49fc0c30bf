# mypy: disallow-subclassing-any=False
# (django-allauth has no types.)
"""Where the accounts differ from django-allauth's defaults."""

import logging
from smtplib import SMTPException
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib import messages

log = logging.getLogger("gatehouse.mail")


class AccountAdapter(DefaultAccountAdapter):
    """django-allauth's, but a mail server that is away doesn't turn a finished sign-up into an error page."""

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send one e-mail; when that fails, log why and tell the person on the page."""
        try:
            super().send_mail(template_prefix, email, context)
        except (OSError, SMTPException):
            log.exception("e-mail not sent", extra={"template": template_prefix})
            messages.error(self.request, "We could not send you an e-mail just now. Please try again later.")
