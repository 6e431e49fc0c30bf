"""A job is started by its form: by keyboard alone, with a wrong value, with every kind of field."""

import json
from collections.abc import Callable
from pathlib import Path

from selenium.webdriver.common.keys import Keys

from tests.browser.pages.person import Person


def test_job_is_found_and_started_by_keyboard_alone(person: Callable[..., Person]) -> None:
    """From the list of tasks to the result, no pointer touched."""
    ada = person()
    ada.go("/tasks/")
    ada.tab_to("#q")
    ada.press("below a limit")
    ada.until(lambda: ada.text("#found").startswith("1 of "), "the list is narrowed")
    ada.tab_to(".tile:not([hidden]) a")
    ada.press(Keys.ENTER)
    ada.until(lambda: ada.count("#f-limit") == 1, "the form is shown")
    ada.tab_to("#f-limit")
    ada.press("100")
    ada.until(
        lambda: "primes.sum limit=100" in ada.text("#live-calls"), "the calls beside it say so"
    )
    ada.tab_to("#f-limit")
    ada.press(Keys.ENTER)
    ada.job_id()
    ada.until(lambda: ada.text(".big") == "1,060", "the result is shown")
    assert ada.text("h1 .state") == "Succeeded"


def test_wrong_value_is_told_at_its_field_and_nothing_typed_is_lost(
    person: Callable[..., Person],
) -> None:
    """The summary has the focus and leads to the field; corrected, the job starts."""
    ada = person()
    ada.go("/tasks/forms.everything/")
    ada.fill("#f-word", "Wrong")
    ada.fill("#f-number", "7")
    ada.fill("#f-pages", "a\nb\nc\nd")
    ada.find("#start .actions button").click()
    ada.until(lambda: ada.count("#wrong") == 1, "the page says what is wrong")
    assert ada.browser.switch_to.active_element == ada.find("#wrong")
    assert "should match pattern" in ada.text("#f-word-errors")
    assert "at most 3 items" in ada.text("#f-pages-errors")
    word = ada.find("#f-word")
    assert word.get_attribute("aria-invalid") == "true"
    assert "f-word-errors" in (word.get_attribute("aria-describedby") or "")
    assert ada.find("#f-number").get_attribute("value") == "7"
    ada.fill("#f-word", "right")
    ada.fill("#f-pages", "a\nb")
    ada.find("#start .actions button").click()
    ada.job_id()
    ada.until(lambda: "right" in ada.text("#live-made"), "the result is shown")


def test_every_kind_of_field_comes_to_the_task_as_it_was_said(
    person: Callable[..., Person], tmp_path: Path
) -> None:
    """Also two files, uploaded as they are chosen; then once more with changes, all of it filled
    in; and as JSON."""
    (tmp_path / "one.csv").write_text("a,b\n1,2\n")
    (tmp_path / "two.txt").write_text("two")
    ada = person()
    ada.go("/tasks/forms.everything/")
    ada.fill("#f-word", "abc")
    ada.fill("#f-number", "3")
    ada.find("#f-colour option:last-child").click()
    ada.find("#f-is_loud").click()
    for name, value in {"day": "2026-02-03", "at": "2026-02-03T04:05"}.items():
        script = "arguments[0].value = arguments[1]"
        ada.browser.execute_script(script, ada.find(f"#f-{name}"), value)
    ada.fill("#f-pages", "https://a.example/\n\nhttps://b.example/")
    ada.find("#f-options-given").click()
    ada.fill("#f-options-depth", "5")
    ada.fill("#f-weights", '{"x": 1.5}')
    ada.find("#f-attachment").send_keys(str(tmp_path / "one.csv"))
    ada.find("#f-more").send_keys(str(tmp_path / "two.txt"))
    ada.until(lambda: ada.count("input[name$='.uploaded']") == 2, "both files are uploaded")
    ada.find("#start .actions button").click()
    job = ada.job_id()
    wanted = {
        "word": "abc",
        "number": 3,
        "ratio": 0.5,
        "colour": "blue",
        "is_loud": True,
        "day": "2026-02-03",
        "at": "2026-02-03T04:05:00+00:00",
        "pages": ["https://a.example/", "https://b.example/"],
        "options": {"depth": 5, "note": ""},
        "weights": {"x": 1.5},
        "attachment": "one.csv",
        "more": ["two.txt"],
    }
    assert _result(ada, job) == wanted
    ada.until(lambda: ada.text("h1 .state") == "Succeeded", "its end is shown")
    ada.find(".actions a").click()
    ada.until(lambda: ada.count("#f-word") == 1, "the form is shown")
    assert ada.find("#f-options-depth").get_attribute("value") == "5"
    ada.fill("#f-word", "changed")
    ada.find("button[value=json]").click()
    ada.until(lambda: ada.count("#json") == 1, "it is shown as JSON")
    assert json.loads(ada.find("#json").get_attribute("value") or "")["word"] == "changed"
    ada.find("#start .actions button").click()
    ada.until(lambda: job not in ada.browser.current_url, "another page is shown")
    assert _result(ada, ada.job_id()) == {**wanted, "word": "changed"}


def _result(person: Person, job: str) -> object:
    answer = person.session.http.get(f"/api/jobs/{job}/result", params={"wait": "10"})
    return answer.json()
