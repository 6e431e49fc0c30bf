"""What the owner of an address is told when it is typed in: by mail, where nobody else reads it."""

from typing import Any

from allauth.account import app_settings
from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.email_verification import consume_email_verification_rate_limit
from allauth.account.models import EmailAddress
from allauth.utils import build_absolute_uri
from django.contrib.auth import get_user_model
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse


def tell_address_is_known(request: HttpRequest, email: str) -> None:
    """Tell the owner of ``email``, who has an account,
    that somebody signed up with it or added it to another."""
    links = {"login_url": "account_login", "password_reset_url": "account_reset_password"}
    context = {name: build_absolute_uri(request, reverse(view)) for name, view in links.items()}
    get_adapter(request).send_mail("account/email/address_known", email, context)


def tell_address_confirmed(request: HttpRequest, address: Any) -> None:
    """Tell a person, at their account's own proved address, that another one was proved:
    it takes the account back, too."""
    own = str(getattr(address.user, address.user.get_email_field_name(), "") or "").lower()
    if (
        own != address.email
        and EmailAddress.objects.filter(user_id=address.user_id, email=own, verified=True).exists()
    ):
        get_adapter(request).send_mail(
            "account/email/address_confirmed", own, {"added": address.email}
        )


def tell_of_account(request: HttpRequest, person: Any) -> None:
    """Where no address is verified: tell its owner that an account was made with it,
    or that theirs is known already.

    One mail either way, so that neither the answer nor its time tells which;
    as seldom as those that verify.
    """
    if (
        app_settings.EMAIL_VERIFICATION != app_settings.EmailVerificationMethod.NONE
        or not person.email
    ):
        return
    if not consume_email_verification_rate_limit(request, person.email):
        return
    if _is_known_beside(person):
        tell_address_is_known(request, person.email)
    else:
        get_adapter(request).send_mail("account/email/account_made", person.email, {"user": person})


def invite(request: HttpRequest, email: str, token: str, *, valid_days: int) -> None:
    """Send the link of an invitation."""
    link = build_absolute_uri(request, reverse("account_invitation", args=[token]))
    get_adapter(request).send_mail(
        "account/email/invitation", email, {"link": link, "valid_days": valid_days}
    )


def _is_known_beside(person: Any) -> bool:
    others = get_user_model()._default_manager.exclude(pk=person.pk)
    owners = EmailAddress.objects.filter(email=person.email.lower()).values("user_id")
    return bool(others.filter(Q(email__iexact=person.email) | Q(pk__in=owners)).exists())
