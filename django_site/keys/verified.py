"""Whether a person has proved that their e-mail address is theirs, where the site asks for that.

Whoever signs up with somebody else's address must not get a key: it would outlive the day its owner
takes the account back by a reset.
"""

from typing import Any

from allauth.account import app_settings
from allauth.account.models import EmailAddress
from django.db.models import QuerySet

from django_site.publishing.databases import database_of


def needs_verified_address(person: Any) -> bool:
    """Tell whether ``person`` must verify their address before they may have a key.

    Never when the site verifies none (ACCOUNT_EMAIL_VERIFICATION "none");
    else until the account's own address is proved.
    """
    if app_settings.EMAIL_VERIFICATION == app_settings.EmailVerificationMethod.NONE:
        return False
    return not proofs_of(person).exists()


def address_of(person: Any) -> str:
    """Return the account's own address, proved or not; "" when it has none."""
    return str(getattr(person, person.get_email_field_name(), "") or "")


def proofs_of(person: Any) -> QuerySet[Any]:
    """Return what says that the account's own address is proved; nothing when it isn't."""
    rows: QuerySet[Any] = EmailAddress.objects.using(database_of(EmailAddress))
    return rows.filter(user_id=person.pk, email=address_of(person).lower(), verified=True)
