"""A job is shared on its page and looked at by another person: live, readable without scripts, and
nothing can be changed."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from tests.browser.chromium import resize
from tests.browser.form_tasks import HOSTILE
from tests.browser.pages.person import Person
from tests.browser.pages.test_axe import faults_of
from tests.browser.pages.test_fits import FAULTS, TOO_WIDE
from tests.e2e.service import ServiceProcess


@dataclass(frozen=True)
class Cookie:
    """The session of somebody made beside the service."""

    cookie: str


@pytest.fixture
def bob(service: ServiceProcess, open_browser: Callable[..., Chrome]) -> Callable[..., Person]:
    """A function that opens a browser as another person."""
    made = json.loads(service.run("-m", "tests.e2e.site_side", "people", "1"))[0]

    def open_one(*, width: int = 1280) -> Person:
        session = Cookie(made["cookie"])
        return Person(open_browser(width=width), service.address, session)  # type: ignore[arg-type]

    return open_one


def share(ada: Person, job: str, **terms: object) -> str:
    """Share a job beside the pages; return the address of its page."""
    answer = ada.session.http.post(f"/api/jobs/{job}/shares", json=terms)
    assert answer.status_code == 201, answer.text
    return f"/shared/{answer.json()['token']}/"


def test_job_is_shared_looked_at_live_and_ended(
    person: Callable[..., Person], bob: Callable[..., Person], tmp_path: Path
) -> None:
    """From the form on the job's page to the moment when the other one sees nothing more."""
    ada, other = person(), bob(width=390)
    ada.start("forms.wait", path=str(tmp_path / "there"))
    job = ada.browser.current_url
    ada.find("#share summary").click()
    ada.find("#audience-link").click()
    ada.find("#shows-owner").click()
    ada.find("#share .actions button").click()
    ada.until(lambda: ada.count("#link") == 1, "the link is shown")
    link = ada.find("#link").get_attribute("value") or ""
    other.browser.get(link)
    other.until(lambda: "1 of 4 · waits" in other.text(".progress-words"), "it is seen to run")
    assert other.text("h1 .state") == "Running"
    assert other.count("main :is(form, button)") == 0
    assert other.count("main a[href*='/jobs/']") == 0
    ada.browser.get(job)
    ada.until(lambda: "1 looks on" in ada.text("#looks-on"), "the owner sees who looks on")
    (tmp_path / "there").touch()
    other.until(lambda: other.text(".big, .small-value") == "done", "the result comes by itself")
    assert other.text("h1 .state") == "Succeeded"
    assert other.browser.title.startswith("Succeeded")
    ada.go("/account/shares/")
    ada.find(".shares button").click()
    ada.until(lambda: ada.count(".note.success") == 1, "it is ended")
    other.browser.get(link)
    assert "Nothing is shown here" in other.text("h1")
    lines = other.browser.get_log("browser")  # type: ignore[no-untyped-call]
    assert [line for line in lines if "404" not in line["message"]] == []


def test_pages_of_a_share_fit_read_well_and_show_hostile_words_as_text(
    person: Callable[..., Person],
) -> None:
    """On a phone and on a desk, light and dark: the job's section, the shared page with everything, the list, the link, and nothing."""
    ada = person()
    body = {"task": "forms.hostile", "arguments": {"text": HOSTILE}}
    job = ada.session.http.post("/api/jobs", json=body, params={"wait": "5"}).json()["id"]
    everything = ["arguments", "files", "owner"]
    path = share(ada, job, audience="group", group="<b>group</b> " + "w" * 120, shows=everything)
    found = {}
    paths = (path, f"/jobs/{job}/", "/account/shares/", "/shared/" + "A" * 43 + "/")
    for each in paths:
        found[each] = faults_of(ada, each)
        found[each] += ada.browser.execute_script(FAULTS)
        for width in (1440, 390):
            resize(ada.browser, width=width)
            found[each] += ada.browser.execute_script(TOO_WIDE, width)
    assert {each: faults for each, faults in found.items() if faults} == {}
    ada.go(path)
    assert "<script>alert(2)</script>" in ada.text(".table tbody")
    assert ada.count("main :is(img, script)") == 0
    ada.browser.get_log("browser")  # type: ignore[no-untyped-call]  # one of them is a 404


def test_shared_job_is_read_and_ended_without_scripts(person: Callable[..., Person]) -> None:
    """The whole page is the server's; so are the form and the list."""
    ada = person(with_scripts=False)
    body = {"task": "forms.table", "arguments": {"rows": 12}}
    job = ada.session.http.post("/api/jobs", json=body, params={"wait": "5"}).json()["id"]
    path = share(ada, job)
    ada.go(path)
    assert ada.count("#live-made tbody tr") == 12
    download = ada.find(".table-tools [href*='format=jsonl']").get_attribute("href") or ""
    assert f"/api{path}table?" in download, "from the address of the share, not of the job"
    lines = ada.session.http.get(download).text.splitlines()
    assert (len(lines), json.loads(lines[3])["number"]) == (12, 3)
    ada.go(f"/jobs/{job}/")
    ada.find("#share summary").click()
    ada.find("#audience-people").click()
    ada.find("#share .actions button").click()
    ada.until(lambda: "give people" in ada.text(".note.error"), "the API's words are shown")
    ada.fill("#share-people", "bob, carl")
    ada.find(".share-form .actions button").click()
    ada.until(lambda: "bob, carl" in ada.text(".facts"), "it is shared with both")
    ada.go(f"/jobs/{job}/")
    ada.find(".shares button").click()
    ada.until(lambda: ada.count(".shares li") == 1, "the first of them is ended")
