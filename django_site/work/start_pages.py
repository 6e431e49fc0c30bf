"""/tasks/: what can be started, and the form that starts it."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from django_site.work import api
from django_site.work.access import get_page, page
from django_site.work.draft import find_draft, forget_draft, send_back
from django_site.work.favourites import favourites_of
from django_site.work.start_form import (
    AS_JSON,
    CALLS,
    FIELDS,
    StartForm,
    empty_form,
    form_of_arguments,
    sent_form,
    upload_chosen,
)
from django_site.work.start_once import start_once


@get_page
def tasks(request: HttpRequest) -> HttpResponse:
    """List the tasks in groups; ``?q=`` narrows the list."""
    words = request.GET.get("q", "").casefold().split()
    found = [
        task
        for task in _tasks(request)
        if all(word in f"{task['name']} {task['summary']}".casefold() for word in words)
    ]
    groups = [
        (name, list(members)) for name, members in groupby(found, key=lambda task: task["group"])
    ]
    favourites = set(favourites_of(request))
    liked = [task for task in found if task["name"] in favourites]
    if liked:
        groups = [("Favourites", liked), *groups]
    return render(
        request, "work/tasks.html", {"groups": groups, "q": request.GET.get("q", "")[:200]}
    )


@require_http_methods(["GET", "HEAD", "POST"])
def start(request: HttpRequest, name: str) -> HttpResponse:
    """Show the form of a task; start a job of it. ``?from=`` fills in an earlier job's
    arguments, ``?draft=`` what was typed before a log-in."""
    if request.method == "POST" and not request.user.is_authenticated:
        return send_back(name, request.POST)
    return _start(request, name)


@page
def _start(request: HttpRequest, name: str) -> HttpResponse:
    task = next((each for each in _tasks(request) if each["name"] == name), None)
    if task is None:
        raise Http404
    if request.method != "POST":
        return _first_page(request, task)
    form = sent_form(task, request.POST)
    upload_chosen(form, request)
    wanted = request.POST.get("show")
    if wanted in (FIELDS, AS_JSON, CALLS):
        form.show_as(wanted)
        return _form_page(request, form)
    arguments = form.arguments()
    if arguments is None or form.is_wrong:
        return _form_page(request, form, status=422)
    try:
        sent = {"task": task["name"], "arguments": arguments}
        job = start_once(request, "/jobs", sent, key=form.key)
    except api.ApiProblem as problem:
        if problem.status in (401, 403):
            raise
        form.show_problem(problem)
        return _form_page(request, form, status=problem.status, retry_after=problem.retry_after_s)
    return redirect("job", job_id=job["id"])


def _first_page(request: HttpRequest, task: Mapping[str, Any]) -> HttpResponse:
    draft = find_draft(request, task["name"]) if "draft" in request.GET else None
    if draft is None:
        form = _first_form(request, task)
        if "draft" in request.GET:
            form.notes.append(_("What you had typed is not kept here. Nothing was started."))
        return _form_page(request, form)
    form = sent_form(task, draft)
    form.notes.append(_("This is what you had typed. Nothing was started yet."))
    answer = _form_page(request, form)
    forget_draft(answer)
    return answer


def _first_form(request: HttpRequest, task: Mapping[str, Any]) -> StartForm:
    earlier = _uuid(request.GET.get("from", ""))
    if earlier is None:
        return empty_form(task)
    job = api.get(request, f"/jobs/{earlier}")
    if job["task"] != task["name"]:
        return empty_form(task)
    form = form_of_arguments(task, job["arguments"])
    form.notes.append(_("Filled in from an earlier job. Change what you like."))
    return form


def _form_page(
    request: HttpRequest, form: StartForm, *, status: int = 200, retry_after: str = ""
) -> HttpResponse:
    form.name_uploads(request)
    form.find_calls(request)
    context = {
        "form": form,
        "task": form.task,
        "is_favourite": form.task["name"] in favourites_of(request),
    }
    answer = render(request, "work/start.html", context, status=status)
    if retry_after:
        answer["Retry-After"] = retry_after
    return answer


def _tasks(request: HttpRequest) -> list[dict[str, Any]]:
    listed = api.get(request, "/tasks")["tasks"]
    for task in listed:
        task["group"] = task["name"].partition(".")[0]
    return sorted(listed, key=lambda task: str(task["name"]))


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
