"""Making an account, proving an e-mail address, and getting back in without the password."""

import uuid
from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.test import override_settings

from tests.integration.accounts.accounts_site import (
    PASSWORD,
    browser,
    is_logged_in,
    link_in,
    log_in,
    mails_to,
    new_person,
    post,
)


@pytest.fixture(autouse=True)
def _no_limit_used_up(site: None) -> Iterator[None]:
    """Rate limits start afresh, for this test and for the one after it."""
    cache.clear()
    yield
    cache.clear()


def form(**fields: str) -> dict[str, str]:
    """Return a filled-in sign-up form with a name of its own."""
    name = f"new-{uuid.uuid4().hex[:12]}"
    return {
        "username": name,
        "email": f"{name}@example.org",
        "password1": PASSWORD,
        "password2": PASSWORD,
        **fields,
    }


def test_sign_up_logs_in_and_the_mailed_link_verifies_the_address() -> None:
    """The whole way of a new person."""
    from allauth.account.models import EmailAddress

    client, filled = browser(), form()
    assert post(client, "/accounts/signup/", filled).status_code == 302
    assert is_logged_in(client)
    assert "Unverified" in client.get("/").content.decode()
    link = link_in(mails_to(filled["email"])[-1])
    assert client.get(link).status_code == 200
    assert not EmailAddress.objects.get(email=filled["email"]).verified, (
        "a link scanner's GET must verify nothing"
    )
    assert post(client, link).status_code == 302
    assert EmailAddress.objects.get(email=filled["email"]).verified


def test_username_taken_in_another_case_is_refused() -> None:
    """Nobody becomes 'Ada' beside 'ada'."""
    person, client = new_person(), browser()
    answer = post(client, "/accounts/signup/", form(username=person.username.upper()))
    assert answer.status_code == 200
    assert "already exists" in answer.content.decode()


def test_username_that_looks_like_an_email_address_is_refused() -> None:
    """It would compete with its owner's at log-in."""
    answer = post(browser(), "/accounts/signup/", form(username="ada@example.org"))
    assert "Use letters, digits" in answer.content.decode()


@pytest.mark.parametrize("password", ["short", "password12", "1234567890123"])
def test_weak_password_is_refused(password: str) -> None:
    """Too short, too common, digits only."""
    answer = post(browser(), "/accounts/signup/", form(password1=password, password2=password))
    assert answer.status_code == 200
    assert "This password is" in answer.content.decode()


def test_password_reset_by_the_mailed_link_changes_the_password_once() -> None:
    """The mail is a file here; its link works for one reset and ends the sessions there were."""
    person, elsewhere, client = new_person(), browser(), browser()
    log_in(elsewhere, person)
    assert post(client, "/accounts/password/reset/", {"email": person.email}).status_code == 302
    link = link_in(mails_to(person.email)[-1])
    page = client.get(link, follow=True)
    where = page.redirect_chain[-1][0]
    assert link not in where, "the token must not stay in the address"
    fresh = "another horse battery 7"
    assert post(client, where, {"password1": fresh, "password2": fresh}).status_code == 302
    assert not is_logged_in(elsewhere)
    assert log_in(browser(), person, password=fresh).status_code == 302
    assert log_in(browser(), person).status_code == 200
    assert (
        "no longer valid" in (text := browser().get(link, follow=True).content.decode())
        or "invalid" in text
    )


def test_password_reset_for_an_unknown_address_answers_the_same() -> None:
    """The page does not tell whether there is an account."""
    person = new_person()
    answers = [
        post(browser(), "/accounts/password/reset/", {"email": email})
        for email in (person.email, "nobody@example.org")
    ]
    assert {(answer.status_code, answer["Location"]) for answer in answers} == {
        (302, "/accounts/password/reset/done/")
    }


def test_password_change_ends_every_other_session() -> None:
    """Who changed a stolen password gets rid of the thief."""
    person, here, elsewhere = new_person(), browser(), browser()
    log_in(here, person)
    log_in(elsewhere, person)
    fresh = "another horse battery 7"
    form_data = {"oldpassword": PASSWORD, "password1": fresh, "password2": fresh}
    assert post(here, "/accounts/password/change/", form_data).status_code == 302
    assert is_logged_in(here)
    assert not is_logged_in(elsewhere)


def test_mail_server_that_is_away_does_not_spoil_the_sign_up() -> None:
    """The account is made, and the page says that the mail was not sent."""
    client = browser()
    with override_settings(
        EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=1,
    ):
        answer = post(client, "/accounts/signup/", form())
    assert answer.status_code == 302
    assert "could not send you an e-mail" in client.get("/").content.decode()


def test_mandatory_verification_keeps_a_new_person_out_until_verified() -> None:
    """With the setting at mandatory, signing up is not being logged in,
    and a taken address is not told."""
    person, client = new_person(), browser()
    with override_settings(ACCOUNT_EMAIL_VERIFICATION="mandatory"):
        answers = [
            post(browser(), "/accounts/signup/", form(email=person.email)),
            post(client, "/accounts/signup/", form()),
        ]
    assert {answer["Location"] for answer in answers} == {"/accounts/confirm-email/"}
    assert not is_logged_in(client)
