"""The pages in another language, and from right to left."""

from collections.abc import Callable
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from tests.browser.pages.person import Person
from tests.browser.pages.test_fits import FAULTS, TOO_WIDE
from tests.e2e.service import PATIENT, PERSON, ServiceProcess

# What is to the left of the screen: from right to left a page grows there.
BEYOND = """
return [...document.querySelectorAll("body *")]
  .filter((each) => each.getBoundingClientRect().left < 0 && !each.closest("pre, .scroll, .log, .visually-hidden, .skip, details:not([open]) > :not(summary)"))
  .map((each) => each.outerHTML.slice(0, 200));
"""
DIRECTIONS = "return [...document.querySelectorAll('pre, .log, svg.chart')].map((each) => getComputedStyle(each).direction)"


def _at(service: ServiceProcess, browser: Chrome, language: str) -> Person:
    session = service.new_browser()
    session.log_in(tries=PATIENT)
    person = Person(browser, service.address, session)
    browser.add_cookie({"name": "gatehouse_language", "value": language})
    return person


def test_work_is_done_in_german(
    service: ServiceProcess, open_browser: Callable[..., Chrome], tmp_path: Path
) -> None:
    """The language is chosen on the page; then log in, start, read, cancel; on a phone every word
    fits."""
    ada = _at(service, open_browser(width=390), "en")
    ada.browser.delete_all_cookies()
    ada.go("/accounts/login/")
    ada.find("footer a").click()
    ada.find("button[lang=de]").click()
    ada.until(lambda: ada.text("h1") == "Anmelden", "the log-in is back, in German")
    ada.fill("#id_login", PERSON)
    ada.fill("#id_password", service.password)
    ada.find("main button").click()
    ada.until(lambda: ada.text("h1") == f"Hallo, {PERSON}", "the person is greeted")
    ada.start("primes.sum", limit="250000")
    ada.until(lambda: ada.text("h1 .state") == "Erfolgreich", "the job has ended")
    ada.until(lambda: ada.text(".big") == "2.623.031.151", "its result is written as in German")
    job = ada.start("forms.wait", path=str(tmp_path / "never"))
    ada.until(lambda: ada.text("h1 .state") == "Läuft", "it runs")
    ada.go("/jobs/")
    ada.until(lambda: "vor " in ada.text(".when") or "jetzt" in ada.text(".when"), "it has a time")
    ada.find(f"#row-{job} button").click()
    ada.until(lambda: ada.text(f"#row-{job} .state") == "Abgebrochen", "it is cancelled")
    ada.go("/tasks/primes.sum/")
    ada.browser.execute_script("document.getElementById('start').noValidate = true")
    ada.fill("#f-limit", "-3")
    ada.find("#start .actions button").click()
    ada.until(lambda: "Muss mindestens 0 sein" in ada.text("#f-limit-errors"), "the API's words")
    for path in ("/", "/jobs/", f"/jobs/{job}/", "/account/keys/", "/tasks/primes.sum/many/"):
        ada.go(path)
        assert ada.browser.execute_script(TOO_WIDE, 390) == [], path
        assert ada.browser.execute_script(FAULTS) == [], path
    assert ada.complaints() == []


@pytest.mark.parametrize("width", [390, 1440])
def test_pages_fit_from_right_to_left(
    service: ServiceProcess, open_browser: Callable[..., Chrome], width: int
) -> None:
    """Nothing scrolls sideways; programs, logs and pictures run from left to right."""
    ada = _at(service, open_browser(width=width), "ar")
    body = {"task": "forms.hostile", "arguments": {"text": "w" * 400}}
    job = ada.session.http.post("/api/jobs", json=body, params={"wait": "5"}).json()["id"]
    for path in ("/", "/tasks/forms.everything/", "/jobs/", f"/jobs/{job}/", "/account/sessions/"):
        ada.go(path)
        assert ada.find("html").get_attribute("dir") == "rtl"
        assert ada.browser.execute_script(TOO_WIDE, width) == [], path
        assert ada.browser.execute_script(BEYOND) == [], path
        assert set(ada.browser.execute_script(DIRECTIONS)) <= {"ltr"}, path
    assert ada.complaints() == []
