"""One list of trusted origins for both sides: ours says what Django says."""

from typing import Any

import pytest
from django.http import HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.test import RequestFactory, override_settings

from shared.http.origins import TrustedOrigins

PATTERNS = [
    "https://app.example.org",
    "https://*.example.net",
    "http://*.dev.example:8080",
    "https://host.example:8443",
]
ORIGINS = [
    "https://app.example.org",
    "http://app.example.org",
    "https://app.example.org:443",
    "https://x.app.example.org",
    "https://example.net",
    "https://a.b.example.net",
    "http://a.example.net",
    "https://a.example.net:8443",
    "https://evilexample.net",
    "https://example.net.evil.example",
    "https://evil.example/.example.net",
    "https://evil.example?.example.net",
    "https://evil.example#.example.net",
    "http://dev.example:8080",
    "http://x.dev.example:8080",
    "http://x.dev.example",
    "https://host.example:8443",
    "https://host.example",
    "https://",
    "null",
    "",
    "https://[",
    "://.example.net",
]


@pytest.mark.parametrize("origin", ORIGINS)
def test_origin_is_trusted_as_django_trusts_it(origin: str) -> None:
    """Exact ones, those below a domain, ports, and what only looks like one."""
    request: Any = RequestFactory().post("/", headers={"origin": origin}, SERVER_NAME="localhost")
    with override_settings(CSRF_TRUSTED_ORIGINS=PATTERNS, ALLOWED_HOSTS=["localhost"]):
        django: Any = CsrfViewMiddleware(lambda _request: HttpResponse())
        expected = django._origin_verified(request)
    assert TrustedOrigins(PATTERNS).accepts(origin) == expected


def test_no_pattern_trusts_nobody() -> None:
    """The default."""
    assert not any(TrustedOrigins(()).accepts(origin) for origin in ORIGINS)
