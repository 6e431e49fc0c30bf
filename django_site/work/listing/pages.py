"""/jobs/: a person's jobs and batches; the view is in the address."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from django_site.work import api
from django_site.work.access import get_page
from django_site.work.listing.filters import STATUSES, Filters
from django_site.work.listing.job_list import PAGE, JobList, list_work
from django_site.work.listing.many import MOST

# What is asked for while a person scrolls: fewer questions.
_LARGER_PAGE = 50


@get_page
def jobs(request: HttpRequest) -> HttpResponse:
    """List the person's jobs; filters and the page are in the address."""
    filters = Filters.of(request.GET.dict())
    cursor = request.GET.get("cursor", "")
    limit = _LARGER_PAGE if "larger" in request.GET else PAGE
    found = list_work(request, **filters.kept, cursor=cursor, limit=limit)
    context = {
        "rows": found.rows,
        "searched": _searched(found),
        "filters": filters,
        "statuses": STATUSES.items(),
        "tasks": sorted(task["name"] for task in api.get(request, "/tasks")["tasks"]),
        "is_first": not cursor,
        "most": MOST,
        "back": filters.address(),
        "next": filters.address(cursor=found.cursor) if found.cursor else "",
    }
    return render(request, "work/jobs.html", context)


def _searched(found: JobList) -> dict[str, Any] | None:
    """Return how far a search looked, as the page says it; None where nothing was searched for."""
    if found.searched is None:
        return None
    return {**found.searched, "is_all": not found.cursor}
