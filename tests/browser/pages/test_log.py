"""A job's log: colours, following, pausing, searching; and being told when the job ends."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django_site.work.log.ansi import LONGEST, pieces_of
from tests.browser.pages.person import Person
from tests.browser.result_tasks import LINES

_SEED = 16
_PARTS = (
    "\x1b",
    "[",
    "3",
    "1",
    ";",
    "m",
    "48;5;",
    "38;2;",
    "255",
    "7",
    "a",
    "\U0001f600",
    "\u202e",
)
SPY = """
const Real = window.Notification;
window.Notification = class extends Real {
  constructor(title, options) {
    super(title, options);
    localStorage.setItem("told", JSON.stringify([title, document.title]));
  }
};
"""
# As browsers of phones have it, while another tab is looked at.
PHONE = """
window.Notification = class {
  static permission = "granted";
  constructor() {
    throw new TypeError("Illegal constructor. Use ServiceWorkerRegistration.showNotification()");
  }
};
Object.defineProperty(document, "visibilityState", { configurable: true, value: "hidden" });
"""
SHOW_ANEW = """
const done = arguments[0];
const loaded = performance.getEntriesByType("resource").map((each) => each.name);
import(loaded.find((name) => name.includes("gatehouse/live")))
  .then((live) => live.refresh())
  .then(() => done(document.title));
"""
LOOK = "delete document.visibilityState; dispatchEvent(new Event('focus')); return document.title"


def test_colours_are_the_same_however_a_line_comes(person: Callable[..., Person]) -> None:
    """What the server writes and what scripts make of an event: the same pieces of any line."""
    ada = person()
    body = {"task": "results.log", "arguments": {}}
    job = ada.session.http.post("/api/jobs", json=body, params={"wait": "5"}).json()
    ada.go(f"/jobs/{job['id']}/")
    assert ada.text("#live-log .fore-1") == "red"
    chance = random.Random(_SEED)
    lines = ["".join(chance.choices(_PARTS, k=60)) for _ in range(300)]
    lines += [*LINES, "\U0001f600" * (LONGEST + 1), "x" * LONGEST, "\x1b[31ma\x1b[m" * 400]
    script = """
    const [lines, done] = arguments;
    import(new URL("/static/gatehouse/ansi.js", location.href)).then((ansi) => done(lines.map(ansi.piecesOf)));
    """
    made: list[Any] = ada.browser.execute_async_script(script, lines)
    for line, pieces in zip(lines, made, strict=True):
        assert [tuple(piece) for piece in pieces] == list(pieces_of(line)), line
    text = ada.session.http.get(f"/api/jobs/{job['id']}/log", params={"format": "text"})
    assert "attachment" in text.headers["Content-Disposition"]
    assert text.text.splitlines()[0].endswith("Z INFO red plain bold green thin")
    assert "\x1b" not in text.text


def test_log_is_followed_paused_and_searched(person: Callable[..., Person]) -> None:
    """Following stops when one scrolls up, and goes on at the end; what came in a pause is there
    after it; the search counts and leads from line to line."""
    ada = person()
    ada.start("forms.slow", steps="10000")
    ada.until(lambda: ada.count("#live-log .line") > 40, "the log is longer than its place")
    ada.until(lambda: _left(ada) < 40, "it is followed")
    ada.browser.execute_script("document.getElementById('live-log').scrollTop = 0")
    ada.until(lambda: _pressed(ada, "follow") == "false", "it is not followed")
    ada.find("#log-follow").click()
    ada.until(lambda: _left(ada) < 40, "it is again")
    ada.find("#log-pause").click()
    count = ada.count("#live-log .line")
    ada.until(lambda: "new" in ada.text("#log-pause"), "lines are held back")
    assert ada.count("#live-log .line") == count
    ada.find("#log-pause").click()
    ada.until(lambda: ada.count("#live-log .line") > count, "they are shown")
    ada.find("#log-wrap").click()
    ada.find("form[action$='/cancel/'] button").click()
    ada.until(lambda: ada.text("h1 .state") == "Cancelled", "it has ended")
    assert ada.count("#live-log.unwrapped") == 1, "remembered on the next page"
    ada.fill("#log-q", "STEP 1")
    ada.until(lambda: "of" in ada.text("#log-found"), "it is found")
    place, _, total = ada.text("#log-found").removesuffix(" lines").partition(" of ")
    ada.find("#log-next").click()
    ada.until(lambda: ada.text("#log-found").startswith("1 of "), "after the last, the first")
    assert (place, ada.count("#live-log .hit")) == (total, int(total))
    assert ada.text("#live-log .now").endswith("step 1")


def test_end_is_told_to_who_asked(person: Callable[..., Person], tmp_path: Path) -> None:
    """By a notification and the title, while the page is not looked at; asked once for all jobs."""
    ada = person()
    ada.browser.execute_cdp_cmd("Browser.grantPermissions", {"permissions": ["notifications"]})
    ada.start("forms.wait", path=str(tmp_path / "there"))
    ada.find("#tell button").click()
    ada.until(
        lambda: ada.find("#tell button").get_attribute("aria-pressed") == "true", "it is wanted"
    )
    ada.browser.refresh()
    ada.until(
        lambda: ada.find("#tell button").get_attribute("aria-pressed") == "true", "remembered"
    )
    ada.browser.execute_script(SPY)
    ada.browser.switch_to.new_window("tab")
    ada.go("/jobs/")
    (tmp_path / "there").touch()
    read = "return localStorage.getItem('told')"
    ada.until(lambda: ada.browser.execute_script(read), "it is told")
    told = json.loads(ada.browser.execute_script(read))
    title = "Succeeded: forms.wait · Gatehouse"
    assert told == ["forms.wait: Succeeded", f"● {title}"]
    # where a page can't notify, the title does, until it is looked at
    ada.start("forms.wait", path=str(tmp_path / "then"))
    ada.browser.execute_script(PHONE)
    (tmp_path / "then").touch()
    ada.until(lambda: ada.browser.title == f"● {title}", "it is told by the title")
    assert ada.browser.execute_async_script(SHOW_ANEW) == f"● {title}"
    assert ada.browser.execute_script(LOOK) == title
    assert ada.browser.execute_async_script(SHOW_ANEW) == title


def _left(person: Person) -> float:
    """Return how far the log is from its end."""
    script = "const log = document.getElementById('live-log'); return log.scrollHeight - log.scrollTop - log.clientHeight"
    return float(person.browser.execute_script(script))


def _pressed(person: Person, name: str) -> str | None:
    return person.find(f"#log-{name}").get_attribute("aria-pressed")
