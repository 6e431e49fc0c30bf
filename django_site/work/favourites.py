"""Tasks that a person wants at hand: on the first page, and first in the list of tasks."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from django_site.work import api
from django_site.work.access import page
from django_site.work.models import FavouriteTask

MOST = 50


def favourites_of(request: HttpRequest) -> list[str]:
    """Return the names of the person's favourite tasks."""
    own = FavouriteTask.objects.filter(person_id=request.user.pk)
    return list(own.values_list("task", flat=True)[:MOST])


@require_POST
@page
def favour(request: HttpRequest, name: str) -> HttpResponse:
    """Make a task a favourite, or no longer one; then show it."""
    own = FavouriteTask.objects.filter(person_id=request.user.pk)
    if "\0" in name:  # no database has room for it
        raise Http404
    if "keep" not in request.POST:
        own.filter(task=name).delete()
    elif all(task["name"] != name for task in api.get(request, "/tasks")["tasks"]):
        raise Http404
    elif own.count() < MOST:
        FavouriteTask.objects.get_or_create(person_id=request.user.pk, task=name)
    return redirect("start", name=name)
