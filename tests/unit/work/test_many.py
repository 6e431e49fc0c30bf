"""Acting on many at once, where the API is away in the middle of it."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.contrib.messages import get_messages
from django.contrib.messages.storage.cookie import CookieStorage
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from shared.http.beside import API

AWAY = {"code": "job_store_unavailable", "detail": "The jobs are away."}


class Beside:
    """An application that does what it is asked to for a while, then is away."""

    def __init__(self, *, lasts: int) -> None:
        self.asked = 0
        self._lasts = lasts

    def __call__(self, environ: Any, start_response: Any) -> Iterator[bytes]:
        """Answer a request."""
        self.asked += 1
        if self.asked <= self._lasts:
            start_response("204 No Content", [])
        else:
            start_response("503 Service Unavailable", [])
            yield json.dumps(AWAY).encode()


def act(request: HttpRequest) -> HttpResponse:
    """Send a form to the page."""
    from django_site.work.listing.many import act_on_many  # it has models: once Django is set up

    return act_on_many(request)


def form(beside: Beside, *, count: int) -> HttpRequest:
    """Return the request that deletes so many jobs, sure of it, from a list with a filter."""
    ids = [str(UUID(int=number)) for number in range(count)]
    sent = {"do": "delete", "sure": "yes", "job": ids, "list": "?q=primes"}
    request = RequestFactory().post("/jobs/many/", sent)
    request.META[API] = beside
    from django.contrib.auth import get_user_model

    request.user = get_user_model()(pk=1, username="ada")
    request._messages = CookieStorage(request)  # type: ignore[attr-defined]  # as its middleware does
    return request


def test_what_was_done_is_told_where_it_breaks_off() -> None:
    """The rest is not asked for: it would be refused alike. The list keeps its filters."""
    beside = Beside(lasts=120)
    request = form(beside, count=200)
    answer = act(request)
    assert (answer.status_code, answer["Location"]) == (302, "/jobs/?q=primes")
    assert [str(each) for each in get_messages(request)] == [
        "120 deleted.",
        "80 not: The jobs are away.",
    ]
    assert beside.asked == 121


def test_nothing_done_is_told_as_well() -> None:
    """Nobody has to guess whether anything is gone."""
    request = form(Beside(lasts=0), count=3)
    assert act(request).status_code == 302
    assert [str(each) for each in get_messages(request)] == ["3 not: The jobs are away."]
