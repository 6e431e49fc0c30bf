"""The language of a page: what the browser keeps of a choice, else what it asks for.

It is known before the session is read, so pages that say that the session can't be read are in it,
too. What a person chose is with their account, and put into the browser when they log in
(django_site.language.choice).
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers


class LanguageMiddleware:
    """Answer in the language of the request, and leave the thread without one.

    Unlike Django's LocaleMiddleware: an outer middleware's page must not be in the language of
    whom the thread answered before. Belongs outside of all that renders.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on; say of a page which language it is in, and what that depends on."""
        language = translation.get_language_from_request(request)
        with translation.override(language, deactivate=True):
            response = self.get_response(request)
        if response.headers.get("Content-Type", "").startswith("text/html"):
            response.headers.setdefault("Content-Language", language)
            patch_vary_headers(response, ("Accept-Language", "Cookie"))
        return response
