"""The Path of the site's cookies: the mount is known to the request alone,
so it is no setting of Django's."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from django_site.mount import mount


class MountedCookiesMiddleware:
    """Give the site's cookies the Path that GATEHOUSE_COOKIE_PATH says, else the mount.

    ``__Host-`` allows only ``/``. Belongs before all that sets cookies.
    Those that expire others are left alone.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        names = (
            settings.SESSION_COOKIE_NAME,
            settings.CSRF_COOKIE_NAME,
            settings.DEVICE_COOKIE_NAME,
            settings.DRAFT_COOKIE_NAME,
            settings.LANGUAGE_COOKIE_NAME,
            "messages",
        )
        # Services on other hosts have paths of their own.
        self._default = "/" if settings.SITE.cookie_domain else ""
        self._names = [name for name in names if not name.startswith("__Host-")]

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on and complete the cookies of its answer."""
        response = self.get_response(request)
        for name in self._names if response.cookies else ():
            if name in response.cookies:
                response.cookies[name]["path"] = (
                    settings.SITE.cookie_path or self._default or mount() or "/"
                )
        return response
