"""The documentation page folds, remembers what was open, keeps its list in view,
and shows the call that is typed."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from tests.browser.chromium import reload
from tests.waiting import wait_until

OPEN = "return [...document.querySelectorAll('details[open]')].map((each) => each.id).sort()"
# What the script makes of an untouched form beside what the server sent.
DIFFERENT = """
const texts = (box) => [...box.querySelectorAll('pre')].map((pre) => pre.textContent);
return [...document.querySelectorAll('form.try')].flatMap((form) => {
  const box = form.closest('.operation').querySelector('.snippets');
  const sent = texts(box);
  showSnippets(form);
  return texts(box).flatMap((made, at) => made === sent[at] ? [] : [[sent[at], made]]);
});
"""
IN_VIEW = """
window.scrollTo(0, document.body.scrollHeight);
const {top, bottom} = document.querySelector('.contents').getBoundingClientRect();
return [window.scrollY > 0, Math.round(Math.abs(top)), bottom > 0];
"""
NO_STORAGE = (
    "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', "
    "'SecurityError'); }});"
)


def test_what_was_opened_and_closed_is_so_at_the_next_visit(page: Callable[..., Chrome]) -> None:
    """By keyboard; schemas and what only operators may are folded at first, so that the page is
    short, and a link into them opens its way."""
    browser = page()
    assert browser.execute_script("return document.documentElement.scrollHeight") < 5000
    first = browser.execute_script(OPEN)
    assert not {"schemas", "tag-operate"} & set(first)
    assert "tag-jobs" in first
    for selector in ("#listJobs > summary", "#tag-tasks > summary"):
        browser.execute_script(
            "arguments[0].focus()", browser.find_element(By.CSS_SELECTOR, selector)
        )
        browser.switch_to.active_element.send_keys(Keys.ENTER)
    changed = sorted({*first, "listJobs"} - {"tag-tasks"})
    wait_until(
        lambda: "listJobs" in browser.execute_script("return Object.keys(keptFolds())"),
        timeout_s=10,
    )
    reload(browser)
    assert browser.execute_script(OPEN) == changed
    browser.execute_script("location.hash = 'schema-JobRecord'")
    wait_until(lambda: "schema-JobRecord" in browser.execute_script(OPEN), timeout_s=10)
    assert browser.find_element(By.CSS_SELECTOR, "#schema-JobRecord pre").is_displayed()


@pytest.mark.parametrize("width", [360, 1280])
def test_list_stays_in_view_and_nothing_depends_on_storage(
    page: Callable[..., Chrome], width: int
) -> None:
    """At the end of the page, on a telephone too;
    a browser that refuses storage folds and tries as any other."""
    browser = page(width=width)
    browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": NO_STORAGE})
    reload(browser)
    assert browser.execute_script(IN_VIEW) == [True, 0, True]
    browser.execute_script("document.getElementById('getUsage').open = true")
    form = browser.find_element(By.CSS_SELECTOR, "#getUsage form")
    browser.execute_script("arguments[0].requestSubmit()", form)
    wait_until(
        lambda: form.find_element(By.CSS_SELECTOR, ".status").text.startswith("200"), timeout_s=10
    )
    errors: list[Any] = browser.get_log("browser")  # type: ignore[no-untyped-call]
    assert [line for line in errors if line["level"] == "SEVERE"] == []


def test_calls_shown_are_those_that_are_typed(page: Callable[..., Chrome]) -> None:
    """What the server sent is what the script makes of it;
    then every value as it was typed, quoted, none lost."""
    browser = page("#submitJob")
    assert browser.execute_script(DIFFERENT) == []
    form = browser.find_element(By.CSS_SELECTOR, "#submitJob form")
    Select(form.find_element(By.CSS_SELECTOR, ".example")).select_by_value("primes.sum")
    shown = {
        name: browser.find_element(By.CSS_SELECTOR, f"#submitJob .{name}")
        for name in ("curl", "python", "command")
    }
    assert shown["command"].text == "gatehouse submit primes.sum limit=100"
    body = form.find_element(By.CSS_SELECTOR, ".body")
    body.clear()
    body.send_keys(
        '{"task": "t", "arguments": {"n": 9007199254740993, "who": "it\'s", "all": [true, null]}, '
        '"priority": "low"}'
    )
    form.find_element(By.NAME, "Idempotency-Key").send_keys("k 1")
    assert (
        'submit("t", {"n": 9007199254740993, "who": "it\'s", "all": [True, None]}, priority="low")'
        in shown["python"].text
    )
    assert shown["command"].text.splitlines() == [
        "gatehouse submit t n=9007199254740993 'who=it'\\''s' 'all=[true, null]' --priority low",
        "# not in it: Idempotency-Key",
    ]
    assert "-H 'Idempotency-Key: k 1'" in shown["curl"].text
    body.clear()
    body.send_keys(json.dumps({"task": "t", "arguments": {"who": "@home"}}))
    piped = "printf '%s\\n' '{\"who\": \"@home\"}'"
    assert shown["command"].text.startswith(f"{piped} | gatehouse submit t @-")
    body.send_keys("x")
    assert "no JSON yet" in shown["python"].text
