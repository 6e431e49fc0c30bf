# mypy: disallow-any-generics=False, disallow-subclassing-any=False
# (Django's admin classes and forms take no parameters when the program runs.)
"""The admin's page of invitations: one e-mail address, one mail, one account."""

from datetime import timedelta
from typing import Any

from allauth.core.internal import ratelimit
from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from django_site.signup.addresses import has_account
from django_site.signup.invitations import VALID_DAYS, token_of
from django_site.signup.mails import invite
from django_site.signup.models import Invitation
from django_site.staff.admin import GuardedAdmin

_APP = "allauth.account"


class InvitationForm(forms.ModelForm):
    """The address. ``request`` is set by the page:
    mails are limited per member of staff and per address."""

    request: HttpRequest

    class Meta:
        """What is asked for."""

        model = Invitation
        fields = ("email",)

    def clean_email(self) -> str:
        """Refuse an address that has an account, and too many mails."""
        email = str(self.cleaned_data["email"]).lower()
        if has_account(email):
            raise ValidationError(_("Somebody has an account with this address."), code="known")
        limits = (("invite", None), ("invite_address", email))
        if not all(
            ratelimit.consume(self.request, app=_APP, action=action, key=key)
            for action, key in limits
        ):
            raise ValidationError(_("Too many invitations. Try again later."), code="too_many")
        return email


@admin.register(Invitation)
class InvitationAdmin(GuardedAdmin):
    """Invitations: made, withdrawn, never changed."""

    form = InvitationForm
    list_display = ("email", "invited_by", "created_at", "expires_at", "used_at")
    list_select_related = ("invited_by",)
    search_fields = ("email",)

    def is_in_reach(self, request: HttpRequest, row: Any) -> bool:  # noqa: ARG002  # the base's names
        """Tell that nobody's power is in an invitation."""
        return True

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Offer it only where an invitation lets somebody in."""
        return settings.SITE.signup_mode != "closed" and super().has_add_permission(request)

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        """Nobody changes one."""
        return False

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """Give the form its request."""
        form = super().get_form(request, obj, change, **kwargs)
        return type(form.__name__, (form,), {"request": request})

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Store the invitation and, once it is stored, send its link."""
        obj.invited_by, obj.expires_at = request.user, timezone.now() + timedelta(days=VALID_DAYS)
        super().save_model(request, obj, form, change)
        transaction.on_commit(
            lambda: invite(request, obj.email, token_of(obj), valid_days=VALID_DAYS)
        )
