"""A form that starts a job does not leave out what was typed or chosen, and never says nothing."""

from pathlib import Path

import pytest
from selenium.webdriver.common.by import By

from tests.browser.pages.person import Person
from tests.browser.pages.trouble.answers import Answers

START = "#start .actions button"


@pytest.fixture
def ada(answers: Answers) -> Person:
    """A person at the form of a task that takes one of everything."""
    person = answers.person
    person.go("/tasks/forms.everything/")
    person.fill("#f-word", "right")
    person.fill("#f-number", "7")
    return person


@pytest.mark.parametrize("button", [START, "#start button[value=json]"])
def test_what_is_no_number_yet_is_not_left_out(ada: Person, button: str) -> None:
    """A browser keeps it to itself: neither a job nor the JSON would have it."""
    ada.fill("#f-ratio", "5e")
    ada.find(button).click()
    ada.until(lambda: ada.browser.switch_to.active_element == ada.find("#f-ratio"), "it is shown")
    ada.fill("#f-ratio", "5")
    ada.find("#start button[value=json]").click()
    ada.until(lambda: '"ratio": 5' in str(_json(ada)), "the JSON has it")


def test_file_that_was_not_uploaded_is_not_left_out(ada: Person, tmp_path: Path) -> None:
    """The job would run without it, where it may."""
    path = tmp_path / "table.csv"
    path.write_text("a,b")
    ada.browser.execute_cdp_cmd("Network.enable", {})
    ada.browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/api/files*"]})
    ada.find("#f-attachment").send_keys(str(path))
    failed = "[data-drop] .uploads .errorlist"
    ada.until(lambda: "could not be reached" in ada.text(failed), "it is not uploaded")
    ada.find(START).click()
    ada.until(lambda: "remove this file first" in ada.text(failed), "it is said")
    assert ada.count("#start") == 1
    ada.browser.switch_to.active_element.click()
    ada.until(lambda: ada.count(failed) == 0, "it is removed")
    ada.find(START).click()
    ada.job_id()
    ada.complaints()  # of the console, about what was kept away


def test_wrong_value_in_a_part_that_is_not_given_holds_nothing_up(ada: Person) -> None:
    """A browser would say what is wrong at a field that nobody sees; what was typed is there when the
    part is given again."""
    given, depth = ada.find("#f-options-given"), "#f-options-depth"
    given.click()
    ada.until(lambda: ada.find(depth).is_displayed(), "the part is shown")
    ada.fill(depth, "77")
    given.click()
    given.click()
    ada.until(lambda: ada.find(depth).is_displayed(), "it is shown again")
    assert ada.find(depth).get_attribute("value") == "77"
    given.click()
    ada.find(START).click()
    job = ada.job_id()
    assert ada.session.http.get(f"/api/jobs/{job}").json()["arguments"]["options"] is None


def test_no_number_in_a_part_that_is_not_given_holds_nothing_up(ada: Person) -> None:
    """Nobody sees it, and it can't be shown."""
    given, depth = ada.find("#f-options-given"), "#f-options-depth"
    given.click()
    ada.until(lambda: ada.find(depth).is_displayed(), "the part is shown")
    ada.fill(depth, "5e")
    given.click()
    ada.find(START).click()
    job = ada.job_id()
    assert ada.session.http.get(f"/api/jobs/{job}").json()["arguments"]["options"] is None


def _json(person: Person) -> str | None:
    found = person.browser.find_elements(By.CSS_SELECTOR, "#json")
    return found[0].get_attribute("value") if found else None
