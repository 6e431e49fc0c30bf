"""Whoever brings a correct password and a browser that is known gets in,
whatever others did where they are."""

from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.conftest import PASSWORD
from tests.security.accounts.test_log_in_limits import (
    LOG_IN,
    TOO_MANY,
    browser_at,
    settings_with_quick_hashes,
    try_password,
)

if TYPE_CHECKING:
    from django.test import Client

    from django_site.accounts.models import User

__all__ = ["settings_with_quick_hashes"]

ADDRESS = "203.0.113.5"


@pytest.fixture(autouse=True)
def _quick_hashes(site: None, settings_with_quick_hashes: None) -> None:
    """Passwords are hashed quickly here: dozens of them are tried."""


@pytest.fixture
def owner(person: "User") -> "Client":
    """A browser that the person has logged in with."""
    client = browser_at(ADDRESS)
    assert try_password(client, person.username, PASSWORD).status_code == 302
    client.post("/accounts/logout/")
    return client


def test_known_device_gets_in_though_its_address_is_used_up(
    person: "User", owner: "Client", new_person: Any
) -> None:
    """By wrong passwords for many accounts and by forms sent to the page:
    another browser there is refused, this one is not."""
    other = new_person()
    for number in range(10):
        try_password(browser_at(ADDRESS), f"nobody-{number}", "wrong")
    assert (
        TOO_MANY in try_password(browser_at(ADDRESS), other.username, PASSWORD).content.decode()
    ), "the address is used up"
    assert try_password(owner, person.email.upper(), PASSWORD).status_code == 302
    owner.post("/accounts/logout/")
    assert [browser_at(ADDRESS).post(LOG_IN, {}).status_code for _ in range(31)][-1] == 429
    assert try_password(owner, person.username, PASSWORD).status_code == 302
    owner.post("/accounts/logout/")
    assert try_password(owner, other.username, PASSWORD).status_code == 429, (
        "known to one account, not to another"
    )


def test_known_device_guesses_no_faster(person: "User", owner: "Client") -> None:
    """Its own limits hold: for wrong passwords, and for forms sent to the page."""
    for _ in range(5):
        assert TOO_MANY not in try_password(owner, person.username, "wrong").content.decode()
    assert TOO_MANY in try_password(owner, person.username, PASSWORD).content.decode()
    assert [try_password(owner, person.username, "wrong").status_code for _ in range(31)][-1] == 429


def test_account_that_is_locked_uses_nothing_up_of_its_address(
    person: "User", new_person: Any
) -> None:
    """Somebody who tries the same account over and over keeps nobody else there out for longer than
    their five tries do."""
    for _ in range(12):
        try_password(browser_at(ADDRESS), person.username, "wrong")
    assert try_password(browser_at(ADDRESS), new_person().username, PASSWORD).status_code == 302
