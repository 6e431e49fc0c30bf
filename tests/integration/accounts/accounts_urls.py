"""The site's addresses and some that fail, and a middleware that fails:
for tests of the error pages."""

from collections.abc import Callable
from typing import NoReturn

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import path

from django_site.urls import handler500, urlpatterns
from shared.errors import SessionStoreUnavailable

__all__ = ["handler500", "urlpatterns"]


def broken(_request: HttpRequest) -> NoReturn:
    """Fail as a bug does."""
    raise RuntimeError("a bug")


def forbidden(_request: HttpRequest) -> NoReturn:
    """Refuse."""
    raise PermissionDenied


def outage(_request: HttpRequest) -> NoReturn:
    """Fail as the session store does when it is away."""
    raise SessionStoreUnavailable("Redis does not answer; try again shortly.")


def outage_after_the_view(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """A middleware that finds the session store away after the view is done."""

    def answer(request: HttpRequest) -> HttpResponse:
        get_response(request)
        raise SessionStoreUnavailable("Redis does not answer; try again shortly.")

    return answer


urlpatterns = [
    path("broken", broken),
    path("forbidden", forbidden),
    path("outage", outage),
    *urlpatterns,
]
