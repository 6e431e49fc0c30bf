"""What ``manage.py check`` says when a site's settings don't fit Gatehouse;
the API only refuses everybody."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning

from django_site.contract import contract_settings
from django_site.principals.cookie_checks import check_cookies

_ENGINE = "django_site.sessions.engine"
_SESSIONS = "django_site.sessions.middleware.GatehouseSessionMiddleware"
_PRINCIPALS = "django_site.principals.middleware.PrincipalMiddleware"


def check_settings(**_kwargs: Any) -> list[CheckMessage]:
    """Return a message for every setting of Django's that leaves the API knowing nobody."""
    found: list[CheckMessage] = []
    if settings.SESSION_ENGINE != _ENGINE:
        found.append(
            Error(
                f"SESSION_ENGINE is not {_ENGINE!r}: the API reads no other sessions.",
                id="gatehouse.E001",
            )
        )
    name = contract_settings().cookie_name
    if name != settings.SESSION_COOKIE_NAME:
        hint = f"Set SESSION_COOKIE_NAME = {name!r}, or GATEHOUSE_SESSION_COOKIE_NAME."
        found.append(
            Error(
                "SESSION_COOKIE_NAME is not the name that the API looks for.",
                hint=hint,
                id="gatehouse.E002",
            )
        )
    found += check_cookies(contract_settings().api_prefix)
    return [*found, *_check_middleware(), *_check_origins()]


def _check_middleware() -> Iterator[CheckMessage]:
    for place, middleware in (
        ("in the place of Django's SessionMiddleware", _SESSIONS),
        ("at the end", _PRINCIPALS),
    ):
        if middleware not in settings.MIDDLEWARE:
            hint = f"Put it {place}; see docs/adopt.md."
            # A warning: it may be there under another name, extended by the site.
            yield CheckWarning(f"MIDDLEWARE lacks {middleware}.", hint=hint, id="gatehouse.W003")


def _check_origins() -> Iterator[CheckMessage]:
    trusted = contract_settings().csrf_trusted_origins
    if set(trusted) != set(settings.CSRF_TRUSTED_ORIGINS):
        hint = "Give GATEHOUSE_CSRF_TRUSTED_ORIGINS the same list, and CSRF_TRUSTED_ORIGINS too."
        message = "CSRF_TRUSTED_ORIGINS is not the list that the API has."
        yield CheckWarning(message, hint=hint, id="gatehouse.W004")


def check_user_model(**_kwargs: Any) -> list[CheckMessage]:
    """Return a message for everything that the site's user model lacks and the API can't do
    without."""
    model = get_user_model()
    lacking = [
        name for name in ("get_session_auth_hash", "get_username") if not hasattr(model, name)
    ]
    if not lacking:
        return []
    hint = "Extend django.contrib.auth.base_user.AbstractBaseUser."
    said = (
        f"{model._meta.label} (AUTH_USER_MODEL) lacks {' and '.join(lacking)}: the API refuses "
        "everybody."
    )
    return [Error(said, hint=hint, id="gatehouse.E005")]
