# mypy: disallow-subclassing-any=False
# (django-allauth has no types.)
"""The sign-up form: the same answer and the same work whether the address is known,
and one address per invitation."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import SignupForm as AllauthSignupForm
from allauth.core import context
from django.contrib import messages
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from django_site.signup.addresses import has_account
from django_site.signup.invitations import find_invitation, refer_to_account, use


class SignupForm(AllauthSignupForm):
    """django-allauth's. Who was invited signs up with the address that the invitation went to,
    which counts as verified."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.invitation = find_invitation(context.request)
        if self.invitation is not None:
            self.fields["email"].disabled = True  # whatever is sent, the initial value counts
            self.initial["email"] = self.invitation.email

    def validate_unique_email(self, value: str) -> str:
        """Trust an invitation: its address is proved, what others have typed in is not."""
        email: str = value if self.invitation is not None else super().validate_unique_email(value)
        return email

    def try_save(self, request: HttpRequest) -> Any:
        """Make the account and use the invitation up, both or neither;
        return the person, or an answer instead."""
        if self.account_already_exists:
            # a new account costs as much: the time must tell nothing
            make_password(self.cleaned_data["password1"])
        if self.invitation is None:
            return super().try_save(request)
        if has_account(self.invitation.email):
            return None, refer_to_account(request)
        with transaction.atomic():
            if use(request, self.invitation):
                get_adapter(request).stash_verified_email(request, self.invitation.email)
                return super().try_save(request)
        messages.error(request, _("That invitation has been used already."))
        return None, HttpResponseRedirect(reverse("account_login"))
