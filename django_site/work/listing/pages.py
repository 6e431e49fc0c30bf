"""/jobs/: a person's jobs and batches; the view is in the address."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from django_site.work import api
from django_site.work.access import get_page
from django_site.work.listing.filters import STATUSES, Filters, task_names
from django_site.work.listing.job_list import PAGE, JobList, list_work
from django_site.work.listing.saved_views import MOST
from django_site.work.models import SavedView

# What is asked for while a person scrolls: fewer questions.
_LARGER_PAGE = 50
# Of a batch that is opened in the list; its own page has all.
_MEMBERS = 25


@get_page
def jobs(request: HttpRequest) -> HttpResponse:
    """List the person's jobs; filters and the page are in the address."""
    filters = Filters.of(request.GET.dict())
    cursor = request.GET.get("cursor", "")
    limit = _LARGER_PAGE if "larger" in request.GET else PAGE
    opened = request.GET.get("open", "")
    found = list_work(request, **filters.kept, cursor=cursor, limit=limit, under_way=None)
    for row in found.rows:
        if "counts" in row:
            size = {"larger": "1"} if limit == _LARGER_PAGE else {}
            _open(request, row, filters, {"cursor": cursor, **size}, is_open=row["id"] == opened)
    context = {
        "rows": found.rows,
        "searched": _searched(found),
        "filters": filters,
        "statuses": STATUSES.items(),
        "tasks": task_names(request),
        "is_first": not cursor,
        "back": filters.address(),
        "views": SavedView.objects.filter(person_id=request.user.pk)[:MOST],
        "next": filters.address(cursor=found.cursor) if found.cursor else "",
    }
    return render(request, "work/jobs.html", context)


def _open(
    request: HttpRequest,
    batch: dict[str, Any],
    filters: Filters,
    place: dict[str, str],
    *,
    is_open: bool,
) -> None:
    """Give a batch's row the address that opens it, or closes it, and an open one its jobs."""
    where = filters.address(**place, open="" if is_open else batch["id"])
    batch["toggle"] = where or request.path
    if is_open:
        found = api.get(request, f"/batches/{batch['id']}/jobs", limit=_MEMBERS)
        batch["members"] = [{**job, "number": at} for at, job in enumerate(found["jobs"], start=1)]


def _searched(found: JobList) -> dict[str, Any] | None:
    """Return how far a search looked, as the page says it; None where nothing was searched for."""
    if found.searched is None:
        return None
    return {**found.searched, "is_all": not found.cursor}
