"""Whoever holds a key may end it: DELETE /account/keys/current/."""

from typing import TYPE_CHECKING, Any

import pytest

from deploy.redis.valkey import EmbeddedValkey
from shared.contract.api_keys import new_key
from tests.integration.keys.keys_site import hanging, is_refused

if TYPE_CHECKING:
    from django.test import Client

    from django_site.accounts.models import User

CURRENT = "/account/keys/current/"


@pytest.fixture
def token(person: "User") -> str:
    """A live key of ``person``."""
    from django_site.keys.issue import create_key

    return create_key(person, name="laptop", scopes=["jobs:read"], expires_in_days=1)[1]


def delete(authorization: str | None, client: "Client | None" = None) -> Any:
    """Ask with this header, cross-site check included."""
    from django.test import Client

    headers = {} if authorization is None else {"authorization": authorization}
    return (client or Client(enforce_csrf_checks=True)).delete(CURRENT, headers=headers)


def test_key_revokes_itself_and_is_refused_at_once(token: str) -> None:
    """No session and no cross-site token are needed: nothing rides on a cookie here."""
    answer = delete(f"Bearer {token}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert is_refused(token)
    again = delete(f"bearer {token}")
    assert (again.status_code, again.json()["code"]) == (401, "not_authenticated")


def test_other_keys_of_the_person_stay(token: str, person: "User") -> None:
    """Only the one that was sent ends."""
    from django_site.keys.issue import create_key

    other = create_key(person, name="other", scopes=[], expires_in_days=1)[1]
    assert delete(f"Bearer {token}").status_code == 204
    assert not is_refused(other)


@pytest.mark.parametrize(
    "scheme",
    ["", "Bearer", "Basic {}", "Bearer x{}", "Bearer {}x", "Bearer  {}", "Bearer \x00", "{}"],
)
def test_what_is_no_key_is_401(token: str, scheme: str) -> None:
    """And nothing is revoked."""
    answer = delete(scheme.format(token))
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert not is_refused(token)


def test_unknown_key_is_401(site: None) -> None:
    """Well formed is not enough."""
    assert delete(f"Bearer {new_key()}").status_code == 401


def test_session_alone_revokes_nothing(logged_in: "Client") -> None:
    """Another site could send this with the person's cookie: it has no effect."""
    assert delete(None, logged_in).status_code == 401


@pytest.mark.parametrize("method", ["get", "post", "put"])
def test_other_methods_are_refused(token: str, method: str) -> None:
    """There is nothing to read here."""
    from django.test import Client

    answer = getattr(Client(), method)(CURRENT, headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 405
    assert not is_refused(token)


def test_outage_is_503_and_asking_again_revokes(token: str, valkey: EmbeddedValkey) -> None:
    """Nobody is told that a key is dead while that is not certain."""
    with hanging(valkey):
        assert delete(f"Bearer {token}").status_code == 503
    assert delete(f"Bearer {token}").status_code == 204
    assert is_refused(token)


def test_deactivated_person_can_end_their_key(token: str, person: "User") -> None:
    """It opens nothing any more; ending it harms nobody."""
    person.is_active = False
    person.save()
    assert delete(f"Bearer {token}").status_code == 204
