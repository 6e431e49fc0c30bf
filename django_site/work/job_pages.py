"""/jobs/<id>/ and /batches/<id>/: one of them, and what can be done with it."""

import json
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from django_site.work import api
from django_site.work.access import get_page, page
from django_site.work.chart.timeline import MOST_LANES, timeline_of
from django_site.work.end_mail.wishes import wish_of
from django_site.work.form.values import json_text
from django_site.work.listing.many import back_to_list
from django_site.work.results.parts import PAGE_ROWS, TABLE_FORMATS, Wanted
from django_site.work.results.pictures import pictures_of
from django_site.work.results.result import show
from django_site.work.results.rows import rows_of
from django_site.work.sharing.section import section_of

LOG_LINES = 200
# Of a larger batch the page shows no results: reading them is the whole batch.
_BATCH_SHOWN_MAX = 1000
_DRAWN_MAX, _AT_ONCE = 300, 100


@get_page
def job(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Show one job: how it stands, what it said, what it made."""
    record = api.get(request, f"/jobs/{job_id}")
    wanted = Wanted.of(request.GET)
    # A page that has its log already, and gets what comes by events, needs no thousand lines again.
    is_without_log = request.headers.get("X-Gatehouse-Background") == "without log"
    has_result = record["status"] == "succeeded"
    context = {
        "job": record,
        "log": [] if is_without_log else _log(request, job_id),
        "log_lines": LOG_LINES,
        "arguments": json_text(record["arguments"]),
        "result": show(record["result"], wanted) if has_result else None,
        "rows": rows_of(request, record, wanted, path=f"/jobs/{job_id}/rows"),
        "sharing": section_of(request, record),
        "wish": wish_of(request, record),
        "table_formats": TABLE_FORMATS,
        "table_address": f"/jobs/{job_id}/table",
        "pictures": pictures_of(record["files"]),
        "is_over": record["finished_at"] is not None,
    }
    return render(request, "work/job.html", context)


@get_page
def batch(request: HttpRequest, batch_id: UUID) -> HttpResponse:
    """Show one batch: its counts, and how its first jobs ended."""
    record = api.get(request, f"/batches/{batch_id}")
    jobs = _first_jobs(request, batch_id)
    ended = _ended(request, batch_id) if record["total"] <= _BATCH_SHOWN_MAX else None
    context = {
        "batch": record,
        "ended": ended,
        "timeline": timeline_of(jobs),
        "drawn": len(jobs),
        "most_lanes": MOST_LANES,
        "wish": wish_of(request, record),
    }
    return render(request, "work/batch.html", context)


def _first_jobs(request: HttpRequest, batch_id: UUID) -> list[dict[str, Any]]:
    """Return the first jobs of a batch, as its picture draws them."""
    jobs: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None and len(jobs) < _DRAWN_MAX:
        path = f"/batches/{batch_id}/jobs"
        found = api.get(request, path, after=after, limit=_AT_ONCE)
        jobs += found["jobs"]
        after = found["next_after"]
    return [{**job, "number": at} for at, job in enumerate(jobs, start=1)]


def _ended(request: HttpRequest, batch_id: UUID) -> list[dict[str, Any]]:
    """Return how the first jobs of a batch ended."""
    path, ended = f"/batches/{batch_id}/results", []
    for line in api.first_lines(request, path, PAGE_ROWS, order="submission"):
        each: dict[str, Any] = json.loads(line)
        each["number"] = each["position"] + 1
        each["shown"] = json.dumps(each.pop("result"), ensure_ascii=False)[:300]
        ended.append(each)
    return ended


@require_POST
@page
def act(request: HttpRequest, job_id: UUID, action: str) -> HttpResponse:
    """Cancel, retry or delete a job; then show it, or the list that the form was in."""
    if action == "delete":
        done = _try(request, f"/jobs/{job_id}", method="DELETE")
        if done:
            messages.success(request, _("The job is deleted, with all that it kept."))
            return _back(request, reverse("jobs"))
    else:
        _try(request, f"/jobs/{job_id}/{action}")
    return _back(request, reverse("job", args=[job_id]))


@require_POST
@page
def act_on_batch(request: HttpRequest, batch_id: UUID, action: str) -> HttpResponse:
    """Cancel or delete a batch."""
    if action == "delete":
        if _try(request, f"/batches/{batch_id}", method="DELETE"):
            words = _("The batch is deleted, with its jobs and all that they kept.")
            messages.success(request, words)
            return _back(request, reverse("jobs"))
    else:
        _try(request, f"/batches/{batch_id}/cancel")
    return _back(request, reverse("batch", args=[batch_id]))


def _try(request: HttpRequest, path: str, *, method: str = "POST") -> bool:
    """Send it; say what the API says when the moment for it has passed."""
    try:
        api.send(request, path, method=method)
    except api.ApiProblem as problem:
        if problem.status not in (409, 429):
            raise
        messages.warning(request, problem.detail)
        return False
    return True


def _back(request: HttpRequest, address: str) -> HttpResponse:
    """Lead to ``address``, or to the list with its filters, where the form was in one."""
    return back_to_list(request) if "list" in request.POST else redirect(address)


def _log(request: HttpRequest, job_id: UUID) -> list[dict[str, Any]]:
    lines = api.read(request, f"/jobs/{job_id}/log").splitlines()
    return [json.loads(line) for line in lines[-LOG_LINES:]]
