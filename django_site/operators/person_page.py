"""/operators/people/<id>/: a person's work as they see it, without a way to act as them.

The page is the operator's own: it asks the API as the operator, who may look, and has no form. What
it links to are pages that operators see by their own right.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from django_site.operators.access import viewers_page
from django_site.publishing.people import id_of, rows_of
from django_site.sessions.index import sessions_of
from django_site.work import api, shown

# The kinds that a person's first page tells of (static/gatehouse/usage.js), and which are bytes.
_KINDS = {
    "bytes": (_("Jobs"), True),
    "ended_jobs": (_("Ended jobs"), False),
    "unfinished_jobs": (_("Unfinished jobs"), False),
    "file_bytes": (_("Files of jobs"), True),
    "uploads": (_("Uploaded files"), False),
    "upload_bytes": (_("Uploaded files, size"), True),
    "event_bytes": (_("Events"), True),
}


@viewers_page
def person(request: HttpRequest, person_id: str) -> HttpResponse:
    """Show what a person has now. The API writes into the record that it was looked at, first."""
    row = rows_of([person_id]).first()
    if row is None:
        raise Http404
    known_id = id_of(row.pk)
    work = api.get(request, f"/operate/people/{known_id}")
    ended = sorted(
        (each for each in (*work["ended"], *work["batches"]) if each["finished_at"]),
        key=lambda each: str(each["finished_at"]),
        reverse=True,
    )
    context = {
        "person_id": known_id,
        "name": row.get_username(),
        "email": getattr(row, row.get_email_field_name(), ""),
        "is_active": row.is_active,
        "last_login": _iso(getattr(row, "last_login", None)),
        "last_seen": _last_seen(known_id),
        "running": [*work["running"], *_under_way(work["batches"], is_running=True)],
        "waiting": [*work["waiting"], *_under_way(work["batches"], is_running=False)],
        "ended": ended,
        "kept": _kept(work["usage"]),
        "tab": "jobs",
    }
    return render(request, "operators/person.html", context)


def _under_way(batches: list[dict[str, Any]], *, is_running: bool) -> list[dict[str, Any]]:
    """Return the batches that have not ended, of which something runs, or nothing."""
    unfinished = [each for each in batches if not each["finished_at"]]
    return [each for each in unfinished if bool(each["counts"]["running"]) == is_running]


def _kept(usage: Mapping[str, Mapping[str, int]]) -> list[tuple[str, str, str]]:
    """Return what is kept of each kind, of how much, in words."""
    return [
        (str(name), _amount(usage[kind]["used"], is_bytes), _amount(usage[kind]["limit"], is_bytes))
        for kind, (name, is_bytes) in _KINDS.items()
        if kind in usage
    ]


def _amount(count: int, is_bytes: bool) -> str:
    return shown.size(count) if is_bytes else shown.number(count)


def _last_seen(person_id: str) -> str | None:
    """Return when one of their sessions was seen last; None when none lives. It is noted every few
    minutes only."""
    sessions = sessions_of(person_id)
    return _iso(datetime.fromtimestamp(sessions[0].last_seen_at, UTC)) if sessions else None


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
