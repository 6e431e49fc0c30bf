# mypy: disallow-any-generics=False
# (Django's admin classes take no parameters when the program runs.)
"""The admin: people are registered here; log-in goes the way of everyone, with its rate limits and second factor."""

from typing import Any

from allauth.account.decorators import secure_admin_login
from allauth.mfa.admin import Authenticator
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.http import HttpRequest

from django_site.accounts.models import User

admin.site.site_header = admin.site.site_title = "Gatehouse"
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]  # as django-allauth documents it
admin.site.register(User, UserAdmin)
admin.site.unregister(Authenticator)  # it shows secrets and lets staff write them


@admin.register(Authenticator)
class AuthenticatorAdmin(admin.ModelAdmin):
    """Second factors: staff sees that one exists and can remove it when a phone is lost; never the secret."""

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
