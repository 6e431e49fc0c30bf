"""Who wants to be told of which end: rows of this site's database, and the forms that write them.

A mail goes to an address that its person has proved to be theirs, and to no other: or whoever signs
up with a stranger's address could have them sent as many as there are jobs.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.db.models import Exists
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from django_site.keys.verified import address_of, proofs_of
from django_site.work import api
from django_site.work.access import page
from django_site.work.models import EndMail

MOST = 100  # of one person, at once
FIRST_LOOK = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a page offers: the ``address`` that the mail goes to, "" while none is proved."""

    address: str
    is_wanted: bool


def wish_of(request: HttpRequest, record: dict[str, Any]) -> Wish | None:
    """Return what the page of a job or batch offers; None when it has ended."""
    if record["finished_at"] is not None:
        return None
    person: Any = request.user
    wanted = EndMail.objects.filter(person_id=person.pk, work_id=record["id"])
    # one question, for a page that renews itself asks it again and again
    found = get_user_model()._default_manager.filter(pk=person.pk)
    is_wanted, is_proved = found.values_list(Exists(wanted), Exists(proofs_of(person)))[0]
    return Wish(address=address_of(person) if is_proved else "", is_wanted=is_wanted)


def proved_address(person: Any) -> str:
    """Return the person's address if it is proved to be theirs, else ""."""
    return address_of(person) if proofs_of(person).exists() else ""


@require_POST
@page
def want(request: HttpRequest, work_id: UUID, kind: str) -> HttpResponse:
    """Send the person a mail when this ends, or do so no longer; then show it again."""
    back = redirect(kind, work_id)
    if "wanted" not in request.POST:
        _own(request).filter(work_id=work_id).delete()
        return back
    record = api.get(request, f"/{EndMail.PATHS[kind]}/{work_id}")
    if record["finished_at"] is not None:
        messages.info(request, _("It has ended already."))
    elif not proved_address(request.user):
        messages.warning(request, _("Confirm your e-mail address first, on your account page."))
    elif _own(request).exclude(work_id=work_id).count() >= MOST:
        words = _("You are to be mailed about %(most)s jobs already, which is the most.")
        messages.warning(request, words % {"most": MOST})
    else:
        _write(request, work_id, kind, task=record["task"])
    return back


def _write(request: HttpRequest, work_id: UUID, kind: str, *, task: str) -> None:
    address = request.build_absolute_uri(reverse(kind, args=[work_id]))
    now = timezone.now()
    EndMail.objects.update_or_create(
        person_id=request.user.pk,
        work_id=work_id,
        defaults={
            "kind": kind,
            "task": task,
            "page": address,
            "language": get_language() or "",
            "asked_at": now,
            "look_at": now + FIRST_LOOK,
        },
    )


def _own(request: HttpRequest) -> Any:
    return EndMail.objects.filter(person_id=request.user.pk)
