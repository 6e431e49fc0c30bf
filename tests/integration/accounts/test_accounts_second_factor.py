"""The second factor, proving again who one is, and the admin."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from django_site.contract import session_format, session_store
from shared.contract.entries import session_entry
from tests.integration.accounts.accounts_site import (
    PASSWORD,
    browser,
    is_logged_in,
    log_in,
    new_person,
    post,
    totp_code,
)


@pytest.fixture(autouse=True)
def _no_limit_used_up(site: None) -> Iterator[None]:
    """Rate limits start afresh, for this test and for the one after it."""
    cache.clear()
    yield
    cache.clear()


def reauthenticate(client: Client) -> None:
    """Prove again who this is."""
    assert post(client, "/accounts/reauthenticate/", {"password": PASSWORD}).status_code == 302


def activate_totp(client: Client) -> str:
    """Set the authenticator app up, as a person does, and return its secret."""
    reauthenticate(client)
    page = client.get("/accounts/2fa/totp/activate/").content.decode()
    found = re.search(r'id="authenticator_secret" value="(\w+)"', page)
    assert found, page
    assert 'src="data:image/svg+xml' in page
    assert (
        post(client, "/accounts/2fa/totp/activate/", {"code": totp_code(found[1])}).status_code
        == 302
    )
    cache.clear()  # as half a minute does: the activation's code is a used one until then
    return found[1]


def data_of(client: Client) -> dict[str, Any]:
    """Return the session's data as Redis holds it."""
    entry = session_entry(client.cookies["sessionid"].value)
    value = session_store().read(lambda redis: redis.get(entry))
    return session_format().decode(entry, str(value), now=0).data


def test_log_in_with_totp_needs_the_code_and_each_code_works_once() -> None:
    """The password alone opens nothing; a code that was overheard opens nothing either."""
    person, client = new_person(), browser()
    log_in(client, person)
    secret = activate_totp(client)
    fresh = browser()
    assert log_in(fresh, person)["Location"] == "/accounts/2fa/authenticate/"
    assert not is_logged_in(fresh)
    assert post(fresh, "/accounts/2fa/authenticate/", {"code": "000000"}).status_code == 200
    code = totp_code(secret)
    assert post(fresh, "/accounts/2fa/authenticate/", {"code": code}).status_code == 302
    assert is_logged_in(fresh)
    thief = browser()
    log_in(thief, person)
    assert post(thief, "/accounts/2fa/authenticate/", {"code": code}).status_code == 200
    assert not is_logged_in(thief)


def test_recovery_code_logs_in_once() -> None:
    """Who lost the phone gets in with a code from the paper."""
    person, client = new_person(), browser()
    log_in(client, person)
    activate_totp(client)
    codes = client.get("/accounts/2fa/recovery-codes/download/").content.decode().split()
    code = next(word for word in codes if re.fullmatch(r"[0-9a-z-]{8,}", word))
    for expected in (302, 200):
        fresh = browser()
        log_in(fresh, person)
        assert post(fresh, "/accounts/2fa/authenticate/", {"code": code}).status_code == expected


def test_next_survives_the_second_factor() -> None:
    """After the code one is where one wanted to go."""
    person, client = new_person(), browser()
    log_in(client, person)
    secret = activate_totp(client)
    fresh = browser()
    post(
        fresh,
        "/accounts/login/",
        {"login": person.username, "password": PASSWORD, "next": "/api/jobs"},
    )
    assert (
        post(fresh, "/accounts/2fa/authenticate/", {"code": totp_code(secret)})["Location"]
        == "/api/jobs"
    )


def test_sensitive_step_asks_for_the_password_and_keeps_no_cookie_in_the_session() -> None:
    """django-allauth would store the interrupted request, cookie header included,
    in the session."""
    person, client = new_person(), browser()
    log_in(client, person)
    answer = post(client, "/accounts/email/", {"action_add": "", "email": "second@example.org"})
    assert answer["Location"] == "/accounts/reauthenticate/?next=%2Faccounts%2Femail%2F"
    assert client.cookies["sessionid"].value not in str(data_of(client))
    assert "send the form once more" in client.get(answer["Location"]).content.decode()
    reauthenticate(client)
    assert (
        post(client, "/accounts/email/", {"action_add": "", "email": "second@example.org"})[
            "Location"
        ]
        == "/accounts/email/"
    )


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"is_staff": True, "is_superuser": True}, 200), ({"is_staff": True}, 200), ({}, 403)],
)
def test_admin_is_open_to_staff_only(fields: dict[str, bool], status: int) -> None:
    """Others get our 403 page, with the second factor and rate limits of the one log-in page before
    it."""
    person, client = new_person(**fields), browser()
    assert client.get("/admin/")["Location"] == "/admin/login/?next=/admin/"
    assert client.get("/admin/login/?next=/admin/")["Location"].startswith("/accounts/login/?next=")
    log_in(client, person)
    assert client.get("/admin/", follow=True).status_code == status


def test_admin_shows_second_factors_without_their_secrets() -> None:
    """Staff may remove one, not read or write one."""
    person, client, staff = new_person(), browser(), browser()
    log_in(client, person)
    secret = activate_totp(client)
    log_in(staff, new_person(is_staff=True, is_superuser=True))
    listing = staff.get("/admin/mfa/authenticator/").content.decode()
    assert person.username in listing
    found = re.search(r"/admin/mfa/authenticator/\d+/change/", listing)
    assert found
    page = staff.get(found[0])
    assert page.status_code == 200
    assert secret not in page.content.decode()
    assert staff.get("/admin/mfa/authenticator/add/").status_code == 403


def test_admin_log_out_needs_a_post() -> None:
    """As on the site's own pages."""
    client = browser()
    log_in(client, new_person(is_staff=True))
    assert client.get("/admin/logout/").status_code == 405
    assert is_logged_in(client)
    assert post(client, "/admin/logout/").status_code in (200, 302)
    assert not is_logged_in(client)
