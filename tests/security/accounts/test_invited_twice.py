"""An invitation makes no second account with an address that has one."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.accounts.accounts_site import is_logged_in
from tests.security.accounts.test_log_in_limits import settings_with_quick_hashes
from tests.security.accounts.test_sign_up import SIGN_UP, form, host, invited, new_client, site_that

if TYPE_CHECKING:
    from django.test import Client

__all__ = ["host", "settings_with_quick_hashes", "site_that"]


@pytest.fixture(autouse=True)
def _quick_hashes(site: None, settings_with_quick_hashes: None) -> None:
    """Passwords are hashed quickly here: none is guessed."""


def make_account(new_person: Any, email: str, *, is_verified: bool, is_own: bool = True) -> Any:
    """Create an account that has this address: its own, or one that was only added."""
    from allauth.account.models import EmailAddress

    person = new_person()
    EmailAddress.objects.filter(user=person).update(verified=False)
    if is_own:
        EmailAddress.objects.filter(user=person).delete()
        person.email = email
        person.save()
    EmailAddress.objects.create(
        user=person, email=email.lower(), verified=is_verified, primary=is_own
    )
    return person


def accounts_of(email: str) -> int:
    """Count the people with this address."""
    from django_site.accounts.models import User

    return User.objects.filter(email__iexact=email).count()


@pytest.mark.parametrize("is_verified", [True, False])
@pytest.mark.parametrize("when", ["before the link is opened", "before the form is sent"])
def test_invited_address_that_has_an_account_gets_no_second_one(
    host: "Client", site_that: Callable[[str], None], new_person: Any, is_verified: bool, when: str
) -> None:
    """In any letter case, proved or not, whenever the account was made:
    the person is told to log in."""
    site_that("invited")
    email, link = invited(host)
    client = new_client()
    if when == "before the form is sent":
        assert client.get(link)["Location"] == SIGN_UP
    make_account(new_person, email.upper(), is_verified=is_verified)
    answer = (
        client.get(link) if when == "before the link is opened" else client.post(SIGN_UP, form())
    )
    assert answer["Location"] == "/accounts/login/"
    assert "There is an account with the address" in client.get("/accounts/login/").content.decode()
    client.post(SIGN_UP, form())
    assert not is_logged_in(client)
    assert accounts_of(email) == 1
    assert (
        "has an account"
        in host.post("/admin/accounts/invitation/add/", {"email": email.title()}).content.decode()
    )


def test_address_that_a_stranger_only_typed_in_keeps_nobody_out(
    host: "Client", site_that: Callable[[str], None], new_person: Any
) -> None:
    """It stands, unproved, beside another account's own: who was invited proves it by the link."""
    site_that("invited")
    email, link = invited(host)
    make_account(new_person, email, is_verified=False, is_own=False)
    client = new_client()
    client.get(link)
    assert client.post(SIGN_UP, form()).status_code == 302
    assert is_logged_in(client)
    assert accounts_of(email) == 1
