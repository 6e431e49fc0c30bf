"""``manage.py whois``: who a credential is, or the guard that refuses it."""

import io
from typing import TYPE_CHECKING

import pytest
from django.core.management import CommandError, call_command

if TYPE_CHECKING:
    from django.test import Client

    from django_site.accounts.models import User


def _whois(credential: str) -> str:
    output = io.StringIO()
    call_command("whois", credential, stdout=output)
    return output.getvalue()


def test_valid_session_says_who_it_is(logged_in: "Client", person: "User") -> None:
    """Name, id, e-mail, and how the session came to be."""
    said = _whois(logged_in.cookies["sessionid"].value)
    assert f"{person.username} (id {person.pk}), {person.email}" in said
    assert "by session" in said
    assert "(0.0 hours ago)" in said


def test_standard_input_keeps_the_credential_out_of_the_history(
    logged_in: "Client", person: "User", monkeypatch: pytest.MonkeyPatch
) -> None:
    """``whois -`` reads one line."""
    monkeypatch.setattr("sys.stdin", io.StringIO(logged_in.cookies["sessionid"].value + "\n"))
    assert person.username in _whois("-")


def test_deactivated_person_is_named_as_the_reason(logged_in: "Client", person: "User") -> None:
    """The operator is told what the client is not."""
    person.is_active = False
    person.save()
    with pytest.raises(CommandError, match="refused: principal_inactive"):
        _whois(logged_in.cookies["sessionid"].value)


@pytest.mark.parametrize(
    ("credential", "reason"),
    [
        ("x", "session_key_malformed"),
        ("a" * 32, "session_absent"),
        ("gh_short", "key_malformed"),
    ],
)
@pytest.mark.usefixtures("site")
def test_unusable_credential_names_the_guard(credential: str, reason: str) -> None:
    """Each guard has its own word."""
    with pytest.raises(CommandError, match=f"refused: {reason}"):
        _whois(credential)
