"""What a log-in costs in Redis: everybody who guesses makes the server do as much."""

from typing import TYPE_CHECKING

import redis

from shared.contract.entries import principal_entry, session_entry
from tests.followed import Trail
from tests.integration.conftest import PASSWORD

if TYPE_CHECKING:
    from django.test import Client

    from django_site.accounts.models import User

LOG_IN = "/accounts/login/"


def _commands_of_a_log_in(browser: "Client", person: "User", admin: redis.Redis) -> list[str]:
    """Log in, and return what was sent to Redis meanwhile:
    not what scripts did, nor what asks for the server's role."""
    with admin.monitor() as monitor:  # type: ignore[no-untyped-call]
        assert (
            browser.post(LOG_IN, {"login": person.username, "password": PASSWORD}).status_code
            == 302
        )
        admin.ping()
        sent: list[str] = []
        for command in monitor.listen():
            if command["command"].startswith("PING"):
                return sent
            name = command["command"].partition(" ")[0]
            if command["client_type"] != "lua" and name not in (
                "WAIT",
                "HELLO",
                "CLIENT",
                "SCRIPT",
            ):
                sent.append(command["command"])
    return sent


def _warm_up(browser: "Client", person: "User") -> None:
    """From here on this process has its pages, and Redis the scripts."""
    browser.post(LOG_IN, {"login": person.username, "password": PASSWORD})
    browser.post("/accounts/logout/")
    browser.cookies.clear()


def test_log_in_publishes_once_saves_once_and_counts_in_three_steps(
    browser: "Client", person: "User", admin: redis.Redis
) -> None:
    """The page's limit, the limits of wrong passwords, the same given back;
    a version, the principal; the session, which renews the principal."""
    _warm_up(browser, person)
    sent = _commands_of_a_log_in(browser, person, admin)
    assert len(sent) == 6, sent
    assert sum(principal_entry(str(person.pk)) in command for command in sent) == 2
    assert (
        sum(session_entry(browser.cookies["sessionid"].value) in command for command in sent) == 1
    )


def test_log_in_can_be_followed_through_the_files(browser: "Client", person: "User") -> None:
    """Whoever reads what happens turns to another file at most 120 times."""
    _warm_up(browser, person)
    trail = Trail("django_site", "shared")
    with trail.note():
        answer = browser.post(LOG_IN, {"login": person.username, "password": PASSWORD})
    assert answer.status_code == 302
    assert trail.moves <= 120
