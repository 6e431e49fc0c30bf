"""A stolen database opens no second factor, and each code works once."""

import re
import secrets
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.accounts.accounts_site import totp_code

if TYPE_CHECKING:
    from django.test import Client

    from django_site.accounts.models import User

ACTIVATE = "/accounts/2fa/totp/activate/"


@pytest.fixture
def rows(person: "User") -> list[Any]:
    """An authenticator app and recovery codes of the person, as rows."""
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
    from allauth.mfa.totp.internal.auth import TOTP

    return [
        TOTP.activate(person, "JBSWY3DPEHPK3PXP").instance,
        RecoveryCodes.activate(person).instance,
    ]


def stored(rows: list[Any]) -> list[str]:
    """What the database holds of their seeds."""
    for row in rows:
        row.refresh_from_db()
    return [rows[0].data["secret"], rows[1].data["seed"]]


def opened(rows: list[Any]) -> list[str]:
    """The seeds."""
    from django_site.second_factor.seal import unseal

    return [unseal(text) for text in stored(rows)]


def test_seeds_are_stored_encrypted_and_altered_ones_are_refused(rows: list[Any]) -> None:
    """Two of the same seed look different; a changed byte opens nothing."""
    from django_site.second_factor.seal import seal, unseal
    from shared.errors import ConfigurationError

    assert opened(rows)[0] == "JBSWY3DPEHPK3PXP"
    assert all(text.startswith("gatehouse.1:") for text in stored(rows))
    assert "JBSWY3DPEHPK3PXP" not in str(rows[0].data)
    sealed = seal("JBSWY3DPEHPK3PXP")
    assert sealed != stored(rows)[0]
    with pytest.raises(ConfigurationError, match="GATEHOUSE_SECRET_KEY_FALLBACKS"):
        unseal(sealed[:-8] + "AAAAAAA=")


def test_change_of_secret_key_keeps_second_factors_and_resealing_lets_the_old_one_go(
    rows: list[Any],
) -> None:
    """Listed as a fallback it opens; after the command it isn't needed;
    without both, nothing opens."""
    from django.conf import settings
    from django.core.management import call_command
    from django.test import override_settings

    from shared.errors import ConfigurationError

    before, old, new = opened(rows), settings.SECRET_KEY, secrets.token_urlsafe(50)
    with override_settings(SECRET_KEY=new), pytest.raises(ConfigurationError):
        opened(rows)
    with override_settings(SECRET_KEY=new, SECRET_KEY_FALLBACKS=[old]):
        assert opened(rows) == before
        call_command("reseal_second_factors", verbosity=0)
        sealed = stored(rows)
        call_command("reseal_second_factors", verbosity=0)
        assert stored(rows) == sealed, "what is current stays as it is"
    with override_settings(SECRET_KEY=new):
        assert opened(rows) == before
    with override_settings(SECRET_KEY=old, SECRET_KEY_FALLBACKS=[new]):
        call_command("reseal_second_factors", verbosity=0)
    assert opened(rows) == before


def test_seeds_of_before_work_and_are_sealed_by_the_migration(rows: list[Any]) -> None:
    """Those in clear, codes brought from another program among them;
    what was used stays used, and back again."""
    from allauth.mfa.models import Authenticator

    from django_site.second_factor.reseal import reseal, unseal_all

    seeds = opened(rows)
    rows[0].data = {"secret": seeds[0]}
    rows[1].data = {"seed": seeds[1], "used_mask": 5, "migrated_codes": ["abcd"]}
    for row in rows:
        row.save()
    assert opened(rows) == seeds
    own = Authenticator.objects.filter(pk__in=[row.pk for row in rows])
    assert reseal(own) == 2
    assert opened(rows) == seeds
    assert rows[1].data["used_mask"] == 5
    assert "abcd" not in str(rows[1].data)
    assert rows[1].wrap().get_unused_codes() == ["abcd"]
    unseal_all(own)
    assert stored(rows) == seeds
    reseal(own)


def test_code_of_activation_opens_nothing_afterwards(person: "User", logged_in: "Client") -> None:
    """Whoever looked over the shoulder can't send it;
    while the seed waits in the session it is sealed too."""
    from django.test import Client

    from tests.integration.conftest import PASSWORD

    logged_in.post("/accounts/reauthenticate/", {"password": PASSWORD})
    found = re.search(
        r'id="authenticator_secret" value="(\w+)"', logged_in.get(ACTIVATE).content.decode()
    )
    assert found
    assert found[1] not in str(dict(logged_in.session.items()))
    code = totp_code(found[1])
    assert logged_in.post(ACTIVATE, {"code": code}).status_code == 302
    thief = Client()
    thief.post("/accounts/login/", {"login": person.username, "password": PASSWORD})
    assert thief.post("/accounts/2fa/authenticate/", {"code": code}).status_code == 200
    assert "Hello," not in thief.get("/").content.decode()
