"""A person is told of every key of theirs: made, revoked, used from a network that is new to it.

By e-mail, and by a line in the security log for the operator. A mail server that is away never
fails the request: the key is made, or dead, already.
"""

import logging
from collections.abc import Sequence
from smtplib import SMTPException
from typing import Any

from django.conf import settings
from django.core.mail import send_mail
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from django_site.client_address import current_address
from django_site.keys.models import ApiKey
from django_site.language.choice import language_of
from django_site.security_log import note

log = logging.getLogger("gatehouse.mail")

_ADVICE = gettext_lazy(
    'If this was not you: revoke the key on the page "API keys" of your account, end the sessions '
    "that you don't know on "
    'the page "Sessions", and change your password.'
)


def tell_made(key: ApiKey) -> None:
    """Tell the person that ``key`` was made."""
    note("key created", key_id=key.pk, user_id=str(key.user_id))
    with language_of(key.user):
        scopes = ", ".join(key.scopes) or _("none: it only says who you are")
        made = _("The API key %(name)r was made for your account.")
        from_where = _("The API key %(name)r was made for your account from the address %(from)s.")
        lines = [
            _with_address(made, from_where) % {"name": key.name, "from": current_address()},
            _("It may: %(scopes)s.") % {"scopes": scopes},
            "",
            str(_ADVICE),
        ]
        _send(key.user, _("An API key was made"), lines)


def tell_revoked(keys: Sequence[ApiKey], *, by: Any) -> None:
    """Tell each person which keys of theirs were revoked, in one mail."""
    for key in keys:
        note("key revoked", key_id=key.pk, user_id=str(key.user_id), by=str(by.pk))
    for person_id in dict.fromkeys(key.user_id for key in keys):
        own = [key for key in keys if key.user_id == person_id]
        with language_of(own[0].user):
            lines = [
                _revoked(is_own=by.pk == person_id),
                *(f"- {key.name}" for key in own),
                _("Whatever uses one is refused from now on."),
            ]
            subject = ngettext("An API key was revoked", "API keys were revoked", len(own))
            _send(own[0].user, subject, lines)


def tell_new_network(key: ApiKey, network: str, *, with_mail: bool) -> None:
    """Tell the person that ``key`` was used from a network for the first time."""
    note(
        "key used from a new network",
        is_warning=True,
        key_id=key.pk,
        user_id=str(key.user_id),
        network=network,
    )
    if with_mail:
        with language_of(key.user):
            used = _("Your API key %(name)r was used for the first time from the network %(from)s.")
            lines = [used % {"name": key.name, "from": network}, "", str(_ADVICE)]
            _send(key.user, _("An API key was used from a new network"), lines)


def _revoked(*, is_own: bool) -> str:
    if not is_own:
        return _("These API keys of yours were revoked by the staff of this site.")
    revoked = _("These API keys of yours were revoked.")
    from_where = _("These API keys of yours were revoked from the address %(from)s.")
    return _with_address(revoked, from_where) % {"from": current_address()}


def _with_address(words: str, words_with_address: str) -> str:
    return words_with_address if current_address() else words


def _send(person: Any, subject: str, lines: Sequence[str]) -> None:
    email = str(getattr(person, person.get_email_field_name(), "") or "")
    if not email:
        return
    prefix = getattr(settings, "ACCOUNT_EMAIL_SUBJECT_PREFIX", None) or ""
    try:
        send_mail(f"{prefix}{subject}", "\n".join([*lines, ""]), None, [email])
    except (OSError, SMTPException):
        log.exception("e-mail not sent", extra={"subject": subject, "user_id": str(person.pk)})
