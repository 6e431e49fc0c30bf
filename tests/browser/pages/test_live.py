"""What runs is seen to run: progress, log and end come to the page by themselves."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.browser.pages.person import Person

# What is fetched comes half a second later than it was read.
LATE = """
    const fetched = window.fetch;
    window.fetch = async (...asked) => {
      const answer = await fetched(...asked);
      const text = await answer.clone().text();
      await new Promise((go) => setTimeout(go, 500));
      window.late = (window.late ?? 0) + (text ? 1 : 0);
      return answer;
    };
"""

# A tab that was opened behind others; it notes the streams that it opens.
HIDDEN = """
    Object.defineProperty(document, "visibilityState", { configurable: true, value: "hidden" });
    const Real = window.EventSource;
    window.streams = 0;
    window.EventSource = class extends Real {
      constructor(address) {
        super(address);
        window.streams += 1;
      }
    };
"""
# And nothing that such a tab does by the clock.
STOPPED = """
    const started = window.setInterval;
    window.setInterval = (act, ms) => (ms >= 15_000 ? 0 : started(act, ms));
"""
# Its first stream is refused, and half a minute is over soon.
REFUSED_ONCE = """
    const Counted = window.EventSource;
    window.EventSource = class extends Counted {
      constructor(address) {
        super(window.streams ? address : "/nowhere/");
      }
    };
    const later = window.setTimeout;
    window.setTimeout = (act, ms) => later(act, ms === 30_000 ? 100 : ms);
"""
TOLD = "● Succeeded: forms.wait · Gatehouse"
SEEN = "delete document.visibilityState; document.dispatchEvent(new Event('visibilitychange'))"


def test_progress_log_and_result_come_by_themselves(person: Callable[..., Person]) -> None:
    """No line of the log twice, and none left out; the state is said to who only hears."""
    ada = person()
    ada.start("forms.slow", steps="60")
    ada.until(lambda: ada.count(".progress progress[value]") == 1, "there is a bar")
    ada.until(lambda: ada.count("#live-log .line") > 3, "the log grows")
    assert ada.text("h1 .state") == "Running"
    ada.until(lambda: ada.text(".big") == "60", "the result is shown")
    assert ada.text("h1 .state") == "Succeeded"
    assert ada.browser.title.startswith("Succeeded")
    ada.until(lambda: "Succeeded" in ada.text("#told"), "the end is said")
    lines = [line.split(" ", 1)[1] for line in ada.text("#live-log").splitlines()]
    assert lines == [f"step {number}" for number in range(60)]
    assert ada.count("form[action$='/cancel/']") == 0


def test_page_that_is_late_takes_no_line_away(person: Callable[..., Person]) -> None:
    """Lines that came while it was on its way stay, in their order."""
    ada = person()
    ada.browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": LATE})
    ada.start("forms.slow", steps="60")
    ada.until(lambda: ada.browser.execute_script("return window.late > 0"), "a page was late")
    ada.until(lambda: ada.text("#live-log").count("step") > 30, "the log grows")
    lines = [line.split(" ", 1)[1] for line in ada.text("#live-log").splitlines()]
    assert lines == [f"step {number}" for number in range(len(lines))]


def test_page_that_nobody_sees_takes_no_stream(person: Callable[..., Person]) -> None:
    """A browser has six connections to a server for all its tabs: with a stream for each, the
    seventh would stand still. As soon as it is seen, it is live."""
    ada = person()
    ada.browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": HIDDEN})
    ada.go("/jobs/")
    assert ada.browser.execute_script("return window.streams") == 0
    body = {"task": "primes.check", "arguments": {"numbers": [7]}}
    job = ada.session.http.post("/api/jobs", json=body, params={"wait": "5"}).json()["id"]
    ada.browser.execute_script(SEEN)
    ada.until(lambda: "Succeeded" in ada.text(f"#row-{job}"), "what came meanwhile is shown")
    assert ada.browser.execute_script("return window.streams") == 1
    ada.browser.execute_script("document.dispatchEvent(new Event('visibilitychange'))")
    assert ada.browser.execute_script("return window.streams") == 1


def start_unseen(ada: Person, there: Path) -> str:
    """Start a job that ends when the file is there, of whose end the person wants to be told; return
    the path of its page."""
    ada.browser.execute_cdp_cmd("Browser.grantPermissions", {"permissions": ["notifications"]})
    ada.start("forms.wait", path=str(there))
    ada.browser.execute_script("localStorage.setItem('gatehouse-tell-end', 'yes')")
    return urlsplit(ada.browser.current_url).path


def go_unseen(ada: Person, path: str, *scripts: str) -> None:
    """Open a page in this tab as one that nobody sees, and that does nothing by the clock."""
    for script in (HIDDEN, STOPPED, *scripts):
        command = "Page.addScriptToEvaluateOnNewDocument"
        ada.browser.execute_cdp_cmd(command, {"source": script})
    ada.go(path)


def test_pages_that_nobody_sees_hear_of_an_end_by_one_stream(
    person: Callable[..., Person], tmp_path: Path
) -> None:
    """Where the person wants to be told: at once, and not when such a page asks by the clock."""
    ada = person()
    path = start_unseen(ada, tmp_path / "there")
    go_unseen(ada, path)
    ada.browser.switch_to.new_window("tab")
    go_unseen(ada, path)
    tabs = ada.browser.window_handles

    def on_each(script: str) -> list[Any]:
        found = []
        for tab in tabs:
            ada.browser.switch_to.window(tab)
            found.append(ada.browser.execute_script(script))
        return found

    ada.until(lambda: sum(on_each("return window.streams")) == 1, "one of them holds a stream")
    (tmp_path / "there").touch()
    ada.until(lambda: on_each("return document.title") == [TOLD] * 2, "both tell")
    assert sum(on_each("return window.streams")) == 1


def test_page_that_nobody_sees_asks_again_when_its_stream_was_refused(
    person: Callable[..., Person], tmp_path: Path
) -> None:
    """A proxy that restarts refuses it once, for which the browser itself gives up."""
    ada = person()
    go_unseen(ada, start_unseen(ada, tmp_path / "there"), REFUSED_ONCE)
    ada.until(lambda: ada.browser.execute_script("return window.streams") == 2, "it asks again")
    (tmp_path / "there").touch()
    ada.until(lambda: ada.browser.title == TOLD, "it tells")
    assert ["/nowhere/" in each["message"] for each in ada.complaints()] == [True]


def test_list_changes_while_its_filter_and_a_form_keep_what_was_chosen(
    person: Callable[..., Person], tmp_path: Path
) -> None:
    """A job that another program starts appears and ends in the open page; what is being filled in
    stays, and so does the focus. Its row's Cancel works without leaving the page."""
    ada = person()
    for _ in range(2):
        ada.start("forms.wait", path=str(tmp_path / "there"))
    ada.go("/jobs/")
    ada.find("#task option[value=''], #task option").click()
    ada.browser.execute_script(
        "document.getElementById('task').value = 'primes.sum';"
        "window.kept = document.querySelector('.job-row .what a'); window.kept.focus()"
    )
    body = {"task": "primes.sum", "arguments": {"limit": 50}}
    job = ada.session.http.post("/api/jobs", json=body).json()["id"]
    row = f"#row-{job}"
    ada.until(lambda: "Succeeded" in ada.text(row), "the new job is listed and has ended")
    assert ada.find("#task").get_attribute("value") == "primes.sum"
    assert ada.browser.execute_script("return document.activeElement === window.kept")
    waiting = [
        f"#{each.get_attribute('id')}"
        for each in ada.browser.find_elements("css selector", ".job-row")
    ][1:3]
    ada.find(f"{waiting[0]} button").click()
    ada.until(lambda: "Cancelled" in ada.text(waiting[0]), "it is cancelled")
    assert ada.find("#task").get_attribute("value") == "primes.sum"
    ada.go("/")
    assert "1 of 4 · waits" in ada.text(waiting[1])
    (tmp_path / "there").touch()
    ada.until(lambda: "Succeeded" in ada.text(waiting[1]), "the other one ends, seen from home")
    assert "forms.wait" in ada.text("[aria-labelledby=used-h] .chips")
