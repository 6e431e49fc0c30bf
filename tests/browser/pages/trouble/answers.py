"""A page whose questions to the service a test holds up, loses or fails."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.pages.person import Person

# Each rule takes as many questions as its ``times`` says. What is held was answered by the service already,
# and comes, or is lost, when the test lets it go.
RULES = """
const fetched = window.fetch;
window.asked = [];
window.rules = [];
window.fetch = async (address, options = {}) => {
  const asked = `${options.method ?? "GET"} ${new URL(address, location.href)}`;
  window.asked.push(asked);
  const rule = window.rules.find(({ what, times }) => times > 0 && asked.includes(what));
  if (!rule) return fetched(address, options);
  rule.times -= 1;
  if (rule.status) return new Response("", { status: rule.status });
  const answer = await fetched(address, options);
  await answer.clone().text();
  rule.isHeld = true;
  await rule.goes;
  rule.isOut = true;
  if (rule.isLost) throw new TypeError("Failed to fetch");
  return answer;
};
window.addRule = (rule) => {
  rule.goes = new Promise((go) => (rule.go = go));
  window.rules.push(rule);
};
const Real = window.EventSource;
window.EventSource = class extends Real {
  constructor(address) {
    super(address);
    this.addEventListener("end", () => (window.ended = performance.now()));
  }
};
"""
# As long as a page needs at most to ask again after an event.
SOON_MS = 2000


class Answers:
    """The answers to one page's questions."""

    def __init__(self, person: Person) -> None:
        self.person = person
        command = "Page.addScriptToEvaluateOnNewDocument"
        person.browser.execute_cdp_cmd(command, {"source": RULES})

    def run(self, script: str, *values: Any) -> Any:
        """Run a script in the page; return what it returns."""
        return self.person.browser.execute_script(script, *values)

    def hold(self, what: str, *, is_lost: bool = False) -> None:
        """Hold up the answer to the next question that has this in its method and address."""
        self.run("addRule({ what: arguments[0], times: 1, isLost: arguments[1] })", what, is_lost)

    def hold_first(self, what: str) -> None:
        """Hold up the first such question of each page that is opened from now on."""
        rule = f"addRule({{ what: {json.dumps(what)}, times: 1 }})"
        command = "Page.addScriptToEvaluateOnNewDocument"
        self.person.browser.execute_cdp_cmd(command, {"source": rule})

    def wait_held(self) -> None:
        """Wait until the service has answered what is held up."""
        self.person.until(
            lambda: self.run("return rules.some((each) => each.isHeld)"), "it is held"
        )

    def let_go(self) -> None:
        """Let what is held up come, or be lost, and the page see to it."""
        self.run("for (const each of rules) each.go()")
        self.person.until(
            lambda: self.run("return rules.every((each) => !each.isHeld || each.isOut)"),
            "it is out",
        )
        self.run("return new Promise((go) => setTimeout(go, 50))")

    def wait_ended(self) -> None:
        """Wait until the stream has ended, and the page has had the time to ask again."""
        script = "return window.ended && performance.now() > ended + arguments[0]"
        self.person.until(lambda: self.run(script, SOON_MS), "the stream has ended")

    def fail(self, what: str, status: int, *, times: int = 1_000_000) -> None:
        """Answer the next questions like this with a state, without the service."""
        rule = "addRule({ what: arguments[0], status: arguments[1], times: arguments[2] })"
        self.run(rule, what, status, times)

    def recover(self) -> None:
        """Let the service answer again."""
        self.run("for (const each of rules) each.times = 0")

    def count(self, what: str) -> int:
        """Return how many questions like this were asked."""
        script = "return asked.filter((each) => each.includes(arguments[0])).length"
        return int(self.run(script, what))


@pytest.fixture
def answers(person: Callable[..., Person]) -> Answers:
    """The answers that a logged-in person's next pages get."""
    return Answers(person())
