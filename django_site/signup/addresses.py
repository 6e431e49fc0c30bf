"""Whose account an e-mail address is: which one it may take back, and whether it is anybody's."""

from typing import Any

from allauth.account.internal.flows.manage_email import sync_user_email_address
from allauth.account.internal.userkit import filter_users_by_email
from allauth.account.models import EmailAddress


def may_take_back(address: Any) -> bool:
    """Tell whether a reset link may go to this address of an account."""
    if address.verified:
        return True
    is_own = (
        str(getattr(address.user, address.user.get_email_field_name(), "") or "").lower()
        == address.email
    )
    return (
        is_own and not EmailAddress.objects.filter(user_id=address.user_id, verified=True).exists()
    )


def may_take_back_by(person: Any, email: str) -> bool:
    """Tell whether a reset link of this account may go to ``email``, in any letter case."""
    sync_user_email_address(person)
    address = EmailAddress.objects.filter(user_id=person.pk, email=email.lower()).first()
    return address is not None and may_take_back(address)


def has_account(email: str) -> bool:
    """Tell whether somebody's account is this address's already:
    it was proved, or it is what a reset link would go to.

    An address that was only typed in beside another one, maybe by a stranger,
    keeps nobody from signing up with it.
    """
    if not email:  # which some accounts have
        return False
    if EmailAddress.objects.filter(email__iexact=email, verified=True).exists():
        return True
    return any(may_take_back_by(person, email) for person in filter_users_by_email(email))
