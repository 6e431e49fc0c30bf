# mypy: disallow-any-generics=False
# (Django's admin classes take no parameters when the program runs.)
"""The admin's page of the outbox: what waits, what was refused and why."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.translation import gettext, gettext_lazy

from django_site.staff.admin import GuardedAdmin
from django_site.submitting.models import OutboxJob
from django_site.submitting.outbox import send_again


@admin.register(OutboxJob)
class OutboxJobAdmin(GuardedAdmin):
    """Jobs to submit: to look at, to send again, to delete."""

    owner_path = "person"
    fields = readonly_fields = (
        "job_id",
        "person",
        "task",
        "body",
        "idempotency_key",
        "created_at",
        "tries",
        "next_try_at",
        "problem",
        "refused_at",
    )
    list_display = ("task", "person", "created_at", "tries", "next_try_at", "problem", "refused_at")
    list_select_related = ("person",)
    list_filter = ("refused_at", "task")
    search_fields = ("task", "problem")
    actions = ("send_again",)

    @admin.action(
        description=gettext_lazy("Send the selected refused jobs again"), permissions=["send"]
    )
    def send_again(self, request: HttpRequest, rows: Any) -> None:
        """Let the chosen rows of people in reach be sent once more."""
        chosen = self.only_in_reach(request, rows)
        for row in chosen.exclude(refused_at=None):
            self.log_change(request, row, "sent again")
        count = send_again(chosen)
        words = gettext("Jobs to be sent again: %(count)s.") % {"count": count}
        self.message_user(request, words, messages.SUCCESS)

    def has_send_permission(self, request: HttpRequest) -> bool:
        """Tell whether this member of staff may send again."""
        staff: Any = request.user
        return bool(staff.has_perm("gatehouse_submitting.change_outboxjob"))

    def has_add_permission(self, _request: HttpRequest) -> bool:
        """Only code writes one."""
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        """Nobody changes one."""
        return False
