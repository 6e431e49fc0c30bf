"""Keys: only for who has proved their address,
and nobody has one without their person being told."""

import logging
import threading
from typing import TYPE_CHECKING, Any

import pytest
from django.core.mail.backends.base import BaseEmailBackend
from flask import Flask

from shared.contract.entries import KEY_NEWS_ENTRY
from tests.integration.accounts.accounts_site import mails_to
from tests.integration.keys.keys_site import keys_of

if TYPE_CHECKING:
    from django.test import Client

    from django_site.accounts.models import User
    from django_site.keys.models import ApiKey

PAGE = "/account/keys/"
FIELDS = {"name": "nightly", "scopes": ["jobs:read"], "expires_in_days": "30"}


@pytest.fixture
def unproved(person: "User") -> "User":
    """The person, before they have verified their address."""
    person.emailaddress_set.update(verified=False)  # type: ignore[attr-defined]
    return person


def subjects(person: "User") -> list[str]:
    """The subjects of the mails that the person got, oldest first."""
    return [str(mail["Subject"]) for mail in mails_to(person.email)]


@pytest.mark.parametrize(
    ("mode", "may"), [("none", True), ("optional", False), ("mandatory", False)]
)
def test_key_needs_a_verified_address_where_the_site_verifies(
    unproved: "User", browser: "Client", mode: str, may: bool
) -> None:
    """By the page and by JSON; the page says where to verify."""
    from django.test import override_settings

    with override_settings(ACCOUNT_EMAIL_VERIFICATION=mode):
        browser.force_login(unproved)
        page = browser.post(PAGE, FIELDS)
        wanted = {"name": "from the command line"}
        answer = browser.post(PAGE, wanted, content_type="application/json")
        assert (answer.status_code, page.status_code) == ((201, 200) if may else (403, 422))
        assert len(keys_of(unproved)) == (2 if may else 0)
        if not may:
            assert answer.json()["code"] == "email_unverified"
            assert answer.json()["detail"].endswith("/accounts/email/")
            assert 'href="/accounts/email/"' in browser.get(PAGE).content.decode()


def test_second_address_that_is_verified_gives_no_key(unproved: "User") -> None:
    """Who signed up with somebody else's address can't do it by proving one of their own beside
    it."""
    from allauth.account.models import EmailAddress
    from django.core.exceptions import ValidationError

    from django_site.keys.issue import create_key

    EmailAddress.objects.create(user=unproved, email=f"own-{unproved.email}", verified=True)
    with pytest.raises(ValidationError, match="Verify your e-mail address"):
        create_key(unproved, name="x", scopes=[], expires_in_days=1)


def test_person_is_told_of_a_key_made_and_revoked(
    logged_in: "Client", person: "User", caplog: pytest.LogCaptureFixture
) -> None:
    """A mail and a line in the security log for each, with the address it came from;
    the key is in neither."""
    with caplog.at_level(logging.INFO, logger="gatehouse.security"):
        logged_in.post(PAGE, FIELDS)
        [key] = keys_of(person)
        logged_in.post(f"{PAGE}{key.pk}/revoke/")
    assert subjects(person) == [
        "[Gatehouse] An API key was made",
        "[Gatehouse] An API key was revoked",
    ]
    text = "".join(str(mail.get_payload()) for mail in mails_to(person.email))
    assert "nightly" in text
    assert "127.0.0.1" in text
    assert "gh_" not in text
    lines: list[Any] = [
        record for record in caplog.records if record.message in ("key created", "key revoked")
    ]
    assert [(line.message, line.key_id, line.address) for line in lines] == [
        ("key created", key.pk, "127.0.0.1"),
        ("key revoked", key.pk, "127.0.0.1"),
    ]


def test_keys_revoked_together_are_one_mail(logged_in: "Client", person: "User") -> None:
    """Fifty mails would hide what happened."""
    for _ in range(3):
        logged_in.post(PAGE, FIELDS)
    logged_in.post(f"{PAGE}revoke-all/")
    assert subjects(person)[3:] == ["[Gatehouse] API keys were revoked"]


def test_mail_server_that_is_away_keeps_nobody_from_revoking(
    logged_in: "Client", person: "User"
) -> None:
    """The key is dead all the same."""
    from django.test import override_settings

    logged_in.post(PAGE, FIELDS)
    [key] = keys_of(person)
    with override_settings(
        EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=1,
    ):
        assert logged_in.post(f"{PAGE}{key.pk}/revoke/").status_code == 302
    assert keys_of(person)[0].revoked_at is not None


def test_use_from_a_new_network_is_told_once(
    app: Flask, person: "User", caplog: pytest.LogCaptureFixture
) -> None:
    """Neighbours are no news; a second network within ten minutes is in the log only."""
    from django_site.keys.networks import tell_news

    key, token = made_from(person, "198.51.100.7")
    tell_news()
    caplog.clear()  # what tests before this one had left to tell
    for address in (
        "198.51.100.200",
        "203.0.113.9",
        "203.0.113.10",
        "2001:db8:5::1",
        "203.0.113.9",
    ):
        use(app, token, address)
    with caplog.at_level(logging.WARNING, logger="gatehouse.security"):
        assert tell_news() == 2
        assert tell_news() == 0
    lines: list[Any] = [
        record for record in caplog.records if record.message == "key used from a new network"
    ]
    assert {(line.key_id, line.network) for line in lines} == {
        (key.pk, "203.0.113.0/24"),
        (key.pk, "2001:db8:5::/48"),
    }
    assert subjects(person) == [
        "[Gatehouse] An API key was made",
        "[Gatehouse] An API key was used from a new network",
    ]


def test_forwarded_address_is_believed_from_a_trusted_proxy_only(
    app: Flask, person: "User"
) -> None:
    """Without one, a thief can't look like a neighbour of the owner."""
    from django_site.keys.networks import tell_news

    _, token = made_from(person, "198.51.100.7")
    tell_news()
    use(app, token, "203.0.113.9", forwarded="198.51.100.7")
    assert tell_news() == 1


def test_news_from_outside_is_no_error(site: None) -> None:
    """What is no news of ours, or of a key that is gone, is dropped."""
    from django_site.contract import session_store
    from django_site.keys.networks import tell_news

    news = {"nonsense": 1, "999999999 203.0.113.0/24": 2, " ": 3, "1": 4}
    session_store().write(lambda client: client.zadd(KEY_NEWS_ENTRY, news))
    assert tell_news() == len(news)


class BrokenMail(BaseEmailBackend):
    """A mail server's backend with an error that nobody foresaw."""

    def send_messages(self, email_messages: Any) -> int:
        """Fail."""
        raise RuntimeError(f"a bug, with {len(email_messages)}")


def test_news_that_could_not_be_told_are_told_later(app: Flask, person: "User") -> None:
    """An error, or a stop in between, loses the mail about no stolen key."""
    from django.test import override_settings

    from django_site.keys.networks import tell_news

    _, token = made_from(person, "198.51.100.7")
    tell_news()
    use(app, token, "203.0.113.9")
    with override_settings(EMAIL_BACKEND=f"{__name__}.BrokenMail"), pytest.raises(RuntimeError):
        tell_news()
    stopping = threading.Event()
    stopping.set()
    assert tell_news(stopping) == 0
    assert tell_news() == 1
    assert subjects(person)[-1] == "[Gatehouse] An API key was used from a new network"


def made_from(person: "User", address: str) -> "tuple[ApiKey, str]":
    """A key that was made from this address."""
    from allauth.core import context
    from django.test import RequestFactory

    from django_site.keys.issue import create_key

    with context.request_context(RequestFactory().get("/", REMOTE_ADDR=address)):
        return create_key(person, name="nightly", scopes=["jobs:read"], expires_in_days=1)


def use(app: Flask, token: str, address: str, *, forwarded: str | None = None) -> None:
    """Ask the API who this is, from an address."""
    headers = {"Authorization": f"Bearer {token}"} | (
        {"X-Forwarded-For": forwarded} if forwarded else {}
    )
    with app.test_client() as client:
        answer = client.get("/me", headers=headers, environ_base={"REMOTE_ADDR": address})
        assert answer.status_code == 200, answer.text
        answer.close()
