"""``manage.py check`` finds settings of Django's that don't fit Gatehouse."""

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("changed", "ids"),
    [
        ({}, []),
        ({"SESSION_ENGINE": "django.contrib.sessions.backends.db"}, ["gatehouse.E001"]),
        ({"SESSION_COOKIE_NAME": "mysite"}, ["gatehouse.E002"]),
        ({"CSRF_TRUSTED_ORIGINS": ["https://app.example.org"]}, ["gatehouse.W004"]),
        (
            {"MIDDLEWARE": ["django.contrib.sessions.middleware.SessionMiddleware"]},
            ["gatehouse.W003", "gatehouse.W003"],
        ),
    ],
)
@pytest.mark.usefixtures("site")
def test_setting_that_leaves_the_api_knowing_nobody_is_named(
    changed: dict[str, Any], ids: list[str]
) -> None:
    """An owner who missed a step of docs/adopt.md is told by the command they run anyway."""
    from django.core.checks import run_checks
    from django.test import override_settings

    with override_settings(**changed):
        found = [message for message in run_checks() if str(message.id).startswith("gatehouse.")]
    assert [message.id for message in found] == ids
    assert all(any(name in message.msg for name in changed) for message in found)


@pytest.mark.parametrize(
    ("changed", "ids"),
    [
        ({"SESSION_COOKIE_SECURE": True}, []),
        ({}, ["gatehouse.E004"]),
        (
            {"SESSION_COOKIE_SECURE": True, "SESSION_COOKIE_DOMAIN": "example.org"},
            ["gatehouse.E005"],
        ),
        ({"SESSION_COOKIE_SECURE": True, "SESSION_COOKIE_PATH": "/api"}, ["gatehouse.E006"]),
        (
            {"SESSION_COOKIE_DOMAIN": "example.org", "SESSION_COOKIE_PATH": "/shop"},
            ["gatehouse.E004", "gatehouse.E005", "gatehouse.E006", "gatehouse.E007"],
        ),
    ],
)
@pytest.mark.usefixtures("site")
def test_host_cookie_that_no_browser_keeps_is_an_error_for_each_attribute(
    changed: dict[str, Any], ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A browser drops a __Host- cookie without Secure, with a Domain,
    or with another Path than /."""
    from django_site import contract

    production = contract.contract_settings().model_copy(
        update={"session_cookie_name": "__Host-sessionid"}
    )
    monkeypatch.setattr("django_site.principals.checks.contract_settings", lambda: production)
    assert cookie_ids({"SESSION_COOKIE_NAME": "__Host-sessionid", **changed}) == ids


@pytest.mark.parametrize(
    ("changed", "ids"),
    [
        ({"SESSION_COOKIE_PATH": "/api"}, []),
        ({"SESSION_COOKIE_PATH": "/api/"}, []),
        ({"SESSION_COOKIE_PATH": "/api/jobs"}, ["gatehouse.E007"]),
        ({"SESSION_COOKIE_PATH": "/ap"}, ["gatehouse.E007"]),
        ({"SESSION_COOKIE_PATH": "/shop"}, ["gatehouse.E007"]),
        ({"SESSION_COOKIE_PATH": ""}, []),
        ({"SESSION_COOKIE_SAMESITE": "None"}, ["gatehouse.E008"]),
        ({"SESSION_COOKIE_SAMESITE": "None", "SESSION_COOKIE_SECURE": True}, []),
        ({"SESSION_COOKIE_DOMAIN": "https://example.org"}, ["gatehouse.E009"]),
        ({"SESSION_COOKIE_DOMAIN": "example.org:8000"}, ["gatehouse.E009"]),
        ({"SESSION_COOKIE_DOMAIN": ".example.org"}, []),
        ({"CSRF_COOKIE_NAME": "__Host-csrftoken"}, ["gatehouse.E004"]),
        ({"CSRF_COOKIE_NAME": "__Secure-csrftoken"}, ["gatehouse.E004"]),
    ],
)
@pytest.mark.usefixtures("site")
def test_cookie_that_flask_never_sees_or_no_browser_keeps_is_an_error(
    changed: dict[str, Any], ids: list[str]
) -> None:
    """Each attribute that makes the log-in impossible is named before anyone tries to log in."""
    assert cookie_ids(changed) == ids


def cookie_ids(changed: dict[str, Any]) -> list[str]:
    """The ids of what the check says about cookies under these settings;
    each message names its setting."""
    from django.test import override_settings

    from django_site.principals.checks import check_settings

    with override_settings(**changed):
        found = check_settings()
    assert all("_COOKIE_" in message.msg for message in found)
    return [str(message.id) for message in found]
