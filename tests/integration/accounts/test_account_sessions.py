"""/account/sessions/: where a person is logged in."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from shared.contract.entries import session_entry
from tests.integration.conftest import log_in

if TYPE_CHECKING:
    from django.test import Client

    from django_site.accounts.models import User

PAGE = "/account/sessions/"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/18.5 Safari/604.1"
)


def device(person: "User", user_agent: str = SAFARI, address: str = "203.0.113.7") -> "Client":
    """Another browser that the person is logged in with and looked at a page."""
    from django.test import Client

    client = Client(REMOTE_ADDR=address, headers={"user-agent": user_agent})
    log_in(client, person)
    client.get("/")
    return client


def is_logged_in(client: "Client") -> bool:
    """Tell whether the home page knows who this is."""
    return "Hello," in client.get("/").content.decode()


def entry_of(client: "Client") -> str:
    """The name of this client's session entry."""
    return session_entry(client.cookies["sessionid"].value)


def test_page_names_each_device_address_and_this_one(person: "User") -> None:
    """Even in the first page after the log-in; session keys are nowhere."""
    other, own = device(person), device(person, FIREFOX, "192.0.2.1")
    page = own.get(PAGE).content.decode()
    for text in ("Firefox on Linux", "192.0.2.1", "This device", "Safari on iPhone", "203.0.113.7"):
        assert text in page, text
    assert page.count('name="entry"') == 1
    assert entry_of(other) in page
    for client in (own, other):
        assert client.cookies["sessionid"].value not in page


def test_ended_session_is_logged_out_on_its_next_request(
    person: "User", logged_in: "Client"
) -> None:
    """The others stay."""
    stays, ends = device(person), device(person)
    assert logged_in.post(PAGE, {"entry": entry_of(ends)})["Location"] == PAGE
    assert [is_logged_in(client) for client in (logged_in, stays, ends)] == [True, True, False]
    answer = logged_in.post(PAGE, {"entry": entry_of(ends)}, follow=True)
    assert "had ended already" in answer.content.decode()


def test_end_all_others_keeps_this_one(
    person: "User", logged_in: "Client", new_person: "Callable[..., User]"
) -> None:
    """And everyone else's."""
    stranger = device(new_person())
    mine = [device(person) for _ in range(3)]
    answer = logged_in.post(PAGE, {"others": "1"}, follow=True)
    assert "Sessions ended: 3." in answer.content.decode()
    assert "logged in nowhere else" in answer.content.decode()
    assert not any(is_logged_in(client) for client in mine)
    assert is_logged_in(logged_in)
    assert is_logged_in(stranger)


def test_ending_this_session_logs_out(logged_in: "Client") -> None:
    """Its own entry in the form is the log-out."""
    answer = logged_in.post(PAGE, {"entry": entry_of(logged_in)})
    assert answer["Location"] == "/accounts/login/"
    assert not is_logged_in(logged_in)


def test_strangers_session_can_not_be_ended(
    logged_in: "Client", new_person: "Callable[..., User]"
) -> None:
    """Not even with the name of its entry."""
    stranger = device(new_person())
    logged_in.post(PAGE, {"entry": entry_of(stranger)})
    assert is_logged_in(stranger)
    assert entry_of(stranger) not in logged_in.get(PAGE).content.decode()


@pytest.mark.parametrize("entry", ["", "gatehouse:principal:1", "*", "a\x00b", "x" * 100_000])
def test_nonsense_ends_nothing(logged_in: "Client", person: "User", entry: str) -> None:
    """Only names on the person's own list count."""
    other = device(person)
    assert logged_in.post(PAGE, {"entry": entry}).status_code == 302
    assert is_logged_in(other)


def test_hostile_user_agent_stays_text(person: "User", logged_in: "Client") -> None:
    """It is the visitor's own words."""
    device(person, '"><script>alert(1)</script>')
    page = logged_in.get(PAGE).content.decode()
    assert page.count("<script") == 1  # our own
    assert "&lt;script&gt;" in page


def test_who_is_not_logged_in_is_sent_to_log_in(browser: "Client") -> None:
    """And comes back."""
    for answer in (browser.get(PAGE), browser.post(PAGE)):
        assert answer["Location"] == f"/accounts/login/?next={PAGE}"


def test_form_without_cross_site_token_is_refused(person: "User") -> None:
    """Another site can't log anyone out."""
    from django.test import Client

    strict, other = Client(enforce_csrf_checks=True), device(person)
    strict.force_login(person)
    assert strict.post(PAGE, {"others": "1"}).status_code == 403
    assert is_logged_in(other)


def _agents() -> list[tuple[str, str]]:
    windows = (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/140.0 Safari/537.36"
    )
    return [
        (windows, "Chrome on Windows"),
        (f"{windows} Edg/140.0", "Edge on Windows"),
        (f"{windows} OPR/120.0", "Opera on Windows"),
        (SAFARI, "Safari on iPhone"),
        (FIREFOX, "Firefox on Linux"),
        (
            "Mozilla/5.0 (Linux; Android 15; Pixel 9) Chrome/140.0 Mobile Safari/537.36",
            "Chrome on Android",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.5 Safari/605.1.15",
            "Safari on macOS",
        ),
        ("curl/8.5.0", "curl/8.5.0"),
        ("python-httpx/0.28 (x)", "python-httpx/0.28"),
        ("", "Unknown device"),
        (" leading space", "Unknown device"),
        ("x" * 300, "x" * 40),
    ]


@pytest.mark.parametrize(("user_agent", "name"), _agents())
def test_device_gets_a_name_its_owner_recognizes(user_agent: str, name: str) -> None:
    """A guess by the usual marks."""
    from django_site.sessions.devices import describe_device

    assert describe_device(user_agent) == name
