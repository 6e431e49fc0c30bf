"""A page is brought up to date until it shows the end, whatever answer is late or fails; who was
logged out is told so."""

from pathlib import Path

import pytest

from tests.browser.pages.test_sharing import share
from tests.browser.pages.trouble.answers import Answers
from tests.browser.pages.trouble.test_row_forms import delayed
from tests.browser.pages.trouble.test_views import STOPPED
from tests.e2e.service import PATIENT, ServiceProcess

PAGES = ["batch", "job", "shared"]
STATE = "h1 .state"


def open_running(answers: Answers, kind: str, there: Path) -> None:
    """Open the page of something that runs until a file is there."""
    http = answers.person.session.http
    arguments = {"path": str(there)}
    if kind == "batch":
        body = {"task": "forms.wait", "arguments": [arguments]}
        path = f"/batches/{http.post('/api/batches', json=body).json()['id']}/"
    else:
        job = http.post("/api/jobs", json={"task": "forms.wait", "arguments": arguments}).json()
        path = f"/jobs/{job['id']}/"
        answers.person.until(
            lambda: http.get(f"/api{path}".rstrip("/")).json()["status"] == "running", "it runs"
        )
        if kind == "shared":
            path = share(answers.person, job["id"])
    answers.person.go(path)


@pytest.mark.parametrize("kind", PAGES)
def test_answer_that_is_late_does_not_hide_the_end(
    answers: Answers, tmp_path: Path, kind: str
) -> None:
    """It was given while it ran, and comes after the end was told: the page shows the end."""
    answers.hold_first("GET ")
    open_running(answers, kind, tmp_path / "there")
    answers.wait_held()
    (tmp_path / "there").touch()
    answers.wait_ended()
    answers.let_go()
    answers.person.until(lambda: answers.person.text(STATE) == "Succeeded", "it shows the end")


def test_slow_service_is_asked_one_thing_at_a_time(answers: Answers, tmp_path: Path) -> None:
    """However many of a batch's jobs end meanwhile."""
    http = answers.person.session.http
    paths = [tmp_path / str(number) for number in range(4)]
    body = {"task": "forms.wait", "arguments": [{"path": str(path)} for path in paths]}
    batch = http.post("/api/batches", json=body).json()["id"]
    answers.hold_first("GET ")
    answers.person.go(f"/batches/{batch}/")
    answers.wait_held()
    for path in paths:
        path.touch()
    answers.wait_ended()
    assert answers.count("GET ") == 1
    answers.let_go()
    answers.person.until(lambda: answers.count("GET ") == 2, "it is asked once more")


@pytest.mark.parametrize("kind", PAGES)
def test_page_goes_on_after_the_question_at_the_end_has_failed(
    answers: Answers, tmp_path: Path, kind: str
) -> None:
    """As it promises: nothing else would ask again once the stream has ended."""
    open_running(answers, kind, tmp_path / "there")
    answers.fail("GET ", 503)
    (tmp_path / "there").touch()
    answers.wait_ended()
    answers.person.until(lambda: "goes on by itself" in answers.person.text("#trouble"), "it says")
    answers.recover()
    answers.person.until(lambda: answers.person.text(STATE) == "Succeeded", "it shows the end")
    assert answers.person.count("#trouble") == 0


def test_list_goes_on_after_one_question_has_failed(answers: Answers) -> None:
    """As it promises, though nothing more happens that would have it asked again."""
    ada = answers.person
    command = "Page.addScriptToEvaluateOnNewDocument"
    ada.browser.execute_cdp_cmd(command, {"source": STOPPED})
    job = delayed(ada)
    ada.go("/jobs/")
    ada.until(lambda: answers.count("GET ") > 0, "it is live")
    answers.fail("GET ", 503, times=1)
    ada.session.http.post(f"/api/jobs/{job}/cancel")
    ada.until(lambda: "goes on by itself" in ada.text("#trouble"), "it says")
    ada.until(lambda: ada.text(f"#row-{job} .state") == "Cancelled", "it is brought up to date")
    ada.until(lambda: ada.count("#trouble") == 0, "all is well")


@pytest.mark.parametrize("kind", ["job", "list"])
def test_log_out_is_said_after_other_trouble(
    answers: Answers, service: ServiceProcess, tmp_path: Path, kind: str
) -> None:
    """The service is away when the stream is refused: the page asks until it knows why, and then no more."""
    ada, session = answers.person, service.new_browser()
    session.log_in(tries=PATIENT)
    ada.browser.add_cookie({"name": "sessionid", "value": session.cookie})
    open_running(answers, "job", tmp_path / "there")
    if kind == "list":
        ada.go("/jobs/")
    answers.fail("GET ", 503)
    session.log_out()
    answers.wait_ended()
    ada.until(lambda: "away for a moment" in ada.text("#trouble"), "the first is said")
    answers.recover()
    ada.until(lambda: "You were logged out." in ada.text("#trouble"), "the other one is said")
    assert "/accounts/login/" in str(ada.find("#trouble a").get_attribute("href"))
    (tmp_path / "there").touch()


def test_last_click_on_a_table_counts(answers: Answers) -> None:
    """Not the one whose answer comes last."""
    ada = answers.person
    body = {"task": "forms.table", "arguments": {"rows": 12}}
    job = ada.session.http.post("/api/jobs", json=body, params={"wait": "5"}).json()["id"]
    ada.go(f"/jobs/{job}/")
    answers.hold("GET ")
    click = "document.querySelectorAll('#live-made th a[data-swap]')[arguments[0]].click()"
    answers.run(click, 1)
    answers.wait_held()
    answers.run(click, 0)
    sorted_by = "return document.querySelector('#live-made th:is([aria-sort=ascending], [aria-sort=descending])')?.textContent.trim()"
    ada.until(lambda: str(answers.run(sorted_by)).startswith("number"), "the second is shown")
    answers.let_go()
    ada.until(lambda: answers.count("GET ") >= 2, "all has come")
    assert str(answers.run(sorted_by)).startswith("number")
    assert "name" not in ada.browser.current_url
