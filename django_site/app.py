"""The site as a WSGI application. wsgi.py mounts it; nothing here knows the API."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed.wsgi import WSGIApplication

    from django_site.publishing.background import BackgroundWork


def create_site() -> "WSGIApplication":
    """Return the site's WSGI application. Raises ConfigurationError for a wrong setting.
    Call once per process."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_site.settings")
    from django.core.wsgi import get_wsgi_application

    return get_wsgi_application()


def database_problems() -> "Iterator[str]":
    """Yield a sentence for what keeps the database from being used. Call it after create_site."""
    from django_site.publishing.database_check import database_problems as found

    return found()


def create_reconciler() -> "BackgroundWork":
    """Return what repeats the database's truth in Redis, and tells people of their keys,
    beside the requests.

    Call it after create_site, then start it.
    """
    from django_site.publishing.background import create_background

    return create_background()
