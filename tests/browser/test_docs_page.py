"""The documentation page in a real browser:
it reads, it tries, it keeps to its policy, by mouse and by keyboard."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select

from tests.waiting import wait_until


def form_of(browser: Chrome, operation: str) -> WebElement:
    """Return the form of an operation."""
    return browser.find_element(By.CSS_SELECTOR, f"#{operation} form")


def answer_of(form: WebElement) -> tuple[str, str, str]:
    """Wait for the answer; return its status, its headers and its body."""
    stop = form.find_element(By.CSS_SELECTOR, ".stop")
    status = form.find_element(By.CSS_SELECTOR, ".status")
    wait_until(
        lambda: status.text not in ("", "...") and not stop.is_displayed(),
        timeout_s=30,
        what="an answer is shown",
    )
    parts = [form.find_element(By.CSS_SELECTOR, name).text for name in (".headers", ".content")]
    return status.text, parts[0], parts[1]


def complaints(browser: Chrome) -> list[Any]:
    """Return what the browser's console says of errors: a policy that is broken is one."""
    return [line for line in browser.get_log("browser") if line["level"] == "SEVERE"]  # type: ignore[no-untyped-call]


def test_job_is_submitted_from_the_page(page: Callable[..., Chrome]) -> None:
    """A task is chosen, its example sent as the person;
    status, headers and the record are shown."""
    browser = page("#submitJob")
    form = form_of(browser, "submitJob")
    Select(form.find_element(By.CSS_SELECTOR, ".example")).select_by_value("primes.sum")
    assert (
        json.loads(form.find_element(By.CSS_SELECTOR, ".body").get_attribute("value") or "")["task"]
        == "primes.sum"
    )
    assert (form.find_element(By.CSS_SELECTOR, ".takes").get_attribute("href") or "").endswith(
        "#schema-primes.sum.arguments"
    )
    form.find_element(By.NAME, "wait").send_keys("20")
    form.find_element(By.CSS_SELECTOR, "button[type=submit]").click()
    status, headers, body = answer_of(form)
    assert status.startswith("202")
    assert "location: /api/jobs/" in headers
    assert (json.loads(body)["status"], json.loads(body)["result"]) == ("succeeded", 1060)
    assert complaints(browser) == []


def test_page_is_used_by_keyboard_alone(page: Callable[..., Chrome]) -> None:
    """Operations open by Enter, a form is sent from its field, and what is wrong is shown."""
    browser = page()
    summary = browser.find_element(By.CSS_SELECTOR, "#listJobs > summary")
    browser.execute_script("arguments[0].focus()", summary)
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    form = form_of(browser, "listJobs")
    form.find_element(By.NAME, "limit").send_keys("0", Keys.ENTER)
    status, _, body = answer_of(form)
    assert status.startswith("400")
    assert json.loads(body)["code"] == "invalid_query"


def test_stream_is_shown_as_it_comes_and_stopped(page: Callable[..., Chrome]) -> None:
    """A stream of events never ends by itself: what came is shown, and Stop ends it."""
    browser = page("#followEvents")
    form = form_of(browser, "followEvents")
    form.find_element(By.CSS_SELECTOR, "button[type=submit]").click()
    content = form.find_element(By.CSS_SELECTOR, ".content")
    wait_until(
        lambda: "event: ready" in content.text, timeout_s=10, what="the first event is shown"
    )
    form.find_element(By.CSS_SELECTOR, ".stop").click()
    assert answer_of(form)[0].startswith("200")


def test_word_narrows_what_is_listed(page: Callable[..., Chrome]) -> None:
    """In the contents and on the page."""
    browser = page()
    browser.find_element(By.ID, "filter").send_keys("retry")
    shown = [
        each
        for each in browser.find_elements(By.CSS_SELECTOR, ".contents li, .operation")
        if each.is_displayed()
    ]
    assert len(shown) == 2
    assert all("retry" in each.text for each in shown)


OPEN_ALL = "document.querySelectorAll('details').forEach((each) => each.open = true);"

# What makes the page wider than so many pixels, if it is.
WIDER = """
if (document.documentElement.scrollWidth <= arguments[0]) return [];
const wide = [...document.querySelectorAll("body *")].filter((each) => each.getBoundingClientRect().right > arguments[0]);
return ["the page", ...wide.slice(0, 5).map((each) => each.outerHTML.slice(0, 100))];
"""

# Every text but our own short labels is of a wide font, and has a word that fits in no line of a
# telephone.
LONG_WORDS = """
document.documentElement.style.fontSize = "20px";
document.body.style.fontFamily = "monospace";
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (texts.nextNode()) {
  const isOurs = texts.currentNode.parentElement.closest(".method, button");
  if (texts.currentNode.data.trim() && !isOurs) texts.currentNode.data += ` ${"task_of_somebody.".repeat(8)} `;
}
"""


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_is_wider_than_the_screen(page: Callable[..., Chrome], width: int) -> None:
    """With every operation open, on a telephone too."""
    browser = page(width=width)
    browser.execute_script(OPEN_ALL)
    assert browser.execute_script(WIDER, width) == []
    assert complaints(browser) == []


@pytest.mark.parametrize("width", [360, 1280])
def test_long_words_of_a_wide_font_break(page: Callable[..., Chrome], width: int) -> None:
    """Names of tasks are somebody's, and fonts are the reader's."""
    browser = page(width=width)
    browser.execute_script(OPEN_ALL + LONG_WORDS)
    assert browser.execute_script(WIDER, width) == []
