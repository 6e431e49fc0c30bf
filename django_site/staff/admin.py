# mypy: disallow-any-generics=False, disallow-subclassing-any=False
# (Django's admin classes take no parameters when the program runs.)
"""What the admin pages of people and their things have in common:
out of reach stays out of reach, by every way in.

The rules stand where rows are written (``save_model``, ``delete_model``, ``delete_queryset``), not
in the pages: the form, an editable list, an action and a subclass of a site all end there. What was
done is in Django's own admin log and, with the address it came from, in the security log;
what was refused is in the latter.
"""

import logging
from collections.abc import Iterable
from typing import Any, NoReturn

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from django_site.client_address import client_address
from django_site.staff.reach import may_touch

security_log = logging.getLogger("gatehouse.security")


class GuardedAdmin(admin.ModelAdmin):
    """Rows that belong to somebody. ``owner_path`` leads from a row to its person;
    "" when the row is the person."""

    owner_path = "user"

    def owner(self, row: Any) -> Any:
        """Return the person whose row this is."""
        return getattr(row, self.owner_path) if self.owner_path else row

    def is_in_reach(self, request: HttpRequest, row: Any) -> bool:
        """Tell whether this member of staff may touch the row, as it is now in the database."""
        return row is None or may_touch(request.user, self.owner(row))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Add the reach to Django's permission."""
        return super().has_change_permission(request, obj) and self.is_in_reach(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Add the reach to Django's permission."""
        return super().has_delete_permission(request, obj) and self.is_in_reach(request, obj)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Refuse a row that is, or would become, out of reach."""
        before = type(obj)._base_manager.filter(pk=obj.pk).first() if change else None
        if not (self.is_in_reach(request, before) and self.is_in_reach(request, obj)):
            self.refuse(request, obj)
        super().save_model(request, obj, form, change)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Refuse a row that is out of reach."""
        self._require_reach(request, [obj])
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        """Refuse them all when one is out of reach."""
        self._require_reach(request, queryset)
        super().delete_queryset(request, queryset)

    def only_in_reach(self, request: HttpRequest, queryset: Any) -> Any:
        """Return those of the chosen rows that this member of staff may touch: for actions."""
        reached = [row.pk for row in queryset if self.is_in_reach(request, row)]
        return queryset.model._default_manager.filter(pk__in=reached)

    def refuse(self, request: HttpRequest, obj: Any) -> NoReturn:
        """Write to the security log who tried what, and raise PermissionDenied."""
        security_log.warning("admin action refused", extra=_described(request, obj))
        raise PermissionDenied

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Write it to the security log too."""
        security_log.info("admin added", extra=_described(request, obj))
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Write it to the security log too, with the names of the changed fields."""
        security_log.info(
            "admin changed", extra={**_described(request, obj), "change": str(message)[:500]}
        )
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Write them to the security log too."""
        for row in queryset:
            security_log.info("admin deleted", extra=_described(request, row))
        return super().log_deletions(request, queryset)

    def _require_reach(self, request: HttpRequest, rows: Iterable[Any]) -> None:
        for row in rows:
            if not self.is_in_reach(request, row):
                self.refuse(request, row)


def _described(request: HttpRequest, row: Any) -> dict[str, str]:
    return {
        "by": str(request.user.pk),
        "model": row._meta.label,
        "row": str(row.pk),
        "address": client_address(request),
    }
