"""A person's jobs and batches as one list, newest first.

The API has a listing of each. Ids of both begin with the time, and a cursor is such an id: one
cursor goes on in both.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from django_site.work import api

# A state, and what people call it.
STATUS_WORDS = {
    "queued": _("Waiting"),
    "running": _("Running"),
    "succeeded": _("Succeeded"),
    "failed": _("Failed"),
    "cancelled": _("Cancelled"),
}
PAGE = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class JobList:
    """One page of the list. ``cursor`` goes on; it is empty on the last page. ``searched`` says how
    much was looked at for it, None where nothing was searched for. ``under_way`` are unfinished
    jobs and batches that may stand further down."""

    rows: list[dict[str, Any]]
    cursor: str
    searched: Mapping[str, int] | None = None
    under_way: list[dict[str, Any]] = field(default_factory=list)


def list_work(
    request: HttpRequest,
    *,
    q: str = "",
    status: str = "",
    task: str = "",
    cursor: str = "",
    limit: int = PAGE,
    under_way: int | None = None,
) -> JobList:
    """Return a page; a row with ``total`` is a batch. ``under_way``: with so many unfinished jobs
    and as many batches besides. Raises ApiProblem."""
    filters = {"q": q, "status": status, "task": task, "cursor": cursor}
    jobs = api.get(request, "/jobs", **filters, limit=limit, under_way=under_way)
    # Who has nothing unfinished has no such batch: no more is asked of Redis for them.
    unfinished = under_way if jobs.get("unfinished") else None
    batches = api.get(request, "/batches", cursor=cursor, limit=limit, under_way=unfinished)
    # Each listing is whole down to its cursor, and what lies below the higher one is not known.
    floor = max(jobs["next_cursor"] or "", batches["next_cursor"] or "")
    rows = [*jobs["jobs"], *(each for each in batches["batches"] if _fits(each, q, status, task))]
    known = sorted((row for row in rows if row["id"] >= floor), key=_id, reverse=True)
    shown = known[:limit]
    return JobList(
        rows=shown,
        cursor=shown[-1]["id"] if len(known) > limit else floor,
        searched=jobs.get("searched"),
        under_way=[*jobs.get("under_way", []), *batches.get("under_way", [])],
    )


def _id(row: Mapping[str, Any]) -> str:
    return str(row["id"])


def _fits(batch: Mapping[str, Any], q: str, status: str, task: str) -> bool:
    """Tell whether a batch belongs in the list: the API filters jobs only. Of a batch, words are
    looked for in its task's name: it may have 10,000 sets of arguments."""
    name = str(batch["task"])
    if (task and name != task) or not all(word in name for word in q.casefold().split()):
        return False
    if status == "ended":
        return batch["finished_at"] is not None
    return not status or bool(batch["counts"].get(status))
