"""A result is what it is: a table that can be searched and narrowed, a tree that opens, Markdown,
pictures with a viewer."""

from collections.abc import Callable
from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.pages.person import Person


def made(person: Person, task: str, **arguments: Any) -> str:
    """Run a job to its end; return its page."""
    body = {"task": task, "arguments": arguments}
    job = person.session.http.post("/api/jobs", json=body, params={"wait": "5"}).json()
    assert job["status"] == "succeeded", job
    return f"/jobs/{job['id']}/"


@pytest.mark.parametrize("with_scripts", [True, False])
def test_table_is_searched_narrowed_and_downloaded(
    person: Callable[..., Person], with_scripts: bool
) -> None:
    """In place, the address says what is shown; with scripts off by the same form. What is nested
    opens."""
    ada = person(with_scripts=with_scripts)
    ada.go(made(ada, "results.nested"))
    ada.fill("#result-2-q", "N2")
    if not with_scripts:
        ada.find("#result-2-tools button.no-scripts").click()
    ada.until(lambda: "of 11" in ada.text("#result-2 + .table-foot"), "its rows are shown")
    ada.find("#result-2-columns summary").click()
    ada.find("#result-2-columns input[value='2']").click()
    if not with_scripts:
        ada.find("#result-2-columns button").click()
    ada.until(lambda: ada.text("#result-2 thead") == "name missing size", "a column is hidden")
    ada.until(lambda: "q=N2&col=1&col=3" in ada.browser.current_url, "the address says so")
    link = ada.find("#result-2-files a[href*=jsonl]").get_attribute("href") or ""
    lines = ada.session.http.get(link).text.splitlines()
    assert (len(lines), "<i>as it is</i>" in lines[0]) == (30, True)
    assert "missing" not in ada.text("#result-0-1 .tree")
    before = ada.count(".tree details[open]")
    ada.find(".tree details:not([open]) > summary").click()
    assert ada.count(".tree details[open]") == before + 1


def test_pictures_are_looked_at_by_keyboard_and_markdown_is_laid_out(
    person: Callable[..., Person],
) -> None:
    """Arrows lead on, Escape back to where one was; SVG is a download only, what is no picture a
    name. Nothing of the text runs, or is loaded."""
    ada = person()
    ada.go(made(ada, "results.report"))
    assert ada.text(".markdown h3") == "Sales of 2020"
    assert "<script>alert(1)</script>" in ada.text(".markdown")
    assert ada.count(".markdown :is(script, img)") == 0
    ada.until(
        lambda: ada.count(".pictures img.broken") == 1, "what is no picture is seen to be none"
    )
    assert "drawing.svg" not in ada.text(".pictures")
    ada.tab_to("a[data-picture='picture-1.png']")
    ada.press(Keys.ENTER)
    ada.until(lambda: "picture-1.png · 2 of 5" in ada.text(".viewer"), "it is shown")
    ada.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    ada.until(lambda: "picture-3.png · 4 of 5" in ada.text(".viewer"), "the one after the next")
    ada.press(Keys.ESCAPE)
    ada.until(lambda: ada.count(".viewer[open]") == 0, "it is closed")
    focused = ada.browser.switch_to.active_element
    assert focused == ada.find("a[data-picture='picture-1.png']")


def test_picture_that_did_not_come_is_fetched_again(person: Callable[..., Person]) -> None:
    """It is no less a picture for that; one that is none is told from it."""
    ada = person()
    job = made(ada, "results.report")
    ada.browser.execute_cdp_cmd("Network.enable", {})
    ada.browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*picture-1.png"]})
    ada.go(job)
    ada.until(lambda: ada.count("img[data-tries='2']") == 1, "it is tried again")
    assert ada.count("[data-picture='picture-1.png'] img.broken") == 0
    ada.browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
    loaded = "return document.querySelector('[data-picture=\"picture-1.png\"] img').naturalWidth"
    ada.until(lambda: ada.browser.execute_script(loaded) > 0, "it is there")
    assert ada.count(".pictures img.broken") == 1
    ada.complaints()  # of the console, about what was kept away
