"""Guessing passwords: a stranger is stopped, the owner is not, and the operator reads who tried."""

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.conftest import PASSWORD

if TYPE_CHECKING:
    from django.test import Client

    from django_site.accounts.models import User

LOG_IN = "/accounts/login/"
TOO_MANY = "Too many failed login attempts"


@pytest.fixture(autouse=True)
def _quick_hashes(site: None, settings_with_quick_hashes: None) -> None:
    """Passwords are hashed quickly here: dozens of them are tried."""


@pytest.fixture
def settings_with_quick_hashes() -> Any:
    """Django's quick hasher, for tests."""
    from django.test import override_settings

    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


def browser_at(address: str) -> "Client":
    """A fresh browser at an address."""
    from django.test import Client

    return Client(REMOTE_ADDR=address)


def try_password(client: "Client", login: str, password: str) -> Any:
    """Send the log-in form."""
    return client.post(LOG_IN, {"login": login, "password": password})


def lock_out(login: str, address: str) -> None:
    """Try wrong passwords until no more are taken."""
    for _ in range(5):
        assert TOO_MANY not in try_password(browser_at(address), login, "wrong").content.decode()
    assert TOO_MANY in try_password(browser_at(address), login, "wrong").content.decode()


def test_stranger_locks_their_own_network_only(person: "User") -> None:
    """By name or address in any case, from any neighbour;
    the owner elsewhere gets in, even with a browser that is new."""
    lock_out(person.username, "203.0.113.5")
    for login in (person.username.upper(), person.email):
        neighbour = browser_at("203.0.113.77")
        assert TOO_MANY in try_password(neighbour, login, PASSWORD).content.decode()
    assert try_password(browser_at("198.51.100.7"), person.username, PASSWORD).status_code == 302


def test_known_device_gets_in_from_the_strangers_network(person: "User") -> None:
    """The cookie of an earlier log-in has its own count;
    with another password than the person's it is worth nothing."""
    owner = browser_at("203.0.113.8")
    assert try_password(owner, person.username, PASSWORD).status_code == 302
    owner.post("/accounts/logout/")
    lock_out(person.username, "203.0.113.5")
    assert try_password(owner, person.username, PASSWORD).status_code == 302
    owner.post("/accounts/logout/")
    for _ in range(5):
        try_password(owner, person.username, "wrong")
    assert TOO_MANY in try_password(owner, person.username, PASSWORD).content.decode(), (
        "a stolen device guesses no faster"
    )


def test_ipv4_client_of_a_socket_for_both_kinds_is_itself(person: "User", new_person: Any) -> None:
    """As ``::ffff:...`` all IPv4 clients would share one limit per address;
    and it is the same client without."""
    for number in range(10):
        try_password(browser_at("::ffff:203.0.113.5"), f"nobody-{number}", "wrong")
    assert (
        try_password(browser_at("::ffff:198.51.100.7"), person.username, PASSWORD).status_code
        == 302
    )
    assert (
        TOO_MANY
        in try_password(browser_at("203.0.113.5"), new_person().username, PASSWORD).content.decode()
    )


def test_device_cookie_of_others_or_of_a_former_password_is_worth_nothing(
    person: "User", new_person: Any
) -> None:
    """Forged, of another person, or from before a new password."""
    other, thief = new_person(), browser_at("203.0.113.8")
    assert try_password(thief, other.username, PASSWORD).status_code == 302
    thief.post("/accounts/logout/")
    former = browser_at("203.0.113.9")
    assert try_password(former, person.username, PASSWORD).status_code == 302
    former.post("/accounts/logout/")
    person.set_password("another horse battery 7")
    person.save()
    lock_out(person.username, "203.0.113.5")
    forged = browser_at("203.0.113.10")
    for value in ("x", "a:b:c", "." * 3_000, former.cookies["gatehouse_device"].value[:-2] + "AA"):
        forged.cookies["gatehouse_device"] = value
        assert (
            TOO_MANY
            in try_password(forged, person.username, "another horse battery 7").content.decode()
        )
    for client in (thief, former):
        assert (
            TOO_MANY
            in try_password(client, person.username, "another horse battery 7").content.decode()
        )


def test_many_networks_together_are_stopped_too(person: "User") -> None:
    """Fifty wrong ones in an hour for one account; who has logged in before still gets in."""
    owner = browser_at("192.0.2.1")
    try_password(owner, person.username, PASSWORD)
    owner.post("/accounts/logout/")
    for number in range(50):
        assert (
            TOO_MANY
            not in try_password(
                browser_at(f"10.9.{number}.1"), person.username, "wrong"
            ).content.decode()
        )
    assert (
        TOO_MANY in try_password(browser_at("10.9.99.1"), person.username, "wrong").content.decode()
    )
    assert try_password(owner, person.username, PASSWORD).status_code == 302


def test_one_customer_of_ipv6_is_one_address(site: None) -> None:
    """With another address of a /48 for each of many accounts, nobody guesses more than with one;
    nor do mapped ones."""
    for number in range(10):
        one, other = browser_at(f"2001:db8:7:{number:x}::1"), browser_at(f"::ffff:10.8.{number}.1")
        assert TOO_MANY not in try_password(one, f"nobody-{number}", "wrong").content.decode()
        assert TOO_MANY not in try_password(other, f"none-{number}", "wrong").content.decode()
    assert (
        TOO_MANY
        in try_password(browser_at("2001:db8:7:ffff::1"), "somebody-else", "wrong").content.decode()
    )
    assert (
        TOO_MANY
        not in try_password(browser_at("2001:db8:8::1"), "somebody-else", "wrong").content.decode()
    )
    assert (
        TOO_MANY
        not in try_password(browser_at("::ffff:10.8.99.1"), "one-more", "wrong").content.decode()
    )


def test_account_that_is_not_there_is_locked_like_one_that_is(site: None) -> None:
    """The limit tells nobody which names exist."""
    lock_out("nobody-of-this-name", "203.0.113.5")
    lock_out("nobody@example.org", "198.51.100.5")


def test_names_of_nobody_do_not_mean_an_account_without_an_address(
    new_person: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """An operator's account often has none: no stranger's guesses at other names count against it."""
    operator = new_person()
    operator.emailaddress_set.all().delete()
    type(operator).objects.filter(pk=operator.pk).update(email="")
    with caplog.at_level(logging.INFO, logger="gatehouse.security"):
        for number in range(6):
            try_password(browser_at("203.0.113.5"), f"nobody-{number}", "wrong")
    reasons = {getattr(line, "reason", "") for line in caplog.records}
    assert reasons == {"unknown_name"}
    assert try_password(browser_at("203.0.113.5"), operator.username, PASSWORD).status_code == 302


def test_failures_are_in_the_security_log_without_what_was_typed(
    person: "User", caplog: pytest.LogCaptureFixture
) -> None:
    """With reason and address; a name that isn't there may be a password in the wrong field,
    or a forged line."""
    typed = "hunter2\nevent='logged in' user_id='1'"
    with caplog.at_level(logging.INFO, logger="gatehouse.security"):
        try_password(browser_at("203.0.113.5"), typed, "secret-password")
        try_password(browser_at("203.0.113.5"), person.username, "secret-password")
        client = browser_at("203.0.113.6")
        try_password(client, person.username, PASSWORD)
        client.post("/accounts/logout/")
    lines: list[Any] = [record for record in caplog.records if record.name == "gatehouse.security"]
    assert [(line.message, getattr(line, "reason", ""), line.address) for line in lines] == [
        ("log-in failed", "unknown_name", "203.0.113.5"),
        ("log-in failed", "wrong_password", "203.0.113.5"),
        ("logged in", "", "203.0.113.6"),
        ("logged out", "", "203.0.113.6"),
    ]
    assert lines[1].user_id == str(person.pk)
    everything = str([vars(line) for line in lines])
    assert "hunter2" not in everything
    assert "secret-password" not in everything


def test_limits_and_second_factors_are_in_the_security_log(
    person: "User", caplog: pytest.LogCaptureFixture
) -> None:
    """A log-in refused for its number, a page refused with 429, a wrong code."""
    from allauth.mfa.totp.internal.auth import TOTP

    TOTP.activate(person, "JBSWY3DPEHPK3PXP")
    with caplog.at_level(logging.INFO, logger="gatehouse.security"):
        client = browser_at("198.51.100.9")
        try_password(client, person.username, PASSWORD)
        client.post("/accounts/2fa/authenticate/", {"code": "000000"})
        lock_out(person.username, "203.0.113.5")
        flood = browser_at("203.0.114.5")
        assert [flood.post(LOG_IN, {}).status_code for _ in range(31)][-1] == 429
    lines: list[Any] = [record for record in caplog.records if record.name == "gatehouse.security"]
    found = {
        (line.message, getattr(line, "reason", None) or getattr(line, "page", "")) for line in lines
    }
    assert ("second factor refused", "") in found
    assert ("log-in refused", "too_many_attempts") in found
    assert ("rate limit reached", "account_login") in found


def test_attempts_at_once_are_counted_exactly_and_given_back(site: None) -> None:
    """Of forty together a limit of five lets five through;
    a refused one uses up no other limit, a right password none."""
    from django.test import RequestFactory

    from django_site.accounts.attempts import count_attempt, forget_attempts

    request = RequestFactory().post(LOG_IN)
    narrow, wide = ("login_failed", "one account"), ("login_failed_account", "one account")

    def attempts(number: int) -> list[Any]:
        with ThreadPoolExecutor(8) as pool:
            found = pool.map(lambda _: count_attempt(request, [narrow, wide]), range(number))
            return [attempt for attempt in found if attempt is not None]

    counted = attempts(40)
    assert len(counted) == 5
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda attempt: attempt.rollback(), counted[:3]))
    assert len(attempts(40)) == 3
    assert [count_attempt(request, [wide]) is not None for _ in range(46)] == [True] * 45 + [False]
    forget_attempts(request, [narrow, wide])
    assert len(attempts(6)) == 5


def test_counts_are_those_that_django_allauth_reads(site: None) -> None:
    """Both count in the same entries: another version of the service,
    or a page of django-allauth's, goes on from there."""
    from allauth.core.internal import ratelimit
    from django.test import RequestFactory

    from django_site.accounts.attempts import count_attempt

    request, limit = RequestFactory().post(LOG_IN), ("login_failed", "somebody")
    theirs = {"request": request, "app": "allauth.account", "action": limit[0], "key": limit[1]}
    for _ in range(2):
        assert ratelimit.consume(**theirs) is not None
        assert count_attempt(request, [limit]) is not None
    ours = count_attempt(request, [limit])
    assert ours is not None
    assert (count_attempt(request, [limit]), ratelimit.consume(**theirs)) == (None, None)
    ours.rollback()
    assert ratelimit.consume(**theirs) is not None
