"""What every page's template may use beside Django's own."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from django_site.mount import mount
from shared.http.beside import API


def site(request: HttpRequest) -> dict[str, Any]:
    """Return ``api_prefix``, where the API is, ``has_work``, whether its pages are here, and
    ``signup_is_open``, whether anybody may sign up."""
    return {
        "api_prefix": f"{mount()}{settings.SITE.api_prefix}",
        "has_work": API in request.META,
        "signup_is_open": settings.SITE.signup_mode == "open",
    }
