"""The list of one's jobs: search, views in the address, and many at once, without scripts."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.service import PATIENT, Browser, ServiceProcess
from tests.waiting import wait_until

TASKS = "flask_api.tasks.library,tests.browser.form_tasks"
_ROW = re.compile(r'id="row-([0-9a-f-]{36})"')


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """One service for this file."""
    with ServiceProcess(tmp_path_factory.mktemp("list"), task_modules=TASKS) as service:
        yield service


@pytest.fixture
def ada(service: ServiceProcess) -> Browser:
    """A person who is logged in."""
    browser = service.new_browser()
    browser.log_in(tries=PATIENT)
    return browser


def made(person: Browser, number: int) -> str:
    """Run a job to its end; return its id."""
    body = {"task": "primes.check", "arguments": {"numbers": [number]}}
    return str(person.http.post("/api/jobs", json=body, params={"wait": "10"}).json()["id"])


def test_search_is_in_the_address_and_says_how_far_it_looked(ada: Browser) -> None:
    """What is typed stands in the field again; nothing found leads to all."""
    wanted, other = made(ada, 12_345), made(ada, 777)
    page = ada.http.get("/jobs/", params={"q": '<b> "12345'}).text
    assert 'value="&lt;b&gt; &quot;12345"' in page
    page = ada.http.get("/jobs/", params={"q": "12345"}).text
    assert _ROW.findall(page) == [wanted]
    assert "Searched 2 jobs, all there are" in page
    assert other in ada.http.get("/jobs/", params={"q": "PRIMES.check"}).text
    assert "No job is like this" in ada.http.get("/jobs/", params={"q": "nowhere"}).text


def test_many_are_deleted_after_a_question_and_only_ones_own(ada: Browser) -> None:
    """What can't be is said with its reason; the list keeps its filters."""
    first, second = made(ada, 3), made(ada, 4)
    chosen: dict[str, str | list[str]] = {
        "job": [first, second, "no-id", "00000000-0000-7000-8000-000000000000"]
    }
    sent = {**chosen, "list": "?q=primes&status=bogus&evil=1"}
    question = ada.send_form("/jobs/many/", {**sent, "do": "delete"}, page="/jobs/")
    assert "Delete 3?" in question.text
    assert first in ada.http.get("/jobs/").text
    done = ada.send_form("/jobs/many/", {**sent, "do": "delete", "sure": "yes"}, page="/jobs/")
    assert done.headers["Location"] == "/jobs/?q=primes"
    page = ada.http.get("/jobs/").text
    assert "2 deleted." in page
    assert "1 not: There is no such job." in page
    assert first not in page


def test_what_can_not_be_done_with_many_is_said(ada: Browser) -> None:
    """Nothing ticked, too much, an end that has come already; a form of elsewhere is refused."""
    job = made(ada, 5)
    cases: list[tuple[dict[str, str | list[str]], str]] = [
        ({"do": "cancel"}, "Choose some jobs first."),
        ({"do": "evil", "job": job}, "Choose some jobs first."),
        ({"do": "cancel", "job": [job] * 201}, "Choose 200 at most."),
        ({"do": "cancel", "job": job}, "1 not: "),
        ({"do": "retry", "job": job}, "1 not: "),
    ]
    for sent, words in cases:
        ada.send_form("/jobs/many/", sent, page="/jobs/")
        assert words in ada.http.get("/jobs/").text, sent
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    evil = {"do": "delete", "sure": "yes", "job": job}
    assert ada.http.post("/jobs/many/", data=evil, headers=foreign).status_code == 403
    assert job in ada.http.get("/jobs/").text


def test_view_is_kept_by_name_and_forgotten(ada: Browser) -> None:
    """A link to it stands above the list; one name is one view."""
    for query in ("?status=failed", "?status=failed&task=primes.sum&evil=1"):
        ada.send_form("/jobs/views/save/", {"name": "  My <b>ad ", "list": query}, page="/jobs/")
    page = ada.http.get("/jobs/").text
    assert page.count("My &lt;b&gt;ad") == 1
    assert 'href="?status=failed&amp;task=primes.sum"' in page
    assert "Forget this view" in ada.http.get("/jobs/?status=failed&task=primes.sum").text
    for sent in ({"name": "x", "list": ""}, {"name": " ", "list": "?q=1"}):
        ada.send_form("/jobs/views/save/", sent, page="/jobs/")
        assert "Choose what is shown, and give it a name." in ada.http.get("/jobs/").text
    ada.send_form("/jobs/views/forget/", {"name": "My <b>ad", "list": ""}, page="/jobs/")
    assert "My &lt;b" not in ada.http.get("/jobs/").text


def test_favourite_task_stands_on_the_first_page(ada: Browser) -> None:
    """And first among the tasks; once more, and it is none."""
    ada.send_form("/tasks/primes.sum/favour/", {"keep": "yes"}, page="/tasks/primes.sum/")
    assert "Favourites" in ada.http.get("/").text
    assert "Favourites" in ada.http.get("/tasks/").text
    ada.send_form("/tasks/primes.sum/favour/", {}, page="/tasks/primes.sum/")
    assert "Favourites" not in ada.http.get("/").text
    unknown = {"keep": "yes"}
    assert ada.send_form("/tasks/no.such/favour/", unknown, page="/jobs/").status_code == 404


def test_first_page_shows_what_runs_behind_fifty_newer_jobs(ada: Browser) -> None:
    """A long job, and what waits since before: running ones first; ended ones are not said to."""
    body = {"task": "primes.check", "arguments": {"numbers": [1]}, "delay_s": 600}
    waiting = str(ada.http.post("/api/jobs", json=body).json()["id"])
    for number in range(52):
        last = made(ada, number)
    page = ada.http.get("/").text
    under_way, _, ended = page.partition('id="ended-h"')
    assert _ROW.findall(under_way) == [waiting]
    assert _ROW.findall(ended)[0] == last
    ada.http.post(f"/api/jobs/{waiting}/cancel")
    assert waiting not in ada.http.get("/").text.partition('id="ended-h"')[0]


def test_first_page_shows_a_batch_that_runs_behind_fifty_newer_ones(
    ada: Browser, tmp_path: Path
) -> None:
    """As it does a job; once it has ended it is not said to run."""
    there = tmp_path / "there"
    body = {"task": "forms.wait", "arguments": [{"path": str(there)}]}
    batch = str(ada.http.post("/api/batches", json=body).json()["id"])
    for number in range(51):
        newer = {"task": "primes.check", "arguments": [{"numbers": [number]}]}
        assert ada.http.post("/api/batches", json=newer).status_code == 202

    def is_under_way() -> bool:
        return batch in _ROW.findall(ada.http.get("/").text.partition('id="ended-h"')[0])

    wait_until(is_under_way, timeout_s=20, what="it runs, and is shown to")
    there.touch()
    wait_until(lambda: not is_under_way(), timeout_s=20, what="it has ended")


def test_batch_opens_in_the_list(ada: Browser) -> None:
    """Its first jobs stand below it, and the address keeps it open."""
    body = {"task": "primes.check", "arguments": [{"numbers": [n]} for n in range(30)]}
    batch = ada.http.post("/api/batches", json=body).json()
    page = ada.http.get("/jobs/", params={"open": batch["id"]}).text
    assert "numbers=[24]" in page
    assert "numbers=[25]" not in page
    assert "All 30 jobs" in page
    assert "numbers=[24]" not in ada.http.get("/jobs/").text
