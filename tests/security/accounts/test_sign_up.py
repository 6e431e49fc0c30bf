"""Signing up: it tells nobody whose address is known, and it is for whom the site says."""

import re
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.accounts.accounts_site import is_logged_in, link_in, mails_to

if TYPE_CHECKING:
    from django.test import Client

    from django_site.accounts.models import User

SIGN_UP = "/accounts/signup/"
INVITE = "/admin/accounts/invitation/add/"
PASSWORD = "correct horse battery 9"


def new_client() -> "Client":
    """A browser that nobody is logged in with."""
    from django.test import Client

    return Client(SERVER_NAME="localhost")


def form(email: str = "") -> dict[str, str]:
    """A filled-in sign-up form."""
    name = f"new-{uuid.uuid4().hex[:12]}"
    return {
        "username": name,
        "email": email or f"{name}@example.org",
        "password1": PASSWORD,
        "password2": PASSWORD,
    }


def seen_by_a_stranger(filled: dict[str, str]) -> tuple[Any, ...]:
    """All that who signs up can see, but for what they typed themselves."""
    client = new_client()
    answer = client.post(SIGN_UP, filled)
    cookies = sorted(client.cookies)
    pages = [
        client.get(path).content.decode()
        for path in (answer.headers.get("Location", "/"), "/", "/accounts/email/")
    ]
    for word in (filled["email"], filled["username"]):
        pages = [page.replace(word, "TYPED") for page in pages]
    tokens = re.compile(r'(csrfmiddlewaretoken" value=")\w+')
    return (
        answer.status_code,
        answer.headers.get("Location"),
        cookies,
        [tokens.sub(r"\1", page) for page in pages],
    )


@pytest.fixture
def site_that() -> Iterator[Callable[[str], None]]:
    """Let the site be open, invited or closed for the rest of the test."""
    from django.conf import settings
    from django.test import override_settings

    changes: list[Any] = []

    def choose(mode: str) -> None:
        changes.append(override_settings(SITE=settings.SITE.model_copy(update={"signup": mode})))
        changes[-1].enable()

    yield choose
    for change in reversed(changes):
        change.disable()


@pytest.mark.parametrize("mode", ["none", "optional", "mandatory"])
@pytest.mark.parametrize("is_verified", [True, False])
def test_known_address_gets_the_answer_of_an_unknown_one_and_its_owner_a_mail(
    person: "User", mode: str, is_verified: bool
) -> None:
    """Status, place, cookies and pages are the same;
    what was known is in the owner's mailbox only."""
    from allauth.account.models import EmailAddress
    from django.test import override_settings

    EmailAddress.objects.filter(user=person).update(verified=is_verified)
    with override_settings(ACCOUNT_EMAIL_VERIFICATION=mode):
        known, unknown = form(person.email), form()
        assert seen_by_a_stranger(known) == seen_by_a_stranger(unknown)
        assert (len(mails_to(person.email)), len(mails_to(unknown["email"]))) == (1, 1)
    subject = str(mails_to(person.email)[0]["Subject"])
    assert ("Somebody used your e-mail address" in subject) == (is_verified or mode != "optional")


def test_sign_up_with_a_known_address_hashes_a_password_all_the_same(person: "User") -> None:
    """Hashing is what takes the time: without it the clock would tell."""
    from django.contrib.auth.hashers import PBKDF2PasswordHasher
    from django.test import override_settings

    hashed: list[str] = []

    class Counting(PBKDF2PasswordHasher):
        iterations = 1

        def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
            hashed.append(password)
            return str(super().encode(password, salt, iterations))

    globals()["Counting"] = Counting
    counts = []
    with override_settings(
        ACCOUNT_EMAIL_VERIFICATION="mandatory", PASSWORD_HASHERS=[f"{__name__}.Counting"]
    ):
        for filled in (form(person.email), form()):
            hashed.clear()
            new_client().post(SIGN_UP, filled)
            counts.append(len(hashed))
    assert counts[0] == counts[1] > 0


def test_second_account_with_a_proved_address_takes_nothing_from_its_owner(person: "User") -> None:
    """It can't verify the address, gets no reset link,
    and the owner logs in with the address as before."""
    from allauth.account.models import EmailAddress

    from tests.integration.conftest import PASSWORD as OWN_PASSWORD

    filled = form(person.email)
    new_client().post(SIGN_UP, filled)
    assert EmailAddress.objects.get(email=person.email, verified=True).user_id == person.pk
    new_client().post("/accounts/password/reset/", {"email": person.email})
    [mail] = [mail for mail in mails_to(person.email) if "Password Reset" in str(mail["Subject"])]
    assert person.username in str(mail.get_payload())
    assert filled["username"] not in str(mail.get_payload())
    owner = new_client()
    owner.post("/accounts/login/", {"login": person.email, "password": OWN_PASSWORD})
    assert f"Hello, <bdi>{person.username}</bdi>" in owner.get("/").content.decode()


def test_adding_a_known_address_looks_like_adding_an_unknown_one(
    logged_in: "Client", new_person: Any
) -> None:
    """The form of further addresses asks the same question; its owner is told."""
    from tests.integration.conftest import PASSWORD as OWN_PASSWORD

    other, answers = new_person(), []
    logged_in.post("/accounts/reauthenticate/", {"password": OWN_PASSWORD})
    for email in (other.email, form()["email"]):
        answer = logged_in.post("/accounts/email/", {"action_add": "", "email": email})
        page = logged_in.get("/accounts/email/").content.decode()
        answers.append(
            (answer.status_code, answer["Location"], f"Confirmation email sent to {email}" in page)
        )
    assert answers[0] == answers[1]
    assert "Somebody used your e-mail address" in str(mails_to(other.email)[0]["Subject"])


def test_closed_site_makes_no_account_and_offers_none(
    site: None, site_that: Callable[[str], None]
) -> None:
    """Neither by the page nor by the form, and no page points there."""
    from django_site.accounts.models import User

    site_that("closed")
    filled = form()
    answer = new_client().post(SIGN_UP, filled)
    assert "Sign-up is closed" in answer.content.decode()
    assert not User.objects.filter(username=filled["username"]).exists()
    for path in ("/", "/accounts/login/"):
        assert SIGN_UP not in new_client().get(path).content.decode()


def test_production_is_closed_unless_it_says_otherwise() -> None:
    """The default of the setting."""
    from shared.settings import SiteSettings

    secrets = {"session_secrets": ("x" * 40,), "secret_key": "y" * 60}
    modes = [
        SiteSettings(**secrets, **more).signup_mode  # type: ignore[arg-type]
        for more in ({}, {"production": True}, {"production": True, "signup": "invited"})
    ]
    assert modes == ["open", "closed", "invited"]


@pytest.fixture
def host(new_person: Any) -> "Client":
    """A browser of staff who may invite."""
    from django.contrib.auth.models import Permission

    staff = new_person(is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(content_type__model="invitation"))
    client = new_client()
    client.force_login(staff)
    return client


def invited(host: "Client") -> tuple[str, str]:
    """An address that was invited, and its link."""
    email = form()["email"]
    answer = host.post(INVITE, {"email": email})
    assert answer.status_code == 302, answer.content.decode()
    return email, link_in(mails_to(email)[-1])


def test_invitation_lets_its_address_in_once(
    host: "Client", site_that: Callable[[str], None]
) -> None:
    """Whatever address the form brings; the address counts as proved;
    a second browser with the same link is too late."""
    from allauth.account.models import EmailAddress

    site_that("invited")
    assert "Sign-up is closed" in new_client().get(SIGN_UP).content.decode()
    email, link = invited(host)
    client, second = new_client(), new_client()
    for each in (client, second):
        assert each.get(link)["Location"] == SIGN_UP
    assert email in client.get(SIGN_UP).content.decode()
    assert client.post(SIGN_UP, form("other@example.org")).status_code == 302
    assert is_logged_in(client)
    assert EmailAddress.objects.get(email=email).verified
    second.post(SIGN_UP, form())
    assert not is_logged_in(second)
    assert new_client().get(link).status_code == 410


def test_invitation_that_is_forged_withdrawn_or_old_lets_nobody_in(
    host: "Client", site_that: Callable[[str], None]
) -> None:
    """Nor does one of a site that has closed since."""
    from django.utils import timezone

    from django_site.accounts.models import Invitation

    site_that("invited")
    email, link = invited(host)
    for forged in (
        link[:-6] + "AAAAA/",
        "/accounts/invitation/1/",
        "/accounts/invitation/" + "a" * 3_000 + "/",
    ):
        assert new_client().get(forged).status_code == 410
    row = Invitation.objects.get(email=email)
    Invitation.objects.filter(pk=row.pk).update(expires_at=timezone.now())
    assert new_client().get(link).status_code == 410
    email, link = invited(host)
    client = new_client()
    client.get(link)
    site_that("closed")
    assert "Sign-up is closed" in client.get(SIGN_UP).content.decode()
    assert host.get(INVITE).status_code == 403
    site_that("invited")
    Invitation.objects.get(email=email).delete()
    assert "Sign-up is closed" in client.get(SIGN_UP).content.decode()


def test_invitations_are_for_staff_who_may_and_limited(
    host: "Client", logged_in: "Client", person: "User", site_that: Callable[[str], None]
) -> None:
    """Three mails a day to one address; none to who has an account."""
    site_that("invited")
    assert logged_in.post(INVITE, {"email": "x@example.org"}).status_code in (302, 403)
    assert mails_to("x@example.org") == []
    email = form()["email"]
    statuses = [host.post(INVITE, {"email": email}).status_code for _ in range(4)]
    assert statuses == [302, 302, 302, 200]
    assert len(mails_to(email)) == 3
    assert "has an account" in host.post(INVITE, {"email": person.email}).content.decode()
