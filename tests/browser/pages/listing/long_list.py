"""A person's list of many jobs, whose questions to the service a test holds up or answers."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.pages.person import Person
from tests.waiting import wait_until

# More than four pages of what is asked for while somebody scrolls.
MANY = 240
# Questions wait while ``held`` is a promise, and have the answer ``refusal`` while it is a state.
# What would be done two seconds later waits in ``later`` until a test does it.
ASKED = """
const fetched = window.fetch;
window.asked = [];
window.answered = 0;
window.fetch = async (address, options) => {
  const asked = { address: String(address), ...options?.headers };
  window.asked.push(asked);
  await window.held;
  try {
    if (window.refusal) return new Response("", { status: window.refusal });
    return await fetched(address, options);
  } finally {
    window.answered += 1;
  }
};
window.hold = () => { window.held = new Promise((go) => { window.release = () => go(window.held = null); }); };
const started = window.setTimeout;
window.later = [];
window.setTimeout = (act, ms, ...more) =>
  ms === 2000 ? void window.later.push(() => act(...more)) : started(act, ms, ...more);
window.away = () => [...document.querySelectorAll("#older > [data-address]")].filter((part) => !part.querySelector(".jobs"));
window.isSeen = (part) => {
  const { top, bottom } = part.getBoundingClientRect();
  return bottom > 0 && top < innerHeight;
};
window.frames = async (count) => {
  for (let at = 0; at < count; at += 1) await new Promise(requestAnimationFrame);
};
"""
BACKGROUND = "X-Gatehouse-Background"


def make(person: Person, count: int, *, task: str = "primes.check") -> list[str]:
    """Start jobs; return their ids, the oldest first."""
    body = {"task": task, "arguments": {"numbers": [5]}}
    if task == "primes.sum":
        body["arguments"] = {"limit": 5}
    return [person.session.http.post("/api/jobs", json=body).json()["id"] for _ in range(count)]


class LongList:
    """The page of a list, scrolled to where a test wants it."""

    def __init__(self, person: Person) -> None:
        self.person = person

    def open(self, view: str = "") -> None:
        """Open it; its questions are noted."""
        command = "Page.addScriptToEvaluateOnNewDocument"
        self.person.browser.execute_cdp_cmd(command, {"source": ASKED})
        self.person.go(f"/jobs/{view}")

    def scroll_to_end(self, oldest: str) -> None:
        """Scroll until this job is shown, and the first pages are put away."""

        def is_there() -> bool:
            self.run("scrollTo(0, document.body.scrollHeight)")
            return self.person.count(f"#row-{oldest}") == 1

        wait_until(is_there, timeout_s=40, what="the oldest is shown")
        self.person.until(lambda: self.run("return away().length"), "pages are put away")

    def run(self, script: str) -> Any:
        """Run a script in the page; return what it returns, a promise's value too."""
        return self.person.browser.execute_script(script)

    def rows(self) -> list[str]:
        """Return the ids of the rows that the browser keeps, in their order."""
        script = "return [...document.querySelectorAll('.job-row')].map((row) => row.dataset.job)"
        return list(self.run(script))


@pytest.fixture
def long_list(person: Callable[..., Person]) -> Iterator[LongList]:
    """The list of the service's person, not yet opened. Their jobs are deleted at the end: other
    tests have lists of their own length."""
    found = LongList(person())
    yield found
    http = found.person.session.http

    def is_empty() -> bool:
        jobs = http.get("/api/jobs", params={"limit": 100}).json()["jobs"]
        for job in jobs:
            if (
                http.delete(f"/api/jobs/{job['id']}").status_code == 409
            ):  # another test's that waits
                http.post(f"/api/jobs/{job['id']}/cancel")
        return not jobs

    found.run("location.href = 'about:blank'")
    wait_until(is_empty, timeout_s=60, what="no job is left")
