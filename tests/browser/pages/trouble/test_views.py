"""What somebody chose is shown in the end, and until then the page says that it is not."""

from pathlib import Path

from tests.browser.pages.test_list import made
from tests.browser.pages.trouble.answers import Answers

CHOOSE = """
const field = document.getElementById(arguments[0]);
field.value = arguments[1];
field.dispatchEvent(new Event("input", { bubbles: true }));
"""
# Nothing that the list does by the clock.
STOPPED = """
const started = window.setInterval;
window.setInterval = (act, ms) => (ms >= 10_000 ? 0 : started(act, ms));
"""
OF_OTHERS = "#live-jobs .job-row .state:not(.failed)"


def open_list_with_a_failure(answers: Answers) -> str:
    """Open the list of a person with one failed job; return its id."""
    http = answers.person.session.http
    body = {"task": "forms.refuse", "arguments": {"text": "no"}}
    job = str(http.post("/api/jobs", json=body, params={"wait": "5"}).json()["id"])
    made(answers.person, [3])
    answers.person.go("/jobs/")
    return job


def test_filter_that_fails_is_asked_for_again_and_said_meanwhile(answers: Answers) -> None:
    """The list that is still shown is live, and takes the warning away by no answer of its own: else
    all that is ticked in it would be deleted as what failed."""
    ada = answers.person
    failed = open_list_with_a_failure(answers)
    answers.fail("status=failed", 503)
    answers.run(CHOOSE, "status", "failed")
    ada.until(lambda: "not shown yet" in ada.text("#unshown"), "it is said")
    [new] = made(ada, [4])
    ada.until(lambda: ada.count(f"#row-{new} .succeeded") == 1, "the list is live")
    assert "not shown yet" in ada.text("#unshown")
    assert ada.find("#status").get_attribute("value") == "failed"
    answers.recover()
    ada.until(lambda: ada.count(OF_OTHERS) == 0, "what was chosen is shown")
    assert ada.count(f"#row-{failed}") == 1
    ada.until(lambda: "status=failed" in ada.browser.current_url, "the address says it")
    assert ada.count("#unshown, #trouble") == 0


def test_filter_that_is_refused_says_again_what_is_shown(answers: Answers) -> None:
    """It is not asked for again."""
    ada = answers.person
    open_list_with_a_failure(answers)
    answers.fail("status=failed", 403)
    answers.run(CHOOSE, "status", "failed")
    ada.until(lambda: answers.count("status=failed") == 1, "it was asked for")
    ada.until(lambda: ada.find("#status").get_attribute("value") == "", "the field says all")
    assert ada.count("#unshown") == 0
    assert ada.count(OF_OTHERS) > 0


def test_view_that_comes_late_is_shown_whatever_was_shown_meanwhile(answers: Answers) -> None:
    """A slow search would else be overtaken by each quick answer of the list before."""
    ada = answers.person
    open_list_with_a_failure(answers)
    for _ in range(2):
        answers.hold("status=failed")
    answers.run(CHOOSE, "status", "failed")
    answers.wait_held()
    [new] = made(ada, [5])
    ada.until(lambda: ada.count(f"#row-{new}") == 1, "the list before is shown again")
    answers.run("rules[0].go()")
    ada.until(lambda: ada.count(OF_OTHERS) == 0, "what was chosen is shown")
    answers.let_go()


def test_list_before_is_not_ticked_while_what_was_chosen_is_not_shown(answers: Answers) -> None:
    """All of it would be deleted as what failed; nor is anything done with what was ticked before."""
    ada = answers.person
    failed = open_list_with_a_failure(answers)
    ada.find(f"#row-{failed} .tick").click()
    answers.hold("status=failed")
    answers.run(CHOOSE, "status", "failed")
    answers.wait_held()
    ada.find("#all").click()
    ada.until(lambda: "not shown yet" in ada.text("#unshown"), "it is said")
    assert ada.count(".tick:checked") == 1
    ada.find("#many [value=delete]").click()
    answers.let_go()
    ada.until(lambda: ada.count(OF_OTHERS) == 0, "what was chosen is shown")
    assert ada.count("#unshown") == 0
    assert "status=failed" in ada.browser.current_url
    ada.find("#many [value=delete]").click()
    ada.until(lambda: ada.text("h1") == "Delete 1?", "it can be done now")


def test_what_is_ticked_is_counted_as_it_comes_and_goes(answers: Answers) -> None:
    """A row that is deleted elsewhere takes its tick with it; a new one has none."""
    ada = answers.person
    jobs = made(ada, [6, 7, 8])
    ada.go("/jobs/")
    for job in jobs[:2]:
        ada.find(f"#row-{job} .tick").click()
    ada.until(lambda: ada.text("#count") == "2 ticked:", "they are counted")
    http = ada.session.http
    ada.until(lambda: http.delete(f"/api/jobs/{jobs[0]}").status_code == 204, "one is deleted")
    ada.until(lambda: ada.text("#count") == "1 ticked:", "the other is counted")
    ada.find("#all").click()
    ada.until(lambda: ada.find("#all").is_selected(), "all are ticked")
    made(ada, [9])
    ada.until(lambda: not ada.find("#all").is_selected(), "not all that are shown are")


def batch_in_list(answers: Answers, there: Path) -> str:
    """Open the list of a person with a batch that runs; return the batch's id."""
    body = {"task": "forms.wait", "arguments": [{"path": str(there)}]}
    batch = answers.person.session.http.post("/api/batches", json=body).json()["id"]
    answers.person.go("/jobs/")
    return str(batch)


def test_batch_that_opens_late_shows_how_it_stands_by_then(
    answers: Answers, tmp_path: Path
) -> None:
    """Not how it stood when it was asked for: nothing else would tell of its end again."""
    ada = answers.person
    command = "Page.addScriptToEvaluateOnNewDocument"
    ada.browser.execute_cdp_cmd(command, {"source": STOPPED})
    batch = batch_in_list(answers, tmp_path / "there")
    ada.until(lambda: ada.text(f"#row-{batch} .state") == "Running", "it runs")
    answers.hold("open=")
    ada.find(f"#row-{batch} .opens").click()
    answers.wait_held()
    (tmp_path / "there").touch()
    ada.until(lambda: ada.text(f"#row-{batch} .state") == "Succeeded", "its end is shown")
    answers.let_go()
    ada.until(lambda: ada.count(f"#row-{batch} .inner .succeeded") == 1, "its jobs are shown")
    assert ada.text(f"#row-{batch} .state") == "Succeeded"


def test_batch_that_opens_late_leaves_the_view_that_was_chosen(
    answers: Answers, tmp_path: Path
) -> None:
    """The address is the one of what is shown."""
    ada = answers.person
    batch = batch_in_list(answers, tmp_path / "there")
    answers.hold("open=")
    ada.find(f"#row-{batch} .opens").click()
    answers.wait_held()
    answers.run(CHOOSE, "q", "forms.wait")
    ada.until(lambda: "q=forms.wait" in ada.browser.current_url, "another view is shown")
    answers.let_go()
    ada.until(lambda: f"open={batch}" in ada.browser.current_url, "it is open")
    assert "q=forms.wait" in ada.browser.current_url
    (tmp_path / "there").touch()


def test_table_that_fails_to_be_sorted_is_asked_for_again(answers: Answers) -> None:
    """A job that has ended is not asked for by anything else."""
    ada = answers.person
    body = {"task": "forms.table", "arguments": {"rows": 12}}
    job = ada.session.http.post("/api/jobs", json=body, params={"wait": "5"}).json()["id"]
    ada.go(f"/jobs/{job}/")
    answers.fail("GET ", 503)
    ada.find("#live-made th a[data-swap]").click()
    ada.until(lambda: "not shown yet" in ada.text("#unshown"), "it is said")
    answers.recover()
    ada.until(lambda: ada.count("#live-made th[aria-sort=ascending]") == 1, "it is sorted")
    assert ada.count("#unshown, #trouble") == 0
