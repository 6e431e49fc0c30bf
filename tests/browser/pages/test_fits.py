"""Every page fits its screen, names what it asks for, and asks nobody else."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.pages.person import Person

# What reaches beyond the screen, and doesn't scroll within something that does not.
TOO_WIDE = """
if (document.documentElement.scrollWidth <= arguments[0]) return [];
const sheets = [...document.styleSheets].map((each) => each.href);
return [...sheets, ...[...document.querySelectorAll("body *")]
  .filter((each) => each.getBoundingClientRect().right > arguments[0])
  .map((each) => each.outerHTML.slice(0, 200))];
"""
# Fields without a name for who only hears, ids that come twice, and headings that skip a level.
FAULTS = """
const named = (each) => each.labels?.length || each.getAttribute("aria-label") || each.getAttribute("aria-labelledby");
const fields = [...document.querySelectorAll("main :is(input:not([type=hidden]), select, textarea)")];
const buttons = [...document.querySelectorAll("button, a[href]")];
const ids = [...document.querySelectorAll("[id]")].map((each) => each.id);
const levels = [...document.querySelectorAll("h1, h2, h3, h4")].map((each) => Number(each.tagName[1]));
return [
  ...fields.filter((each) => !named(each)).map((each) => `no label: ${each.outerHTML}`),
  ...buttons.filter((each) => !each.textContent.trim() && !each.getAttribute("aria-label")).map((each) => `no words: ${each.outerHTML}`),
  ...ids.filter((id, at) => ids.indexOf(id) !== at).map((id) => `twice: ${id}`),
  ...levels.filter((level, at) => level > (levels[at - 1] ?? 0) + 1).map((level) => `a heading skips to ${level}`),
  ...[...document.querySelectorAll("[aria-describedby]")].flatMap((each) => each.getAttribute("aria-describedby").split(" ")).filter((id) => !document.getElementById(id)).map((id) => `describes nothing: ${id}`),
  ...performance.getEntriesByType("resource").map((each) => each.name).filter((name) => !name.startsWith(location.origin)),
];
"""


@pytest.mark.parametrize("width", [390, 1440])
def test_pages_fit_and_are_named(person: Callable[..., Person], width: int) -> None:
    """With long words in a table, an error and a log; nothing scrolls sideways but a table."""
    ada = person(width=width)
    long = "w" * 400
    jobs = [
        _made(ada, "forms.hostile", text=long),
        _made(ada, "forms.refuse", text=long),
        _made(ada, "forms.table", rows=120),
    ]
    batch = ada.session.http.post(
        "/api/batches", json={"task": "forms.table", "arguments": [{}, {"rows": 3}]}
    ).json()
    paths = ["/", "/tasks/", "/tasks/forms.everything/", "/jobs/", f"/batches/{batch['id']}/"]
    for path in [*paths, *(f"/jobs/{job}/" for job in jobs)]:
        ada.go(path)
        wide = ada.browser.execute_script(TOO_WIDE, width)
        assert wide == [], (path, ada.complaints())
        assert ada.browser.execute_script(FAULTS) == [], path


def test_table_is_sorted_and_paged_by_its_links(person: Callable[..., Person]) -> None:
    """By number as numbers, both ways, in place."""
    ada = person()
    ada.go(f"/jobs/{_made(ada, 'forms.table', rows=120)}/")
    for direction, first in (("ascending", "0"), ("descending", "119")):
        ada.find(".table thead a").click()
        ada.until(lambda to=direction: ada.count(f"th[aria-sort={to}]") == 1, "it is sorted")
        ada.until(lambda to=first: ada.text(".table tbody td") == to, "by its numbers")
    ada.find(".table-foot a").click()
    ada.until(lambda: ada.text(".table tbody td") == "19", "the second page is shown")
    ada.until(
        lambda: ada.browser.current_url.endswith("page=2#result"), "the address says what is shown"
    )


def _made(person: Person, task: str, **arguments: Any) -> str:
    body = {"task": task, "arguments": arguments}
    made = person.session.http.post("/api/jobs", json=body, params={"wait": "5"})
    return str(made.json()["id"])
