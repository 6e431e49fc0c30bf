# mypy: disallow-any-generics=False
# (Django's admin classes take no parameters when the program runs.)
"""The admin: who has which key. Staff may revoke, not make or change one;
nobody sees a key or its hash."""

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest
from django.utils.translation import gettext, gettext_lazy

from django_site.keys.issue import revoke_keys
from django_site.keys.last_used import last_used
from django_site.keys.models import ApiKey, ApiKeyQuerySet
from django_site.staff.admin import GuardedAdmin


class _KeyList(ChangeList):
    """Asks once per page when its keys were last used."""

    def get_results(self, request: HttpRequest) -> None:
        """Note the time on each row."""
        super().get_results(request)
        self.result_list: Any = list(self.result_list)
        used_at = last_used(self.result_list)
        for key in self.result_list:
            key.used_at = used_at.get(key.pk)


@admin.register(ApiKey)
class ApiKeyAdmin(GuardedAdmin):
    """Keys, to look at and to revoke. Deleting a person deletes their keys,
    so deleting stays possible."""

    fields = readonly_fields = ("user", "name", "scopes", "created_at", "expires_at", "revoked_at")
    list_display = ("name", "user", "scopes", "created_at", "used_at", "expires_at", "revoked_at")
    list_select_related = ("user",)
    list_filter = ("revoked_at", "expires_at")
    search_fields = ("name",)
    actions = ("revoke",)

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        """Search by the person too, whatever their model calls the name."""
        return [
            *super().get_search_fields(request),
            f"user__{ApiKey.user.field.related_model.USERNAME_FIELD}",
        ]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:  # noqa: ARG002  # Django's names
        """Return the list that knows the last use."""
        return _KeyList

    @admin.display(description=gettext_lazy("last used"))
    def used_at(self, key: Any) -> datetime | None:
        """Return when the key was last used."""
        at: datetime | None = key.used_at
        return at

    @admin.action(description=gettext_lazy("Revoke the selected API keys"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, keys: ApiKeyQuerySet) -> None:
        """Revoke the live ones of the chosen keys,
        of people whom this member of staff may touch."""
        chosen = self.only_in_reach(request, keys)
        for key in chosen.live():
            self.log_change(request, key, "revoked")
        count = revoke_keys(chosen, by=request.user)
        words = gettext("Keys revoked: %(count)s.") % {"count": count}
        self.message_user(request, words, messages.SUCCESS)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Tell whether this member of staff may revoke keys."""
        staff: Any = request.user
        return bool(staff.has_perm("gatehouse_keys.revoke_apikey"))

    def has_add_permission(self, _request: HttpRequest) -> bool:
        """Only the person makes one."""
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        """Nobody changes one."""
        return False
