"""The site wherever it is mounted: what stands before its paths, and its static files.

Django's ``reverse`` heeds SCRIPT_NAME by itself. Static files and the API's addresses don't.
"""

from urllib.parse import quote

from django.contrib.staticfiles.storage import StaticFilesStorage
from django.urls import get_script_prefix

from shared.http.mount import SAFE


def mount() -> str:
    """Return what stands before the paths of the request that this thread answers;
    "" at the root."""
    return quote(get_script_prefix().rstrip("/"), safe=SAFE)


class MountedStaticFilesStorage(StaticFilesStorage):
    """Django's, whose addresses begin with the mount: STATIC_URL is read once, for all requests."""

    def url(self, name: str | None) -> str:
        """Return the address of a static file."""
        return f"{mount()}{super().url(name)}"
