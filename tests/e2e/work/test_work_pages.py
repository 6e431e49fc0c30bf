"""The pages of work ask the API as the person who asks them, and nobody else may through them."""

import uuid
from collections.abc import Iterator

import httpx
import pytest
import redis

from flask_api.jobs.records import keyspace
from tests.e2e.service import PATIENT, Browser, ServiceProcess, address_of

FORM = "/tasks/primes.sum/"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """One service for this file."""
    with ServiceProcess(tmp_path_factory.mktemp("work"), server="gunicorn") as service:
        yield service


@pytest.fixture
def ada(service: ServiceProcess) -> Browser:
    """A person who is logged in."""
    browser = service.new_browser()
    browser.log_in(tries=PATIENT)
    return browser


def jobs_of(person: Browser) -> int:
    """Return how many jobs the person has."""
    return len(person.http.get("/api/jobs").json()["jobs"])


def test_form_starts_one_job_however_often_it_is_sent(ada: Browser) -> None:
    """Pressed twice it is one job; gone back to with another value, one more, pressed thrice."""
    before = jobs_of(ada)
    sent = {"limit": "10", "mode": "form", "key": str(uuid.uuid4())}
    places = {ada.send_form(FORM, sent).headers["Location"] for _ in range(2)}
    assert len(places) == 1
    corrected = {**sent, "limit": "11"}
    others = {ada.send_form(FORM, corrected).headers["Location"] for _ in range(3)}
    assert len(others) == 1
    assert others.isdisjoint(places)
    assert jobs_of(ada) == before + 2


def test_nothing_is_started_for_who_is_not_logged_in_or_comes_from_elsewhere(
    service: ServiceProcess, ada: Browser
) -> None:
    """Each is sent to log in, or refused; what a stranger's headers claim is not passed on."""
    before = jobs_of(ada)
    stranger = service.new_browser()
    for path in ("/tasks/", FORM, "/jobs/", "/jobs/00000000-0000-7000-8000-000000000000/"):
        answer = stranger.http.get(path, headers={"Authorization": "Bearer gh_x"})
        assert (answer.status_code, "/accounts/login/" in answer.headers["Location"]) == (302, True)
    assert stranger.http.post(FORM, data={"limit": "3"}).status_code == 403  # no form, no token
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert ada.http.post(FORM, data={"limit": "3"}, headers=foreign).status_code == 403
    assert jobs_of(ada) == before


def test_end_of_a_session_is_the_end_of_its_pages(service: ServiceProcess) -> None:
    """Its cookie opens neither the page nor, through it, the API."""
    gone = service.new_browser()
    gone.log_in()
    cookie = gone.cookie
    gone.log_out()
    answer = httpx.get(f"{service.address}/jobs/", cookies={"sessionid": cookie}, trust_env=False)
    assert answer.status_code == 302


def test_refusals_of_the_api_are_pages(ada: Browser) -> None:
    """404 for a job that is not there, for a task that is not, and for actions on them."""
    nowhere = "/jobs/00000000-0000-7000-8000-000000000000/"
    answer = ada.http.get(nowhere)
    assert (answer.status_code, "There is no such job" in answer.text) == (404, True)
    assert ada.send_form(f"{nowhere}cancel/", {}, page=FORM).status_code == 404
    assert ada.http.get("/tasks/no.such/").status_code == 404
    assert ada.http.get(f"{FORM}?from=nonsense").status_code == 200
    job = ada.send_form(FORM, {"limit": "10", "mode": "form"}).headers["Location"]
    ada.http.get(f"/api{job.rstrip('/')}", params={"wait": "10"})
    again = ada.send_form(f"{job}cancel/", {}, page=FORM)
    assert again.headers["Location"] == job
    unread = ada.http.get(job, headers={"X-Gatehouse-Background": "1"})
    assert 'class="note warning"' not in unread.text
    assert 'class="note warning"' in ada.http.get(job).text
    assert ada.send_form(f"{job}delete/", {}, page=FORM).headers["Location"] == "/jobs/"
    assert ada.http.get(job).status_code == 404


def test_list_of_jobs_and_batches_goes_on_page_by_page(ada: Browser) -> None:
    """Each row once, newest first, jobs and batches in their order."""
    headers = {"Origin": address_of(ada.http.base_url)}
    for number in range(30):
        call = {"task": "primes.check", "arguments": {"numbers": [number]}}
        ada.http.post("/api/jobs", json=call, headers=headers)
        if number % 10 == 0:
            batch = {"task": "primes.check", "arguments": [{"numbers": [1]}]}
            ada.http.post("/api/batches", json=batch, headers=headers)
    listed: list[str] = []
    path = "/jobs/"
    while path:
        page = ada.http.get(path).text
        listed += [part[:36] for part in page.split('id="row-')[1:]]
        following = [part.split('"')[0] for part in page.split('older" href="?')[1:]]
        path = f"/jobs/?{following[0].replace('&amp;', '&')}" if following else ""
    assert len(listed) == len(set(listed)) >= 33
    assert listed == sorted(listed, reverse=True)


def test_first_page_that_brings_itself_up_to_date_is_told_when_it_can_not(
    service: ServiceProcess, ada: Browser
) -> None:
    """The rest of it is shown to who comes; what was shown before would else pass for the newest."""
    background = {"X-Gatehouse-Background": "1"}
    assert ada.http.get("/", headers=background).status_code == 200
    jobs = keyspace.batches(ada.http.get("/api/me").json()["id"])
    with redis.Redis.from_url(service.valkey.url("admin")) as admin:
        admin.delete(jobs)
        admin.set(jobs, "no sorted set")
        try:
            page = ada.http.get("/")
            assert page.status_code == 200
            assert "be shown just now" in page.text
            assert ada.http.get("/", headers=background).status_code == 503
        finally:
            admin.delete(jobs)
