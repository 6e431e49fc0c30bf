"""/operators/failures/ and /operators/record/: what went wrong lately, and what operators did."""

import re
from collections import Counter
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from django_site.operators.access import viewers_page
from django_site.operators.people import names_of
from django_site.work import api
from django_site.work.listing.filters import task_names, wanted_task

PAGE = 50
_NUMBER = re.compile(r"[0-9]+")


@viewers_page
def failures(request: HttpRequest) -> HttpResponse:
    """Show failures, grouped by error."""
    task = wanted_task(request.GET.dict())
    found = api.get(request, "/operate/failures", task=task)
    _name_rows(found["groups"])
    context = {
        "found": found,
        "task": task,
        "tasks": task_names(request),
        "tab": "failures",
    }
    return render(request, "operators/failures.html", context)


def _name_rows(groups: Iterable[dict[str, Any]]) -> None:
    """Give each group the id of its row: the same when the page is asked for again, whatever has
    moved meanwhile."""
    seen = Counter[str]()
    for group in groups:
        message = _NUMBER.sub("#", group["message"])
        alike = repr((group["task"], group["type"], message)).encode(errors="replace")
        name = blake2b(alike, digest_size=8).hexdigest()
        group["row"] = f"failure-{name}-{seen[name]}"
        seen[name] += 1


@viewers_page
def record(request: HttpRequest) -> HttpResponse:
    """Show what operators did, the newest first."""
    context = {**read_record(request), "is_first": "cursor" not in request.GET, "tab": "record"}
    return render(request, "operators/record.html", context)


def read_record(request: HttpRequest) -> dict[str, Any]:
    """Return a page of the record with the names of the people whose things it tells of."""
    cursor = request.GET.get("cursor", "")
    found = api.get(request, "/operate/record", cursor=cursor, limit=PAGE)
    names = names_of(entry["owner_id"] for entry in found["entries"])
    for entry in found["entries"]:
        entry["owner"] = names.get(entry["owner_id"], entry["owner_id"])
    return {"entries": found["entries"], "next": found["next_cursor"] or ""}
