"""What the page of one's own job says of its shares."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from django_site.work import api
from django_site.work.sharing.terms import ShareForm, form_for


def section_of(request: HttpRequest, job: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the job's shares, who looks on, and the form for another one. None for somebody else's
    job, and for a page that is only brought up to date: it has the section already."""
    if job["owner"]["id"] != str(request.user.pk) or request.headers.get("X-Gatehouse-Background"):
        return None
    shares = api.get(request, f"/jobs/{job['id']}/shares")["shares"]
    form: ShareForm = form_for(request)
    onlookers = api.get(request, f"/jobs/{job['id']}/onlookers") if shares else None
    return {"shares": shares, "form": form, "onlookers": onlookers}
