"""The site as a WSGI application. wsgi.py mounts it; nothing here knows the API."""

import os
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def create_site() -> "WSGIApplication":
    """Return the site's WSGI application. Raises ConfigurationError for a wrong setting.
    Call once per process."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_site.settings")
    from django.core.wsgi import get_wsgi_application

    return get_wsgi_application()


class Background:
    """What runs beside the requests of one server process; call ``start`` after any fork."""

    def __init__(self, *parts: "Part") -> None:
        self._parts = parts

    def start(self) -> None:
        """Start every part."""
        for part in self._parts:
            part.start()

    def stop(self) -> None:
        """End every part and wait for it. Idempotent."""
        for part in reversed(self._parts):
            part.stop()


class Part(Protocol):
    """Something with a thread of its own."""

    def start(self) -> None:
        """Start it."""

    def stop(self) -> None:
        """End it and wait for it. Idempotent."""


def create_reconciler() -> Background:
    """Return what repeats the database's truth in Redis, and tells people of their keys,
    beside the requests.

    Call it after create_site, then start it.
    """
    from django_site.keys.networks import NewsTeller
    from django_site.principals.rebuild import Reconciler

    return Background(Reconciler(), NewsTeller())
