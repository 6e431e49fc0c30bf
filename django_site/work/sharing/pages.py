"""/shared/<token>/: a job that somebody shows; /account/shares/: all that a person shows;
and what makes and ends a share."""

import json
from collections.abc import Callable
from functools import wraps
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
from django_site.work.form.values import json_text
from django_site.work.results.parts import TABLE_FORMATS, Wanted
from django_site.work.results.result import show
from django_site.work.results.rows import rows_of
from django_site.work.sharing.terms import body_of, form_for

LOG_LINES = 200


def _tells_nobody(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Keep the address of a shared job, which is its key, from other pages and from search."""

    @wraps(view)
    def guarded(request: HttpRequest, token: str) -> HttpResponse:
        answer = view(request, token)
        answer["Referrer-Policy"] = "no-referrer"
        answer["X-Robots-Tag"] = "noindex, nofollow, noarchive"
        return answer

    return guarded


@_tells_nobody
@get_page
def shared(request: HttpRequest, token: str) -> HttpResponse:
    """Show a job that somebody shows to this person: it can't be changed from here."""
    try:
        record = api.get(request, f"/shared/{token}")
        log = api.read(request, f"/shared/{token}/log").splitlines()[-LOG_LINES:]
        wanted = Wanted.of(request.GET)
        rows = rows_of(request, record, wanted, path=f"/shared/{token}/rows")
    except api.ApiProblem as problem:
        if problem.status != 404:
            raise
        return render(request, "work/sharing/nothing.html", status=404)
    has_result = record["status"] == "succeeded"
    context = {
        "job": record,
        "log": [json.loads(line) for line in log],
        "arguments": None if record["arguments"] is None else json_text(record["arguments"]),
        "result": show(record["result"], wanted) if has_result else None,
        "rows": rows,
        "table_formats": TABLE_FORMATS,
        "table_address": f"/shared/{token}/table",
        # of kept rows: their own file, which is sent as it is only where files are shown
        "hidden_format": "parquet" if "files" in record["withheld"] else "",
        "is_over": record["finished_at"] is not None,
    }
    return render(request, "work/sharing/shared.html", context)


@get_page
def mine(request: HttpRequest) -> HttpResponse:
    """List all that the person shows to others."""
    shares = api.get(request, "/shares")["shares"]
    return render(request, "work/sharing/mine.html", {"shares": shares})


@require_POST
@page
def make(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Share a job; show its address, this once."""
    job = {"id": job_id}
    try:
        made = api.send(request, f"/jobs/{job_id}/shares", body_of(request.POST))
    except api.ApiProblem as problem:
        if problem.status not in (422, 429):
            raise
        wrong = [line["detail"] for line in problem.errors] or [problem.detail]
        context: dict[str, Any] = {"form": form_for(request, request.POST), "wrong": wrong}
        return render(
            request, "work/sharing/again.html", {"job": job, **context}, status=problem.status
        )
    # Shown in this very answer: a redirect would have to keep the address somewhere meanwhile.
    path = reverse("shared_job", args=[made["token"]])
    context = {"job": job, "made": made, "address": request.build_absolute_uri(path)}
    return render(request, "work/sharing/made.html", context)


@require_POST
@page
def end(request: HttpRequest, share_id: str) -> HttpResponse:
    """End a share; then show the job or the list that the form was in."""
    try:
        api.send(request, f"/shares/{share_id}", method="DELETE")
    except api.ApiProblem as problem:
        if problem.status != 404:
            raise
        messages.info(request, _("That share had ended already."))
    else:
        messages.success(request, _("The share is ended. Its link opens nothing any more."))
    try:
        return redirect(f"{reverse('job', args=[UUID(request.POST.get('job', ''))])}#share")
    except ValueError:
        return redirect("account_shares")
