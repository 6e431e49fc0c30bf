"""Which language somebody chose: in a cookie of their browser, which opens nothing, and of a person
in their account, for other browsers and for mails."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponseBase
from django.utils import translation

_MAX_AGE_S = 365 * 86_400


def is_offered(language: str) -> bool:
    """Tell whether the pages are there in this language: GATEHOUSE_LANGUAGES."""
    return language in dict(settings.LANGUAGES)


def choose(request: HttpRequest, response: HttpResponseBase, language: str) -> None:
    """Keep a choice: in the browser and, of who is logged in, in the account."""
    _keep_in_browser(response, language)
    person: Any = request.user
    if person.is_authenticated and hasattr(person, "language"):
        # No save(): nothing that the API knows of a person changes by it.
        get_user_model()._base_manager.filter(pk=person.pk).update(language=language)


def bring_along(request: HttpRequest, response: HttpResponseBase, language: str) -> None:
    """Put a person's choice into the browser that they log in with."""
    if is_offered(language) and request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME) != language:
        _keep_in_browser(response, language)


@contextmanager
def language_of(person: Any) -> Iterator[None]:
    """Write to a person in the language that they chose; without a choice, in the one of now."""
    language = str(getattr(person, "language", ""))
    if not is_offered(language):
        yield
        return
    with translation.override(language):
        yield


def _keep_in_browser(response: HttpResponseBase, language: str) -> None:
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=_MAX_AGE_S,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
