"""What ends with a password: nobody who was in the account keeps a door,
and a mailbox alone opens none."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.accounts.accounts_site import is_logged_in, link_in, mails_to, totp_code
from tests.integration.conftest import PASSWORD
from tests.integration.keys.keys_site import is_refused

if TYPE_CHECKING:
    from django.test import Client

    from django_site.accounts.models import User

NEW_PASSWORD = "another horse battery 7"
RESET = "/accounts/password/reset/"
CHANGE = "/accounts/password/change/"
SECOND_FACTOR = "/accounts/2fa/authenticate/"


def new_client() -> "Client":
    """A browser that nobody is logged in with; the site is named as in a mail's links."""
    from django.test import Client

    return Client(SERVER_NAME="localhost")


def make_key(person: "User") -> str:
    """A key of the person's."""
    from django_site.keys.issue import create_key

    return create_key(person, name="nightly", scopes=["jobs:read"], expires_in_days=1)[1]


def reset_mails(email: str) -> list[Any]:
    """Mails with a reset link to this address."""
    return [mail for mail in mails_to(email) if "Password Reset E-mail" in str(mail["Subject"])]


def ask_for_reset(email: str) -> str | None:
    """Ask for a reset; return the link's path, None when no link came."""
    before = len(reset_mails(email))
    assert (
        new_client().post(RESET, {"email": email})["Location"] == "/accounts/password/reset/done/"
    )
    mails = reset_mails(email)
    return link_in(mails[-1]) if len(mails) > before else None


def follow(link: str) -> Any:
    """Set NEW_PASSWORD by the link, in a fresh browser; return the answer to the form."""
    client = new_client()
    where = client.get(link).headers.get("Location", link)
    return client.post(where, {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})


def give_second_factor(person: "User") -> tuple[str, list[str]]:
    """An authenticator app's secret and recovery codes for the person."""
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

    secret = generate_totp_secret()
    TOTP.activate(person, secret)
    return secret, RecoveryCodes.activate(person).get_unused_codes()


def begin_log_in(person: "User", password: str) -> "Client":
    """A browser that has sent the password, and is asked for the second factor."""
    client = new_client()
    answer = client.post("/accounts/login/", {"login": person.username, "password": password})
    assert answer["Location"] == SECOND_FACTOR
    return client


def test_reset_by_mail_ends_every_key_and_session(person: "User", logged_in: "Client") -> None:
    """Whoever had the password, or signed up first with the address, is out."""
    from django_site.sessions.index import sessions_of

    token = make_key(person)
    link = ask_for_reset(person.email)
    assert link is not None
    assert follow(link).status_code == 302
    assert is_refused(token)
    assert not is_logged_in(logged_in)
    assert sessions_of(str(person.pk)) == []
    person.refresh_from_db()
    assert person.check_password(NEW_PASSWORD)
    assert "invalid" in new_client().get(link, follow=True).content.decode(), "a link works once"


def test_first_proof_of_an_address_takes_the_whole_account(person: "User") -> None:
    """Signed up with somebody else's address, with a second one beside it:
    its owner's reset leaves no way back."""
    from allauth.account.models import EmailAddress

    EmailAddress.objects.filter(user=person).update(verified=False)
    EmailAddress.objects.create(user=person, email=f"thief-{person.email}", verified=False)
    link = ask_for_reset(person.email)
    assert link is not None
    assert follow(link).status_code == 302
    left = EmailAddress.objects.filter(user=person)
    assert list(left.values_list("email", "verified", "primary")) == [(person.email, True, True)]
    assert ask_for_reset(f"thief-{person.email}") is None


@pytest.mark.parametrize("own_is_verified", [True, False])
def test_second_address_that_was_only_typed_in_takes_nothing(
    person: "User", own_is_verified: bool
) -> None:
    """Its owner may be a stranger: neither when the account has a proved address,
    nor when it has none."""
    from allauth.account.models import EmailAddress

    EmailAddress.objects.filter(user=person).update(verified=own_is_verified)
    EmailAddress.objects.create(user=person, email=f"typo-{person.email}", verified=False)
    assert ask_for_reset(f"typo-{person.email}") is None
    assert ask_for_reset(person.email) is not None


def test_link_of_another_account_or_address_changes_nothing(
    new_person: "Callable[..., User]",
) -> None:
    """The token is bound to the person and to the address that it went to."""
    from allauth.account.models import EmailAddress

    first, second = new_person(), new_person()
    other = EmailAddress.objects.create(user=first, email=f"other-{first.email}", verified=True)
    link = ask_for_reset(first.email)
    assert link is not None
    own = EmailAddress.objects.get(user=second)
    head, _, _ = link.rstrip("/").rpartition("-")
    for pk in (other.pk, own.pk, 10**12, 0):
        from django.utils.http import int_to_base36

        assert (
            "invalid"
            in new_client().get(f"{head}-{int_to_base36(pk)}/", follow=True).content.decode()
        )
    for token in ("x", "-", "x-", "-x", "9" * 50, "a" * 5_000):
        assert new_client().get(f"/accounts/password/reset/key/1-{token}/").status_code == 200


def test_mailbox_alone_does_not_pass_the_second_factor(person: "User") -> None:
    """The reset sets a password; the owner's authenticator app is asked for all the same."""
    secret, codes = give_second_factor(person)
    link = ask_for_reset(person.email)
    assert link is not None
    follow(link)
    client = begin_log_in(person, NEW_PASSWORD)
    assert not is_logged_in(client)
    assert client.post(SECOND_FACTOR, {"code": totp_code(secret)}).status_code == 302
    assert is_logged_in(client)
    late = begin_log_in(person, NEW_PASSWORD)
    assert late.post(SECOND_FACTOR, {"code": codes[1]}).status_code == 200, (
        "codes that were copied before the reset are void"
    )


def test_recovery_codes_of_before_are_good_for_one_log_in(person: "User") -> None:
    """Who lost phone and password gets in with the paper; then there are new codes."""
    from allauth.mfa.models import Authenticator

    _, codes = give_second_factor(person)
    link = ask_for_reset(person.email)
    assert link is not None
    follow(link)
    client = begin_log_in(person, NEW_PASSWORD)
    assert client.post(SECOND_FACTOR, {"code": codes[0]}).status_code == 302
    assert "recovery codes from before" in client.get("/").content.decode()
    fresh = Authenticator.objects.get(user=person, type="recovery_codes").wrap().get_unused_codes()
    assert not set(fresh) & set(codes)


def test_half_finished_log_in_ends_with_the_password(person: "User") -> None:
    """A thief who has sent the password and is asked for the second factor can't send it after the
    reset."""
    secret, _ = give_second_factor(person)
    thief = begin_log_in(person, PASSWORD)
    person.set_password(NEW_PASSWORD)
    person.save()
    answer = thief.post(SECOND_FACTOR, {"code": totp_code(secret)})
    assert answer["Location"] == "/accounts/login/"
    assert not is_logged_in(thief)


def test_second_factor_needs_a_proved_address(person: "User", logged_in: "Client") -> None:
    """So nobody plants one in an account with somebody else's address, and locks its owner out."""
    from allauth.account.models import EmailAddress
    from allauth.mfa.models import Authenticator

    EmailAddress.objects.filter(user=person).update(verified=False)
    answer = logged_in.get("/accounts/2fa/totp/activate/", follow=True)
    assert answer.redirect_chain[-1][0] == "/accounts/2fa/"
    assert not Authenticator.objects.filter(user=person).exists()
