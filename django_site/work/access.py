"""Who sees the pages of work, and what they see when the API says no."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_safe

from django_site.work.api import ApiProblem, NoApiBeside

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]

# What the API says to a program, as a heading for people.
_HEADINGS = {
    401: gettext_noop("We can't check who you are just now"),
    403: gettext_noop("Your account may not do this"),
    404: gettext_noop("There is no such job"),
    410: gettext_noop("This is no longer kept"),
    413: gettext_noop("That is too large"),
    422: gettext_noop("That can't be used"),
    429: gettext_noop("That is too much just now"),
    503: gettext_noop("The API is away for a moment"),
    507: gettext_noop("There is no room left"),
}


def page(view: View[P]) -> View[P]:
    """Make a page for people who are logged in: others are sent to log in; a refusal of the API is
    a page too."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not request.user.is_authenticated:
            # not where a form was sent to: that answers no GET
            way_back = (
                request.get_full_path() if request.method in ("GET", "HEAD") else reverse("jobs")
            )
            return redirect_to_login(way_back)
        try:
            return view(request, *args, **kwargs)
        except NoApiBeside:
            return render(request, "work/no_api.html", status=503)
        except ApiProblem as problem:
            return refused(request, problem)

    return guarded


def get_page(view: View[P]) -> View[P]:
    """Make such a page that only shows something."""
    guarded: View[P] = require_safe(page(view))
    return guarded


def refused(request: HttpRequest, problem: ApiProblem) -> HttpResponse:
    """Return the page that says what the API refused, and why."""
    # The site knows this person, or the page would not have been asked for: the API not yet.
    status = 503 if problem.status == 401 else problem.status
    english = _HEADINGS.get(problem.status, gettext_noop("That didn't work"))
    context = {"heading": _(english), "problem": problem}
    answer = render(request, "work/refused.html", context, status=status)
    if problem.retry_after_s or status == 503:
        answer["Retry-After"] = problem.retry_after_s or "2"
    return answer
