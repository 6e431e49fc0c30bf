"""/operators/: what runs where, what waits, and what is paused."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from django_site.operators.access import may_operate, operators_act, viewers_page
from django_site.work import api

LONGEST_NOTE = 200
_LONGEST_NAME = 200


@viewers_page
def overview(request: HttpRequest) -> HttpResponse:
    """Show all at one moment, with what may be paused and resumed."""
    seen = api.get(request, "/operate/overview")
    paused = {(each["what"], each["name"]): each for each in seen["pauses"]}
    slots = Counter[str]()
    for instance in seen["instances"]:
        for load in instance["executors"]:
            slots[load["executor"]] += load["slots"]
    for queue in seen["queues"]:
        queue["pause"] = paused.get(("executor", queue["executor"]))
        queue["slots"] = slots[queue["executor"]]
    context = {
        "seen": seen,
        "running": sum(queue["running"] for queue in seen["queues"]),
        "waiting": sum(queue["waiting"] for queue in seen["queues"]),
        "executors": [each for each in seen["queues"] if each["pause"] is None],
        "tasks": [each for each in seen["tasks"] if ("task", each["name"]) not in paused],
        "longest_note": LONGEST_NOTE,
        "may_act": may_operate(request),
        "tab": "overview",
    }
    return render(request, "operators/overview.html", context)


@operators_act
def pause(request: HttpRequest) -> HttpResponse:
    """Pause what was chosen."""
    note = " ".join(request.POST.get("note", "").split())[:LONGEST_NOTE]
    words = _("Paused: nothing of %(name)s begins any more.")
    return _send(request, "/operate/pause", {"note": note}, words)


@operators_act
def resume(request: HttpRequest) -> HttpResponse:
    """Resume what was chosen."""
    return _send(request, "/operate/resume", {}, _("%(name)s goes on."))


def _send(request: HttpRequest, path: str, more: Mapping[str, Any], words: str) -> HttpResponse:
    what, _colon, name = request.POST.get("which", "")[:_LONGEST_NAME].partition(":")
    try:
        answer = api.send(request, path, {"what": what, "name": name, **more})
    except api.ApiProblem as problem:
        if problem.status != 422:
            raise
        messages.warning(request, _("Choose a task or an executor first."))
    else:
        said = words if answer["changed"] else _("%(name)s was so already.")
        messages.success(request, said % {"name": name})
    return redirect("operators")
