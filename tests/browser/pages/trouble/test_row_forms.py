"""A row's form does what was pressed, once, and says what became of it."""

from typing import Any

import pytest

from tests.browser.pages.person import Person
from tests.browser.pages.trouble.answers import Answers

CANCELLED = "Cancelled, or asked to stop."


def delayed(person: Person) -> str:
    """Submit a job that does not begin yet; return its id."""
    body = {"task": "primes.check", "arguments": {"numbers": [5]}, "delay_s": 600}
    return str(person.session.http.post("/api/jobs", json=body).json()["id"])


def record(person: Person, job: str) -> Any:
    """Return a job as the API has it."""
    return person.session.http.get(f"/api/jobs/{job}").json()


def press_and_see_it_change(answers: Answers, job: str, *, is_lost: bool) -> None:
    """Press Cancel; the answer is held up until the row offers a retry in its place."""
    ada = answers.person
    ada.go("/jobs/")
    answers.run("window.same = true")
    answers.hold("POST ", is_lost=is_lost)
    ada.find(f"#row-{job} .do form button").click()
    answers.wait_held()
    retry = f"#row-{job} form[action$='/retry/']"
    ada.until(lambda: ada.count(retry) == 1, "the row offers a retry")
    answers.let_go()


def test_lost_answer_of_a_cancel_sends_nothing_a_second_time(answers: Answers) -> None:
    """It may have been done: a second form would be the row's new one, which starts the job again."""
    ada, job = answers.person, delayed(answers.person)
    press_and_see_it_change(answers, job, is_lost=True)
    ada.until(lambda: "may have been done" in ada.text("#undone"), "it is said")
    assert answers.run("return window.same") is True, "the page was not left"
    assert answers.count("POST ") == 1
    found = record(ada, job)
    assert (found["status"], found["attempt"]) == ("cancelled", 0)
    assert "Cancelled" in ada.text(f"#row-{job} .state")


def test_late_answer_of_a_cancel_says_what_was_pressed(answers: Answers) -> None:
    """Not what the row's new form would say."""
    ada, job = answers.person, delayed(answers.person)
    press_and_see_it_change(answers, job, is_lost=False)
    ada.until(lambda: answers.run("return told.textContent") == CANCELLED, "it is said")
    assert ada.count("#undone, #trouble") == 0


def test_cancel_after_a_log_out_says_that_nothing_was_done(answers: Answers) -> None:
    """The log-in page that answers it is no success."""
    ada, job = answers.person, delayed(answers.person)
    ada.go("/jobs/")
    ada.browser.delete_cookie("sessionid")
    ada.find(f"#row-{job} .do form button").click()
    ada.until(lambda: "logged out" in ada.text("#trouble"), "it is said")
    assert "/accounts/login/" in str(ada.find("#trouble a").get_attribute("href"))
    assert answers.run("return told.textContent") == ""
    assert record(ada, job)["status"] == "queued"


@pytest.mark.parametrize(("status", "words"), [(403, "not done"), (502, "may have been done")])
def test_refused_cancel_is_said_and_not_sent_again(
    answers: Answers, status: int, words: str
) -> None:
    """What was refused for certain is told apart from what nobody knows; the form can be pressed again."""
    ada, job = answers.person, delayed(answers.person)
    ada.go("/jobs/")
    answers.fail("POST ", status, times=1)
    button = f"#row-{job} form[action$='/cancel/'] button"
    ada.find(button).click()
    ada.until(lambda: words in ada.text("#undone"), "it is said")
    assert answers.count("POST ") == 1
    ada.until(lambda: ada.find(button).is_enabled(), "it can be pressed again")
    ada.find(button).click()
    ada.until(lambda: record(ada, job)["status"] == "cancelled", "it is done")
    ada.until(lambda: ada.count("#undone") == 0, "what was said of the first is gone")


@pytest.mark.parametrize("where", ["list", "job"])
def test_form_is_never_made_into_another_one(answers: Answers, where: str) -> None:
    """A hand on Cancel would press Retry as soon as the job has ended."""
    ada, job = answers.person, delayed(answers.person)
    ada.go("/jobs/" if where == "list" else f"/jobs/{job}/")
    place = f"#row-{job}" if where == "list" else "#live-head"
    script = "window.pressed = document.querySelector(arguments[0]); pressed.focus()"
    answers.run(script, f"{place} form[action$='/cancel/'] button")
    ada.session.http.post(f"/api/jobs/{job}/cancel")
    retry = f"{place} form[action$='/retry/']"
    ada.until(lambda: ada.count(retry) == 1, "it offers a retry")
    assert answers.run("return pressed.isConnected") is False
