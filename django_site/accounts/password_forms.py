# mypy: disallow-subclassing-any=False
# (django-allauth has no types.)
"""The forms of passwords: change, ask for a reset, set a new one by the mailed link."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import ChangePasswordForm as AllauthChangePasswordForm
from allauth.account.forms import ResetPasswordForm as AllauthResetPasswordForm
from allauth.account.forms import ResetPasswordKeyForm as AllauthResetPasswordKeyForm
from allauth.account.forms import UserTokenForm as AllauthUserTokenForm
from allauth.core import context
from django import forms
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_site.accounts import throttle
from django_site.accounts.recovery import AddressToken, take_back
from django_site.keys.models import ApiKey
from django_site.keys.signals import keeps_keys
from django_site.publishing.databases import people_database
from django_site.signup.addresses import may_take_back_by


class ChangePasswordForm(AllauthChangePasswordForm):
    """django-allauth's, which asks what happens to the person's API keys:
    revoked, unless they say otherwise."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        count = ApiKey.objects.of(self.user).live().count()
        if count:
            self.fields["keep_keys"] = forms.BooleanField(
                required=False,
                label=ngettext(
                    "Keep my API key working", "Keep my %(count)s API keys working", count
                )
                % {"count": count},
                help_text=_(
                    "Only if nobody else can have known your password: they could have made "
                    "a key, or copied one. "
                    "Without this, every key is revoked."
                ),
            )

    def clean_oldpassword(self) -> str:
        """Refuse a wrong current password, and each one after too many:
        counted and logged as a log-in's."""
        password = str(self.cleaned_data.get("oldpassword", ""))
        is_right = throttle.check_current_password(context.request, self.user, password)
        if not is_right:
            raise get_adapter().validation_error(
                "too_many_login_attempts" if is_right is None else "enter_current_password"
            )
        return password

    def save(self) -> None:
        """Change the password and revoke the keys, both or neither."""
        if self.cleaned_data.get("keep_keys"):
            keeps_keys(self.user)
        with transaction.atomic(using=people_database()):
            super().save()


class ResetPasswordForm(AllauthResetPasswordForm):
    """django-allauth's, but the link goes only where it may,
    and names the address that it is sent to."""

    users: Any

    def clean_email(self) -> str:
        """Keep the accounts that this address may take back;
        the answer is the same when there are none."""
        email: str = super().clean_email()
        self.users = [user for user in self.users if may_take_back_by(user, email)]
        return email

    def save(self, request: HttpRequest, **kwargs: Any) -> str:
        """Send the mail."""
        sent_to: str = super().save(
            request, **kwargs, token_generator=AddressToken(self.cleaned_data["email"])
        )
        return sent_to


class UserTokenForm(AllauthUserTokenForm):
    """django-allauth's, for links that name their address."""

    token_generator = AddressToken()


class ResetPasswordKeyForm(AllauthResetPasswordKeyForm):
    """django-allauth's, and what else ends with the old password."""

    def save(self) -> None:
        """Set the new password and end what must end. Raises SessionStoreUnavailable;
        then nothing is changed."""
        take_back(self.user, AddressToken().address(self.user, self.temp_key), super().save)
