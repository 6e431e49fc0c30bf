"""What is typed into a form survives a log-in that comes between."""

import re
import secrets
from collections.abc import Iterator

import httpx
import pytest

from tests.e2e.service import PATIENT, Browser, ServiceProcess, address_of

FORM = "/tasks/primes.sum/"
_HIDDEN = re.compile(r'name="(csrfmiddlewaretoken|person)" value="([^"]+)"')


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """One service for this file."""
    with ServiceProcess(tmp_path_factory.mktemp("drafts")) as service:
        yield service


@pytest.fixture
def ada(service: ServiceProcess) -> Browser:
    """A person who is logged in."""
    browser = service.new_browser()
    browser.log_in(tries=PATIENT)
    return browser


def send(person: Browser, hidden: dict[str, str], **values: str) -> httpx.Response:
    """Send a form that was loaded earlier."""
    headers = {"Origin": address_of(person.http.base_url), "Sec-Fetch-Site": "same-origin"}
    return person.http.post(FORM, data={**hidden, "mode": "form", **values}, headers=headers)


def open_form(person: Browser) -> dict[str, str]:
    """Load the form; return its hidden values."""
    return dict(_HIDDEN.findall(person.http.get(FORM).text.partition('id="start"')[2]))


def test_form_sent_after_the_session_ended_comes_back_filled(ada: Browser) -> None:
    """By way of the log-in; nothing is started before it is sent again, and then it is forgotten."""
    hidden = open_form(ada)
    ada.log_out()
    sent = send(ada, hidden, limit="4321")
    assert sent.headers["Location"] == f"{FORM}?draft=1"
    to_log_in = ada.http.get(sent.headers["Location"])
    assert "next=/tasks/primes.sum/%3Fdraft%3D1" in to_log_in.headers["Location"]
    ada.log_in()
    assert ada.http.get("/api/jobs").json()["jobs"] == []
    page = ada.http.get(f"{FORM}?draft=1").text
    assert 'value="4321"' in page
    assert "Nothing was started yet" in page
    again = ada.http.get(f"{FORM}?draft=1").text
    assert 'value="4321"' not in again
    assert "What you had typed is not kept here." in again


def test_form_older_than_a_log_in_in_another_tab_comes_back_filled(ada: Browser) -> None:
    """Its token is of before; from another site it is refused as ever."""
    hidden = open_form(ada)
    ada.log_out()
    ada.log_in()
    sent = send(ada, hidden, limit="77")
    assert sent.headers["Location"] == f"{FORM}?draft=1"
    assert 'value="77"' in ada.http.get(sent.headers["Location"]).text
    headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert ada.http.post(FORM, data={"limit": "5"}, headers=headers).status_code == 403


def test_draft_of_somebody_else_is_not_shown(ada: Browser) -> None:
    """On a shared computer the next person gets an empty form."""
    hidden = open_form(ada)
    ada.log_out()
    send(ada, {**hidden, "person": "999"}, limit="88")
    ada.log_in()
    assert 'value="88"' not in ada.http.get(f"{FORM}?draft=1").text


def test_what_is_too_large_for_a_cookie_is_not_kept_and_breaks_nothing(ada: Browser) -> None:
    """The form comes back empty, also where something smaller was kept before: that is not what
    was typed."""
    hidden = open_form(ada)
    ada.log_out()
    noise = secrets.token_urlsafe(6000)
    send(ada, hidden, limit="4321")
    assert send(ada, hidden, limit="9", more=noise).status_code == 302
    ada.log_in()
    page = ada.http.get(f"{FORM}?draft=1")
    assert page.status_code == 200
    assert 'value="4321"' not in page.text
    assert "What you had typed is not kept here." in page.text
