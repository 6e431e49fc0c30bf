"""``manage.py check`` finds settings of Django's that don't fit Gatehouse."""

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("changed", "ids"),
    [
        ({}, []),
        ({"SESSION_ENGINE": "django.contrib.sessions.backends.db"}, ["gatehouse.E001"]),
        ({"SESSION_COOKIE_NAME": "mysite"}, ["gatehouse.E002"]),
        ({"MIDDLEWARE": ["django.contrib.sessions.middleware.SessionMiddleware"]}, ["gatehouse.W003", "gatehouse.W003"]),
    ],
)
@pytest.mark.usefixtures("site")
def test_setting_that_leaves_the_api_knowing_nobody_is_named(changed: dict[str, Any], ids: list[str]) -> None:
    """An owner who missed a step of docs/adopt.md is told by the command they run anyway."""
    from django.core.checks import run_checks
    from django.test import override_settings

    with override_settings(**changed):
        found = [message for message in run_checks() if str(message.id).startswith("gatehouse.")]
    assert [message.id for message in found] == ids
    assert all(any(name in message.msg for name in changed) for message in found)
