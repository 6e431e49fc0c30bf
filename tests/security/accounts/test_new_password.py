"""A new password, whoever sets it: what was made with the old one ends,
also what is being made in that moment."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.accounts.accounts_site import is_logged_in, mails_to
from tests.integration.conftest import PASSWORD
from tests.integration.keys.keys_site import is_refused, keys_of, total
from tests.quick_hasher import QuickPasswordHasher
from tests.security.accounts.test_account_recovery import (
    CHANGE,
    NEW_PASSWORD,
    ask_for_reset,
    follow,
    make_key,
    new_client,
)

if TYPE_CHECKING:
    from django.test import Client

    from django_site.accounts.models import User


class OldHasher(QuickPasswordHasher):
    """The hasher of years ago: a log-in makes the hash anew."""

    iterations = 500


def _reset(person: "User") -> None:
    link = ask_for_reset(person.email)
    assert link is not None
    assert follow(link).status_code == 302


def _change(person: "User") -> None:
    client = new_client()
    client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    form = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    assert client.post(CHANGE, form).status_code == 302
    assert "not confirmed yet are removed" in client.get("/").content.decode()


def test_owner_is_told_in_their_language_that_addresses_were_removed(person: "User") -> None:
    """What was only typed in goes with the old password."""
    from allauth.account.models import EmailAddress

    EmailAddress.objects.create(user=person, email=f"typed-{person.email}", verified=False)
    client = new_client()
    client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    form = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    german = {"accept-language": "de"}
    assert client.post(CHANGE, form, headers=german).status_code == 302
    page = client.get("/", headers=german).content.decode()
    assert "Noch nicht bestätigte E-Mail-Adressen wurden entfernt" in page


@pytest.mark.parametrize("renew_password", [_reset, _change])
def test_link_that_proves_a_thiefs_address_ends_with_the_password(
    person: "User", renew_password: "Callable[[User], None]"
) -> None:
    """Typed in while the thief had the password, confirmed when the owner has a new one:
    it would take the account back."""
    from allauth.account.models import EmailAddress, EmailConfirmationHMAC

    address = EmailAddress.objects.create(
        user=person, email=f"thief-{person.email}", verified=False
    )
    proof = f"/accounts/confirm-email/{EmailConfirmationHMAC(address).key}/"
    renew_password(person)
    assert new_client().post(proof).status_code == 404
    assert ask_for_reset(f"thief-{person.email}") is None
    assert list(EmailAddress.objects.filter(user=person).values_list("email", flat=True)) == [
        person.email
    ]


def test_key_is_not_made_by_a_request_of_before_the_new_password(person: "User") -> None:
    """The request was let in by the old password, and paused:
    neither before nor after the row is written does it get one."""
    from django.core.exceptions import ValidationError
    from django.db.models.signals import pre_save

    paused = type(person).objects.get(pk=person.pk)
    tokens = []
    # After ours: the keys are revoked, and the new password is not yet there.
    pre_save.connect(
        last_moment := lambda **_: tokens.append(make_key(paused)), sender=type(person)
    )
    try:
        _set_password(person)
    finally:
        pre_save.disconnect(last_moment, sender=type(person))
    assert is_refused(tokens[0])
    with pytest.raises(ValidationError, match="changed meanwhile"):
        make_key(paused)
    assert [key.revoked_at is None for key in keys_of(person)] == [False]


def _set_password(person: "User") -> None:
    person.set_password(NEW_PASSWORD)
    person.save()


def test_link_ends_when_its_address_may_no_longer_take_the_account_back(person: "User") -> None:
    """It went to the account's own address while none was proved;
    another one is proved before it is followed."""
    from allauth.account.models import EmailAddress

    addresses = EmailAddress.objects.filter(user=person)
    addresses.update(verified=False)
    other = EmailAddress.objects.create(user=person, email=f"other-{person.email}", verified=False)
    link = ask_for_reset(person.email)
    assert link is not None
    addresses.filter(pk=other.pk).update(verified=True)
    assert "invalid" in new_client().get(link, follow=True).content.decode()


def test_owner_is_told_of_an_address_that_was_added_and_confirmed(person: "User") -> None:
    """It takes the account back, so nobody adds one in silence."""
    from allauth.account.models import EmailAddress, EmailConfirmationHMAC

    added = EmailAddress.objects.create(user=person, email=f"added-{person.email}", verified=False)
    assert (
        new_client()
        .post(f"/accounts/confirm-email/{EmailConfirmationHMAC(added).key}/")
        .status_code
        == 302
    )
    (mail,) = [
        mail
        for mail in mails_to(person.email)
        if "was added to your account" in str(mail["Subject"])
    ]
    assert added.email in str(mail.get_payload())


@pytest.mark.parametrize(("choice", "refused"), [({}, True), ({"keep_keys": "on"}, False)])
def test_password_change_asks_what_happens_to_the_keys(
    person: "User", logged_in: "Client", choice: dict[str, str], refused: bool
) -> None:
    """Revoked unless the person says otherwise; the page asks only who has keys."""
    assert "keep_keys" not in logged_in.get(CHANGE).content.decode()
    token = make_key(person)
    assert "Keep my API key working" in logged_in.get(CHANGE).content.decode()
    form = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD, **choice}
    assert logged_in.post(CHANGE, form).status_code == 302
    assert is_logged_in(logged_in)
    assert is_refused(token) == refused


def test_new_password_by_staff_or_a_script_revokes_the_keys(
    new_person: "Callable[..., User]",
) -> None:
    """Whoever sets it, by whatever way Django has; a saved name or a renewed hash doesn't."""
    from django.contrib.auth.hashers import make_password
    from django.test import override_settings

    from django_site.keys.passwords import outdated

    def renamed(person: "User") -> None:
        person.first_name = "Ada"
        person.save()

    def hashed_anew(person: "User") -> None:
        assert type(person).objects.get(pk=person.pk).check_password(PASSWORD)
        person.refresh_from_db()
        assert "$1000$" in person.password, "the log-in has renewed the hash"

    def assigned(person: "User") -> None:
        person.password = make_password(NEW_PASSWORD)
        person.save(update_fields=["password"])

    def found_and_assigned(person: "User") -> None:
        assigned(type(person).objects.get(pk=person.pk))

    def set_and_assigned(person: "User") -> None:
        person.set_password(PASSWORD)
        person.save()
        make_key(person)
        assigned(person)

    def set_anew(person: "User") -> None:
        person.set_password(NEW_PASSWORD)
        person.save()

    def taken_away(person: "User") -> None:
        person.set_unusable_password()
        person.save()

    for change, refused in (
        (renamed, False),
        (hashed_anew, False),
        (set_anew, True),
        (taken_away, True),
        (assigned, True),
        (found_and_assigned, True),
        (set_and_assigned, True),
    ):
        person = new_person()
        with override_settings(PASSWORD_HASHERS=[f"{__name__}.OldHasher"]):
            type(person).objects.filter(pk=person.pk).update(password=make_password(PASSWORD))
        person.refresh_from_db()
        token = make_key(person)
        change(person)
        assert [key.revoked_at is not None for key in keys_of(person)] == [refused] * len(
            keys_of(person)
        ), change.__name__
        assert is_refused(token) == refused, change.__name__
        total(outdated.reconcile())
        assert is_refused(token) == refused, f"{change.__name__}, reconciled"


def test_new_password_without_a_signal_ends_the_keys_when_it_is_found(
    new_person: "Callable[..., User]",
) -> None:
    """A bulk update and a restored row; a log-in that renews the hash in between saves no key.
    One that is from before keys knew their password goes with the first."""
    from django.contrib.auth.hashers import make_password
    from django.test import override_settings

    from django_site.keys.models import ApiKey
    from django_site.keys.passwords import outdated
    from django_site.publishing.rebuild import rebuild

    updated, renewed, old, other = (new_person() for _ in range(4))
    tokens = {person.pk: make_key(person) for person in (updated, renewed, old, other)}
    ApiKey.objects.of(old).update(password_stamp="")
    total(outdated.reconcile())
    assert not any(map(is_refused, tokens.values()))
    people = type(updated).objects
    people.filter(pk__in=[updated.pk, old.pk]).update(password=make_password(NEW_PASSWORD))
    with override_settings(PASSWORD_HASHERS=[f"{__name__}.OldHasher"]):
        people.filter(pk=renewed.pk).update(password=make_password(NEW_PASSWORD))
    assert people.get(pk=renewed.pk).check_password(NEW_PASSWORD)
    assert total(outdated.reconcile()).pruned == 3
    assert {pk for pk, token in tokens.items() if is_refused(token)} == {
        updated.pk,
        renewed.pk,
        old.pk,
    }
    assert "were revoked" in str(mails_to(old.email)[-1]) or "was revoked" in str(
        mails_to(old.email)[-1]
    )
    people.filter(pk=other.pk).update(password=make_password(NEW_PASSWORD))
    rebuild()
    assert is_refused(tokens[other.pk])


def test_redis_away_leaves_password_and_keys_as_they_were(person: "User", valkey: Any) -> None:
    """There is never a new password beside a live key of before,
    nor a row that says what is not so."""
    from shared.errors import SessionStoreUnavailable
    from tests.integration.keys.keys_site import hanging

    make_key(person)
    person.set_password(NEW_PASSWORD)
    with hanging(valkey), pytest.raises(SessionStoreUnavailable):
        person.save()
    person.refresh_from_db()
    assert person.check_password(PASSWORD)
    assert keys_of(person)[0].revoked_at is None
