"""Cookies that no browser keeps, or that never reach Flask: the log-in would seem to do nothing.

Sources: RFC 6265, 5.1.4 (path-match); the draft RFC 6265bis,
4.1.3 (name prefixes) and 5.7 (SameSite).
"""

from collections.abc import Iterator

from django.conf import settings
from django.core.checks import CheckMessage, Error

_SECURE_PREFIXES = ("__Host-", "__Secure-")


def check_cookies(api_prefix: str) -> list[CheckMessage]:
    """Return an error for each attribute of the session's and the cross-site token's cookie that
    can't work."""
    found = [*_check("SESSION"), *_check_path(api_prefix)]
    found += [] if settings.CSRF_USE_SESSIONS else _check("CSRF")
    return sorted(found, key=lambda message: str(message.id))


def _check(kind: str) -> Iterator[CheckMessage]:
    def value(attribute: str) -> str:
        return getattr(settings, f"{kind}_COOKIE_{attribute}") or ""

    name, domain = value("NAME"), value("DOMAIN")
    if name.startswith(_SECURE_PREFIXES) and not value("SECURE"):
        hint = f"Set {kind}_COOKIE_SECURE = True, and serve over HTTPS."
        yield Error(
            f"{kind}_COOKIE_SECURE is not set: no browser keeps {name} without it.",
            hint=hint,
            id="gatehouse.E004",
        )
    if name.startswith("__Host-") and domain:
        hint = f"Leave out {kind}_COOKIE_DOMAIN, or choose a name without the prefix __Host-."
        yield Error(
            f"{kind}_COOKIE_DOMAIN is set: no browser keeps {name} with a Domain.",
            hint=hint,
            id="gatehouse.E005",
        )
    if name.startswith("__Host-") and value("PATH") != "/":
        hint = f"Leave out {kind}_COOKIE_PATH, or choose a name without the prefix __Host-."
        yield Error(
            f"{kind}_COOKIE_PATH is not '/': no browser keeps {name} with another.",
            hint=hint,
            id="gatehouse.E006",
        )
    if value("SAMESITE").lower() == "none" and not value("SECURE"):
        hint = f"Set {kind}_COOKIE_SECURE = True, or SameSite to 'Lax'."
        yield Error(
            f"{kind}_COOKIE_SAMESITE is 'None' without Secure: no browser keeps it.",
            hint=hint,
            id="gatehouse.E008",
        )
    if domain and any(mark in domain for mark in ":/ "):
        hint = "Give the bare domain, such as example.org."
        yield Error(
            f"{kind}_COOKIE_DOMAIN has more than a host name: no browser keeps it.",
            hint=hint,
            id="gatehouse.E009",
        )


def _check_path(api_prefix: str) -> Iterator[CheckMessage]:
    path = settings.SESSION_COOKIE_PATH or "/"
    if not f"{api_prefix}/".startswith(path if path.endswith("/") else f"{path}/"):
        hint = f"Leave out SESSION_COOKIE_PATH, or choose one that {api_prefix} is under."
        message = (
            f"SESSION_COOKIE_PATH is {path!r}: browsers don't send it to {api_prefix}, where Flask "
            "is."
        )
        yield Error(message, hint=hint, id="gatehouse.E007")
