"""axe-core finds nothing on any page, of no impact: light and dark, on a phone and on a desk; and no
page asks another host for anything."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.browser.chromium import resize
from tests.browser.pages.person import Person

AXE = gzip.decompress((Path(__file__).parents[1] / "axe" / "axe.min.js.gz").read_bytes()).decode()
# Of the second scheme only what depends on it.
RUN = """
const [rules, done] = [arguments[0], arguments[arguments.length - 1]];
axe.run(document, { resultTypes: ["violations"], ...(rules && { runOnly: rules }) }).then(
  ({ violations }) => done(violations.map((each) => [each.impact, each.id, each.nodes.map((node) => node.html.slice(0, 160)).slice(0, 3)])),
  (error) => done([["error", String(error), []]]),
);
"""
ELSEWHERE = """
return performance.getEntriesByType("resource").map((each) => each.name)
  .filter((name) => !name.startsWith(location.origin));
"""
VISITOR = ("/", "/accounts/login/", "/accounts/signup/", "/accounts/password/reset/")
ACCOUNT = (
    "/account/keys/",
    "/account/sessions/",
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/2fa/",
)


def test_axe_finds_nothing_on_any_page(person: Callable[..., Person]) -> None:
    """With jobs that run, wait, failed and ended, charts, a batch that is open, and a table that is
    wrong."""
    ada = person()
    found = {path: faults_of(ada, path) for path in _paths(ada)}
    ada.browser.delete_all_cookies()
    found |= {f"{path} of a visitor": faults_of(ada, path) for path in VISITOR}
    assert {path: faults for path, faults in found.items() if faults} == {}


def faults_of(ada: Person, path: str) -> list[Any]:
    """Return what axe-core finds on a page, and what it asks of other hosts."""
    ada.go(path)
    ada.browser.execute_script(AXE)
    faults: list[Any] = ada.browser.execute_script(ELSEWHERE)
    for width in (390, 1440):
        resize(ada.browser, width=width)
        for scheme, rules in (("dark", None), ("light", ["color-contrast"])):
            ada.prefer(scheme)
            faults += ada.browser.execute_async_script(RUN, rules)
    return faults


def _paths(ada: Person) -> list[str]:
    """Make what the pages show; return their addresses."""
    http = ada.session.http

    def made(task: str, **arguments: Any) -> str:
        body = {"task": task, "arguments": arguments}
        return str(http.post("/api/jobs", json=body, params={"wait": "5"}).json()["id"])

    jobs = [
        made("forms.chart"),
        made("forms.refuse", text="no " * 50),
        made("forms.hostile", text="w" * 200),
        made("forms.table", rows=120),
        made("results.nested"),
        made("results.log", lines=300),
        made("results.report"),
        made("tables.parse", file=_upload(http)),
    ]
    later = {"task": "primes.sum", "arguments": {"limit": 5}, "delay_s": 600}
    http.post("/api/jobs", json=later)
    sets = {"task": "forms.table", "arguments": [{}, {"rows": 3}]}
    batch = http.post("/api/batches", json=sets).json()["id"]
    ada.session.send_form("/tasks/primes.sum/favour/", {"keep": "yes"}, page="/jobs/")
    view = {"name": "Failures", "list": "?status=failed"}
    ada.session.send_form("/jobs/views/save/", view, page="/jobs/")
    return [
        *("/", "/tasks/", "/tasks/forms.everything/", "/tasks/primes.sum/many/"),
        *(f"/jobs/?open={batch}", "/jobs/?status=failed", "/jobs/?q=nowhere"),
        *(f"/jobs/{job}/" for job in jobs),
        f"/batches/{batch}/",
        *ACCOUNT,
    ]


def _upload(http: Any) -> str:
    content = b"a,b\n" + b"".join(b"%d,%d\n" % (n * n % 97, n) for n in range(50))
    headers = {"Content-Type": "application/octet-stream"}
    return str(
        http.post("/api/files", params={"name": "t.csv"}, content=content, headers=headers).json()[
            "id"
        ]
    )
