"""The page of a job that says very much keeps what it shows, and no more."""

from collections.abc import Callable

from tests.browser.pages.person import Person

# All that the service keeps of a log, and so all that a page ever shows of one.
KEPT = 2000
LINES = 4000
SETS = """
const Real = Set;
window.sets = [];
window.Set = class extends Real {
  constructor(...from) {
    super(...from);
    window.sets.push(new WeakRef(this));
  }
};
"""
LARGEST = "return Math.max(...sets.map((each) => each.deref()?.size ?? 0))"


def test_page_of_a_job_that_says_much_remembers_no_more_than_it_can_show(
    person: Callable[..., Person],
) -> None:
    """Each line is shown once, and its key is forgotten when the line can't come again."""
    ada = person()
    command = "Page.addScriptToEvaluateOnNewDocument"
    ada.browser.execute_cdp_cmd(command, {"source": SETS})
    body = {"task": "forms.chatty", "arguments": {"lines": LINES}}
    job = ada.session.http.post("/api/jobs", json=body).json()["id"]
    ada.go(f"/jobs/{job}/")
    largest = 0

    def is_read() -> bool:
        nonlocal largest
        largest = max(largest, int(ada.browser.execute_script(LARGEST)))
        last = "return document.querySelector('#live-log .line:last-child span')?.textContent"
        return str(ada.browser.execute_script(last)) == f"line {LINES - 1}"

    ada.until(is_read, "its last line is shown")
    assert largest <= KEPT
    assert ada.count("#live-log .line") <= KEPT
