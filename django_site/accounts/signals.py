"""What follows from an event that django-allauth announces:
the security log, and what ends with a password."""

from typing import Any

from allauth.account import signals as account
from allauth.mfa import signals as mfa
from django.contrib.auth.signals import user_logged_out
from django.http import HttpRequest

from django_site.accounts.recovery import forget_sessions, forget_unproved_addresses
from django_site.second_factor.recovery_codes import renew_void_codes
from django_site.security_log import note
from django_site.signup.mails import tell_address_confirmed, tell_of_account
from shared.contract.entries import session_entry


def connect() -> None:
    """Connect the receivers. Idempotent: Django keeps one of each dispatch_uid."""
    mfa.authenticator_used.connect(renew_void_codes, dispatch_uid="gatehouse.renew_void_codes")
    account.password_changed.connect(_end_other_sessions, dispatch_uid="gatehouse.password_changed")
    account.password_set.connect(_end_other_sessions, dispatch_uid="gatehouse.password_set")
    account.email_confirmed.connect(_tell_of_address, dispatch_uid="gatehouse.email_confirmed")
    account.user_signed_up.connect(_tell_of_sign_up, dispatch_uid="gatehouse.signed_up")
    for signal, event in _LOGGED.items():
        signal.connect(_logger_of(event), dispatch_uid=f"gatehouse.log.{event}", weak=False)


_LOGGED = {
    user_logged_out: "logged out",
    account.user_signed_up: "signed up",
    account.password_changed: "password changed",
    account.password_set: "password set",
    account.email_changed: "e-mail address changed",
    account.email_added: "e-mail address added",
    account.email_removed: "e-mail address removed",
    mfa.authenticator_added: "second factor added",
    mfa.authenticator_removed: "second factor removed",
    mfa.authenticator_reset: "recovery codes renewed",
    mfa.authenticator_used: "second factor accepted",
    mfa.authentication_failed: "second factor refused",
}
_WARNINGS = frozenset({"second factor refused"})


def _logger_of(event: str) -> Any:
    def log(user: Any = None, authenticator: Any = None, **_kwargs: Any) -> None:
        if user is None:  # somebody whose session had ended logs out
            return
        factor = {} if authenticator is None else {"factor": str(authenticator.type)}
        note(event, is_warning=event in _WARNINGS, user_id=str(user.pk), **factor)

    return log


def _end_other_sessions(request: HttpRequest, user: Any, **_kwargs: Any) -> None:
    forget_sessions(user, keep=session_entry(str(request.session.session_key)))
    forget_unproved_addresses(user)


def _tell_of_address(request: HttpRequest, email_address: Any, **_kwargs: Any) -> None:
    note("e-mail address confirmed", user_id=str(email_address.user_id))
    tell_address_confirmed(request, email_address)


def _tell_of_sign_up(request: HttpRequest, user: Any, **_kwargs: Any) -> None:
    tell_of_account(request, user)
