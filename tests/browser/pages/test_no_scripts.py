"""With scripts off, all that a person needs is there: search, submit, read, upload, cancel."""

from collections.abc import Callable
from pathlib import Path

from tests.browser.pages.person import Person


def test_job_is_submitted_and_cancelled_without_scripts(
    person: Callable[..., Person], tmp_path: Path
) -> None:
    """Also from the list, which comes back with its filter."""
    ada = person(with_scripts=False)
    ada.go("/tasks/?q=wait+file")
    assert ada.count(".tile") == 1
    ada.start("forms.wait", path=str(tmp_path / "never"))
    ada.find("form[action$='/cancel/'] button").click()
    ada.until(lambda: _has_stopped(ada), "it is cancelled")
    ada.start("forms.wait", path=str(tmp_path / "never"))
    ada.go("/jobs/?status=running&task=forms.wait")
    ada.until(lambda: _reloaded(ada, ".job-row") == 1, "it runs")
    ada.find(".job-row button").click()
    ada.until(lambda: _reloaded(ada, ".job-row") == 0, "nothing runs any more")
    assert "task=forms.wait" in ada.browser.current_url


def test_file_goes_with_the_form_without_scripts(
    person: Callable[..., Person], tmp_path: Path
) -> None:
    """And is not lost when another value is wrong."""
    (tmp_path / "data.txt").write_text("some words")
    ada = person(with_scripts=False)
    ada.go("/tasks/forms.everything/")
    ada.fill("#f-word", "Wrong")
    ada.fill("#f-number", "1")
    ada.find("#f-attachment").send_keys(str(tmp_path / "data.txt"))
    ada.find("#start .actions button").click()
    ada.until(lambda: "data.txt" in ada.text(".uploads"), "the form is back, with the file")
    ada.fill("#f-word", "good")
    ada.find("#start .actions button").click()
    ada.job_id()
    ada.until(lambda: _reloaded(ada, "#live-made .members") == 1, "it has a result")
    assert "data.txt" in ada.text("#live-made")


def _has_stopped(person: Person) -> bool:
    _reload(person)
    return person.text("h1 .state") == "Cancelled"


def _reloaded(person: Person, selector: str) -> int:
    _reload(person)
    return person.count(selector)


def _reload(person: Person) -> None:
    """Ask for the page again. Not the browser's refresh: of a page that a form led to, which is
    still on its way, it waits for ever."""
    person.browser.get(person.browser.current_url)
