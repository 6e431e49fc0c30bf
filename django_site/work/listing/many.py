"""Act on many jobs and batches at once: those that were ticked in the list."""

from collections import Counter
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_POST

from django_site.work import api
from django_site.work.access import page
from django_site.work.listing.filters import Filters

# Each is a question of its own to the API.
MOST = 200
_DONE = {
    "cancel": gettext_noop("%(count)s cancelled, or asked to stop."),
    "retry": gettext_noop("%(count)s waiting again."),
    "delete": gettext_noop("%(count)s deleted."),
}
# The moment for it has passed, or the thing is gone: the others may go on.
_PASSED = (404, 409, 410, 429)


@require_POST
@page
def act_on_many(request: HttpRequest) -> HttpResponse:
    """Cancel, retry or delete what is ticked, and say how many; before it deletes, ask."""
    action = request.POST.get("do", "")
    chosen = [(kind, id_) for kind in ("job", "batch") for id_ in chosen_ids(request, kind)]
    is_too_many = len(chosen) > MOST
    if action not in _DONE or not chosen or is_too_many:
        too_many = _("Choose %(most)s at most.") % {"most": MOST}
        words = too_many if is_too_many else _("Choose some jobs first.")
        messages.warning(request, words)
    elif action == "delete" and "sure" not in request.POST:
        context = {
            "chosen": chosen,
            "list": request.POST.get("list", ""),
            "back": sent_filters(request).address(),
        }
        return render(request, "work/delete_many.html", context)
    else:
        _act(request, action, chosen)
    return back_to_list(request)


def back_to_list(request: HttpRequest) -> HttpResponse:
    """Lead to the list with the filters that the form was sent with."""
    return redirect(f"{reverse('jobs')}{sent_filters(request).address()}")


def sent_filters(request: HttpRequest) -> Filters:
    """Return the filters of the list that a form was sent from."""
    return Filters.of(QueryDict(request.POST.get("list", "").removeprefix("?")[:1000]).dict())


def chosen_ids(request: HttpRequest, kind: str) -> list[str]:
    """Return the ids of what is ticked of a kind; what is no id is left out."""
    ids = []
    for text in request.POST.getlist(kind):
        try:
            ids.append(str(UUID(text)))
        except ValueError:
            continue
    return ids


def tell_refused(request: HttpRequest, refused: Counter[str]) -> None:
    """Say for how many it was not done, by the reason: the three of most."""
    for reason, count in refused.most_common(3):
        words = _("%(count)s not: %(reason)s") % {"count": count, "reason": reason}
        messages.warning(request, words)


def _act(request: HttpRequest, action: str, chosen: list[tuple[str, str]]) -> None:
    """Do it to each; say what was done, and why not where it was not. What ends it before its end
    counts for the rest: a page about the error alone would not tell what was done."""
    done, refused = 0, Counter[str]()
    for left, (kind, id_) in zip(range(len(chosen), 0, -1), chosen, strict=True):
        try:
            _act_on_one(request, action, kind, id_)
            done += 1
        except api.ApiProblem as problem:
            ends_it = problem.status not in _PASSED
            refused[problem.detail] += left if ends_it else 1
            if ends_it:
                break
    if done:
        messages.success(request, _(_DONE[action]) % {"count": done})
    tell_refused(request, refused)


def _act_on_one(request: HttpRequest, action: str, kind: str, id_: str) -> Any:
    if (kind, action) == ("batch", "retry"):
        raise api.ApiProblem(409, "", _("A batch can't be retried as a whole."))
    path = f"/jobs/{id_}" if kind == "job" else f"/batches/{id_}"
    if action == "delete":
        return api.send(request, path, method="DELETE")
    return api.send(request, f"{path}/{action}")
