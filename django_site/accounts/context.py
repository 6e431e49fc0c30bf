"""What every page's template may use beside Django's own."""

from django.conf import settings
from django.http import HttpRequest


def site(_request: HttpRequest) -> dict[str, str]:
    """Return ``api_prefix``: where the API is mounted."""
    return {"api_prefix": settings.SITE.api_prefix}
