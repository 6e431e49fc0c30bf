"""The first page: for a visitor what this is, for a person what runs and what has ended."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from django_site.keys.verified import proofs_of
from django_site.work.api import ApiProblem, NoApiBeside
from django_site.work.favourites import favourites_of
from django_site.work.listing.job_list import list_work

_LOOKED_AT = 50
_RUNNING_MAX, _ENDED_MAX, _TASKS_MAX = 8, 5, 6


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show what this is, or who you are and what your work does."""
    person: Any = request.user
    if not person.is_authenticated:
        return render(request, "home.html")
    work = _recent(request)
    context = {"email_verified": proofs_of(person).exists(), "work": work}
    # A page that only brings its list up to date would take a page without one for the newest.
    is_without = work is None and "X-Gatehouse-Background" in request.headers
    return render(request, "home.html", context, status=503 if is_without else 200)


def _recent(request: HttpRequest) -> dict[str, Any] | None:
    """Return what runs, what ended last, and the tasks last used; None while the API can't say: the
    rest of the page doesn't need it."""
    try:
        found = list_work(request, limit=_LOOKED_AT, under_way=_RUNNING_MAX + 1)
    except (ApiProblem, NoApiBeside):
        return None
    rows = found.rows
    unfinished = {row["id"]: row for row in rows if row["finished_at"] is None}
    unfinished |= {row["id"]: row for row in found.under_way}  # a long one stands far down
    running = sorted(unfinished.values(), key=_by_state)
    ended = [row for row in rows if row["finished_at"] is not None]
    ended.sort(key=lambda row: str(row["finished_at"]), reverse=True)
    return {
        "running": running[:_RUNNING_MAX],
        "ended": ended[:_ENDED_MAX],
        "tasks": list(dict.fromkeys(row["task"] for row in rows))[:_TASKS_MAX],
        "favourites": favourites_of(request),
        "has_more": len(running) > _RUNNING_MAX,
    }


def _by_state(row: Mapping[str, Any]) -> tuple[bool, int]:
    """Order what runs before what waits, and the newest first: ids begin with the time."""
    is_running = bool(row["counts"]["running"]) if "counts" in row else row["status"] == "running"
    return not is_running, -UUID(row["id"]).int
