"""/operators/jobs/: everybody's jobs, and what is done with many of them."""

from collections import Counter
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from django_site.operators.access import may_operate, operators_act, viewers_page
from django_site.operators.people import find_person
from django_site.work import api
from django_site.work.listing.filters import STATUSES, Filters, task_names
from django_site.work.listing.many import chosen_ids, tell_refused
from django_site.work.problem_words import in_words
from django_site.work.shown import ngettext_noop

PAGE = 50
MOST_AT_ONCE = 100  # as the API takes them
_SHOWN = 10
_LONGEST_PERSON = 254
_DONE = {
    "cancel": gettext_noop("%(count)s cancelled, or asked to stop."),
    "requeue": gettext_noop("%(count)s waiting again."),
    "delete": gettext_noop("%(count)s deleted."),
}
# What is asked before it is done: the act, the question, and what it means.
_QUESTIONS = {
    "cancel": (
        gettext_noop("Cancel"),
        ngettext_noop("Cancel %(count)s job?", "Cancel %(count)s jobs?"),
        gettext_noop(
            "What waits is cancelled at once, what runs is asked to stop. What has ended stays."
        ),
    ),
    "requeue": (
        gettext_noop("Requeue"),
        ngettext_noop("Requeue %(count)s job?", "Requeue %(count)s jobs?"),
        gettext_noop(
            "What failed or was cancelled waits again, with its first arguments. All else stays."
        ),
    ),
    "delete": (
        gettext_noop("Delete"),
        ngettext_noop("Delete %(count)s job?", "Delete %(count)s jobs?"),
        gettext_noop(
            "What has ended will be gone, with its results, logs and files. This can't be undone."
        ),
    ),
}


@viewers_page
def jobs(request: HttpRequest) -> HttpResponse:
    """List everybody's jobs; filters and the page are in the address."""
    query = request.GET.dict()
    filters, who = Filters.of(query), query.get("person", "")[:_LONGEST_PERSON].strip()
    person = find_person(who) if who else ""
    found: dict[str, Any] = {"jobs": [], "next_cursor": None, "searched": {"jobs": 0}}
    if person is not None:
        cursor = query.get("cursor", "")
        found = api.get(
            request, "/operate/jobs", **filters.kept, person=person, cursor=cursor, limit=PAGE
        )
    cursor = found["next_cursor"]
    context = {
        "rows": found["jobs"],
        "searched": found["searched"],
        "filters": filters,
        "who": who,
        "person": person,
        "is_nobody": person is None,
        "statuses": STATUSES.items(),
        "tasks": task_names(request),
        "is_first": "cursor" not in query,
        "back": _address(filters, who),
        "next": _address(filters, who, cursor) if cursor else "",
        "may_act": may_operate(request),
        "tab": "jobs",
    }
    return render(request, "operators/jobs.html", context)


@operators_act
def act(request: HttpRequest) -> HttpResponse:
    """Ask before anything is done with what is ticked; then do it, and say what came of it."""
    action, chosen = request.POST.get("do", ""), list(dict.fromkeys(chosen_ids(request, "job")))
    listed = request.POST.get("list", "")[:1000]
    if action not in _DONE or not chosen or len(chosen) > MOST_AT_ONCE:
        too_many = _("Choose %(most)s at most.") % {"most": MOST_AT_ONCE}
        words = too_many if chosen else _("Choose some jobs first.")
        messages.warning(request, words)
    elif "sure" not in request.POST:
        name, (one, many), consequence = _QUESTIONS[action]
        count = len(chosen)
        context = {
            "action": action,
            "name": _(name),
            "question": ngettext(one, many, count) % {"count": count},
            "consequence": _(consequence),
            "chosen": chosen,
            "shown": _looked_up(request, chosen[:_SHOWN]),
            "list": listed,
            "back": _back(listed),
            "tab": "jobs",
        }
        return render(request, "operators/sure.html", context)
    else:
        _do(request, action, chosen)
    return redirect(f"{reverse('operators_jobs')}{_back(listed)}")


def _do(request: HttpRequest, action: str, chosen: list[str]) -> None:
    answer = api.send(request, "/operate/jobs", {"act": action, "jobs": chosen})
    if answer["done"]:
        messages.success(request, _(_DONE[action]) % {"count": len(answer["done"])})
    refused = Counter(in_words(each["detail"]) for each in answer["refused"])
    if answer["absent"]:
        refused[_("It is not there any more.")] += len(answer["absent"])
    tell_refused(request, refused)


def _looked_up(request: HttpRequest, ids: list[str]) -> list[dict[str, Any]]:
    """Return the first of what was chosen, to be seen once more."""
    found = []
    for job_id in ids:
        try:
            found.append(api.get(request, f"/jobs/{job_id}"))
        except api.ApiProblem as problem:
            if problem.status not in (404, 410):
                raise
    return found


def _back(listed: str) -> str:
    """Return the query of the list that a form was sent from, made anew of what makes sense."""
    query = QueryDict(listed.removeprefix("?")).dict()
    who = str(query.get("person", ""))[:_LONGEST_PERSON]
    return _address(Filters.of({name: str(value) for name, value in query.items()}), who)


def _address(filters: Filters, who: str, cursor: str = "") -> str:
    query = {**filters.kept, "person": who, "cursor": cursor}
    kept = {name: value for name, value in query.items() if value}
    return f"?{urlencode(kept)}" if kept else ""
