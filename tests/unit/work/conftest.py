"""Parts of pages without a site: their words are English."""

import django
import pytest


@pytest.fixture(scope="session", autouse=True)
def _apps() -> None:
    """Set Django up: words are looked for in the catalogues of its apps. It opens no connection."""
    django.setup()
