"""What staff sees and does with keys in the admin."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from shared.contract.entries import key_used_entry
from tests.integration.keys.keys_site import is_refused

if TYPE_CHECKING:
    from django.test import Client

    from django_site.accounts.models import User

LIST = "/admin/gatehouse_keys/apikey/"


@pytest.fixture
def staff(browser: "Client", new_person: "Callable[..., User]") -> "Client":
    """A superuser's client."""
    browser.force_login(new_person(is_staff=True, is_superuser=True))
    return browser


def make(person: "User", name: str = "nightly") -> Any:
    """A key and its token."""
    from django_site.keys.issue import create_key

    return create_key(person, name=name, scopes=["jobs:read"], expires_in_days=1)


def test_admin_lists_keys_with_their_last_use_and_no_hash(staff: "Client", person: "User") -> None:
    """Found by the person's name too."""
    from django_site.contract import session_store

    key, token = make(person)
    at = int(time.time()) - 86_400
    session_store().write(lambda client: client.set(key_used_entry(str(key.pk)), at))
    for path in (LIST, f"{LIST}?q={person.username}", f"{LIST}{key.pk}/change/"):
        answer = staff.get(path)
        assert answer.status_code == 200
        page = answer.content.decode()
        assert "nightly" in page
        assert key.token_digest not in page
        assert token not in page
    assert (
        time.strftime("%Y", time.gmtime(at))
        in staff.get(f"{LIST}?q={person.username}").content.decode()
    )


def test_admin_makes_and_changes_no_key(staff: "Client", person: "User") -> None:
    """Read-only, superusers too."""
    key, _ = make(person)
    assert staff.get(f"{LIST}add/").status_code == 403
    assert staff.post(f"{LIST}{key.pk}/change/", {"name": "mine"}).status_code == 403
    key.refresh_from_db()
    assert key.name == "nightly"


def test_admin_revokes_the_chosen_keys_at_once(staff: "Client", person: "User") -> None:
    """And no others."""
    first, second = make(person), make(person)
    staff.post(LIST, {"action": "revoke", "_selected_action": [first[0].pk]})
    assert is_refused(first[1])
    assert not is_refused(second[1])


@pytest.mark.parametrize(
    ("permissions", "revokes"), [(["view_apikey"], False), (["view_apikey", "revoke_apikey"], True)]
)
def test_revoking_needs_its_own_permission(
    browser: "Client", new_person: "Callable[..., User]", permissions: list[str], revokes: bool
) -> None:
    """Who may look may not yet revoke."""
    from django.contrib.auth.models import Permission

    helper = new_person(is_staff=True)
    helper.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    browser.force_login(helper)
    key, token = make(new_person())
    browser.post(LIST, {"action": "revoke", "_selected_action": [key.pk]})
    assert is_refused(token) == revokes


def test_deleting_a_person_in_the_admin_ends_their_keys(staff: "Client", person: "User") -> None:
    """The confirmation page isn't blocked by the keys."""
    _, token = make(person)
    answer = staff.post(f"/admin/accounts/user/{person.pk}/delete/", {"post": "yes"})
    assert answer.status_code == 302, answer.content.decode()
    assert is_refused(token)
