"""Put the security headers on every answer of the site: pages, redirects, files and errors."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from shared.http.response_headers import PAGE_SECURITY_HEADERS


class ResponseHeadersMiddleware:
    """Add what an answer has not set itself: static files keep their Cache-Control.
    Belongs first in MIDDLEWARE."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on and complete its answer."""
        response = self.get_response(request)
        for name, value in PAGE_SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        return response
