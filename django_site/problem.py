"""Errors for programs that talk to the site:
problem+json in the API's shape, the cross-site check's failures too."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import resolve_url
from django.views.csrf import csrf_failure as page_of_csrf_failure

from django_site.contract import contract_settings
from django_site.mount import mount


def problem(
    status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **members: Any
) -> HttpResponse:
    """Return a problem+json response; ``members`` are extension members."""
    body = {
        "type": f"{mount()}{contract_settings().api_prefix}/problems/{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        **members,
    }
    return JsonResponse(
        body, status=status, headers=dict(headers or {}), content_type="application/problem+json"
    )


def not_authenticated() -> HttpResponse:
    """Return the 401 for a program that is not logged in: an API key is no help on the site."""
    return problem(
        401,
        "not_authenticated",
        f"Log in at {resolve_url(settings.LOGIN_URL)}: API keys open nothing here.",
    )


def wants_json(request: HttpRequest) -> bool:
    """Tell whether a program asks, not a person at a page."""
    if request.method == "POST":
        return request.content_type == "application/json"
    return (
        request.method == "DELETE"
        or request.get_preferred_type(["text/html", "application/json"]) == "application/json"
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a failed cross-site check (CSRF_FAILURE_VIEW);
    a program is told first of all that it is not logged in."""
    if not wants_json(request):
        return page_of_csrf_failure(request, reason)
    if not request.user.is_authenticated:
        return not_authenticated()
    return problem(
        403,
        "csrf_failed",
        f"Send the value of the cookie {settings.CSRF_COOKIE_NAME} in the header X-CSRFToken too.",
    )
