# mypy: disallow-any-generics=False, disallow-subclassing-any=False
# (Django's admin classes take no parameters when the program runs.)
"""The record of operators in the admin: to be read, by those who may, and never changed.

It is no table of the database: the API writes it into the jobs' Redis before it acts, and is asked
for it (docs/operators.md)."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from django_site.operators.access import may_view
from django_site.operators.record_pages import read_record
from django_site.principals.models import Operator
from django_site.work.api import ApiProblem, NoApiBeside


@admin.register(Operator)
class RecordAdmin(admin.ModelAdmin):
    """The record, as the admin shows a list."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Show it in the index to those who may look."""
        return may_view(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let those see it who may look as operators do."""
        return obj is None and may_view(request)

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002  # nobody does
        """Refuse: only what is done is written."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Refuse: nobody changes it."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Refuse: nobody deletes of it."""
        return False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a page of the record."""
        if not may_view(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": _("What operators did"),
            "opts": self.opts,
            **(extra_context or {}),
        }
        try:
            context |= read_record(request)
        except (ApiProblem, NoApiBeside):
            context |= {"entries": [], "next": "", "is_away": True}
        return TemplateResponse(request, "admin/operators_record.html", context)
