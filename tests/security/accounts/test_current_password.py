"""A wrong current password is logged and counted like a failed log-in:
who has somebody's open browser guesses no faster."""

import logging
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.conftest import PASSWORD
from tests.security.accounts.test_log_in_limits import settings_with_quick_hashes

if TYPE_CHECKING:
    from django.test import Client

    from django_site.accounts.models import User

__all__ = ["settings_with_quick_hashes"]

GUESS = "hunter2-not-in-any-log"
NEW = "another horse battery 7"
TOO_MANY = "Too many failed login attempts"


@pytest.fixture(autouse=True)
def _quick_hashes(site: None, settings_with_quick_hashes: None) -> None:
    """Passwords are hashed quickly here: many are tried."""


def change_password(client: "Client", current: str) -> Any:
    """Send the form that changes the password."""
    return client.post(
        "/accounts/password/change/", {"oldpassword": current, "password1": NEW, "password2": NEW}
    )


def confirm(client: "Client", current: str) -> Any:
    """Send the form that asks before something is changed, an e-mail address for example."""
    return client.post("/accounts/reauthenticate/", {"password": current})


def test_wrong_current_password_is_in_the_security_log(
    logged_in: "Client", person: "User", caplog: pytest.LogCaptureFixture
) -> None:
    """With address, person and reason, and nothing of what was typed."""
    with caplog.at_level(logging.INFO, logger="gatehouse.security"):
        change_password(logged_in, GUESS)
        confirm(logged_in, GUESS)
    lines: list[Any] = [record for record in caplog.records if record.name == "gatehouse.security"]
    assert [(line.message, line.reason, line.user_id, line.address) for line in lines] == [
        ("current password refused", "wrong_password", str(person.pk), "127.0.0.1"),
        ("current password refused", "wrong_password", str(person.pk), "127.0.0.1"),
    ]
    assert GUESS not in str([vars(line) for line in lines])


def test_current_passwords_are_counted_together_on_every_page(
    logged_in: "Client", person: "User", caplog: pytest.LogCaptureFixture
) -> None:
    """Five wrong ones on whatever pages, and then the right one is refused too;
    the password is what it was."""
    for number in range(5):  # by turns
        answer = (change_password if number % 2 else confirm)(logged_in, GUESS)
        assert TOO_MANY not in answer.content.decode()
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="gatehouse.security"):
        for ask in (change_password, confirm):
            assert TOO_MANY in ask(logged_in, PASSWORD).content.decode()
    assert {
        getattr(record, "reason", "")
        for record in caplog.records
        if record.name == "gatehouse.security"
    } == {"too_many_attempts"}
    person.refresh_from_db()
    assert person.check_password(PASSWORD)


def test_right_current_password_uses_nothing_up(logged_in: "Client", person: "User") -> None:
    """However often it is asked for."""
    for _ in range(6):
        assert confirm(logged_in, PASSWORD).status_code == 302
    assert change_password(logged_in, PASSWORD).status_code == 302
    person.refresh_from_db()
    assert person.check_password(NEW)
