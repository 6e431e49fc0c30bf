"""Recovery codes of before a reset: good for one more log-in, then replaced.

They can't end with the reset itself: who lost the phone, and the password with it, has nothing
else. Nor may they stay:
whoever was in the account may have copied them.
"""

import time
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from django_site.publishing.databases import database_of
from django_site.security_log import note

_VOID_SINCE = "gatehouse_void_since"


def void_recovery_codes(person: Any) -> None:
    """Let the person's recovery codes end with their next log-in."""
    for codes in _codes_of(person):
        codes.data[_VOID_SINCE] = int(time.time())
        codes.save(update_fields=["data"])


def renew_void_codes(request: HttpRequest, user: Any, **_kwargs: Any) -> None:
    """After a second factor was accepted: replace recovery codes that a reset has voided,
    and tell the person."""
    with transaction.atomic(using=database_of(Authenticator)):
        void = [codes for codes in _codes_of(user).select_for_update() if _VOID_SINCE in codes.data]
        if not void:
            return
        _codes_of(user).delete()
        RecoveryCodes.activate(user)
    note("recovery codes replaced", user_id=str(user.pk), reason="password_reset")
    text = _(
        "The recovery codes from before the password reset are void. Look at the new ones and keep "
        "them."
    )
    messages.warning(request, text)
    get_adapter(request).send_notification_mail("mfa/email/recovery_codes_generated", user)


def _codes_of(person: Any) -> Any:
    return Authenticator.objects.using(database_of(Authenticator)).filter(
        user_id=person.pk, type=Authenticator.Type.RECOVERY_CODES
    )
