# mypy: disallow-any-generics=False, disallow-subclassing-any=False
# (Django's admin classes take no parameters when the program runs; django-allauth has no types.)
"""The admin: people are registered here; log-in goes the way of everyone,
with its rate limits and second factor.

Staff who may change people can't become more than they are: django_site.staff.reach has the rule.
"""

from typing import Any

from allauth.account.admin import EmailAddressAdmin
from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from allauth.mfa.admin import Authenticator
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

import django_site.signup.admin  # noqa: F401  # registers the invitations
from django_site.accounts.models import User
from django_site.staff.admin import GuardedAdmin
from django_site.staff.reach import (
    PRIVILEGE_FIELDS,
    is_superuser,
    may_give,
    may_touch_group,
    own_permissions,
)

admin.site.site_header = admin.site.site_title = "Gatehouse"
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]  # as django-allauth documents it
admin.site.unregister(Authenticator)  # it shows secrets and lets staff write them
# it lets staff give a superuser's account another address, then reset its password
admin.site.unregister(EmailAddress)
admin.site.unregister(Group)  # it lets staff put any permission into a group of their own


@admin.register(User)
class PersonAdmin(GuardedAdmin, UserAdmin):
    """People. What makes somebody powerful is for superusers;
    so is everyone who can do more than the member of staff."""

    owner_path = ""

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show the fields of power without letting them be changed."""
        fields = super().get_readonly_fields(request, obj)
        return fields if is_superuser(request.user) else [*fields, *PRIVILEGE_FIELDS]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Refuse a form that brings a field of power all the same:
        an editable list doesn't ask for read-only fields."""
        if not is_superuser(request.user) and set(form.changed_data) & set(PRIVILEGE_FIELDS):
            self.refuse(request, obj)
        super().save_model(request, obj, form, change)


@admin.register(Group)
class GuardedGroupAdmin(GuardedAdmin, GroupAdmin):
    """Groups. Nobody gives a permission that they lack, nor another name,
    by which services may know a group."""

    def is_in_reach(self, request: HttpRequest, row: Any) -> bool:
        """Tell whether this member of staff has all that the group gives."""
        return may_touch_group(request.user, row)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Let only superusers rename a group."""
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None or is_superuser(request.user) else [*fields, "name"]

    def formfield_for_manytomany(self, db_field: Any, request: Any = None, **kwargs: Any) -> Any:
        """Offer the permissions that this member of staff has."""
        field: Any = super().formfield_for_manytomany(db_field, request, **kwargs)
        if db_field.name == "permissions" and field is not None:
            field.queryset = field.queryset.filter(pk__in=own_permissions(request.user))
        return field

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Refuse a permission that was not offered."""
        wanted = form.cleaned_data.get("permissions", ())
        renamed = change and "name" in form.changed_data and not is_superuser(request.user)
        if renamed or not may_give(request.user, wanted):
            self.refuse(request, obj)
        super().save_model(request, obj, form, change)


@admin.register(EmailAddress)
class GuardedEmailAddressAdmin(GuardedAdmin, EmailAddressAdmin):
    """Addresses: a person who may set one may reset the password of its account."""

    actions = ("make_verified",)

    def make_verified(self, request: HttpRequest, queryset: Any) -> None:
        """Mark those in reach as verified."""
        wanted = self.only_in_reach(request, queryset)
        for address in wanted.filter(verified=False):
            self.log_change(request, address, "verified by staff")
        super().make_verified(request, wanted)

    make_verified.short_description = _("Mark selected e-mail addresses as verified")  # type: ignore[attr-defined]
    make_verified.allowed_permissions = ("change",)  # type: ignore[attr-defined]


@admin.register(Authenticator)
class AuthenticatorAdmin(GuardedAdmin):
    """Second factors: staff sees that one exists and can remove it when a phone is lost;
    never the secret."""

    fields = readonly_fields = ("user", "type", "created_at", "last_used_at")
    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    search_fields = ("user__username",)

    def has_add_permission(self, _request: HttpRequest) -> bool:
        """Only the person adds one."""
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        """Nobody changes one."""
        return False
